// SPDX-License-Identifier: Apache-2.0
// What the families have in common when they put an architecture together.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "overparam/base/require.hpp"
#include "overparam/net/catalogue.hpp"

namespace overparam::net {

inline void check_sizes(const NetworkOptions& options) {
  const auto check = [](const char* what, std::int64_t found, std::int64_t least) {
    base::require(
        found >= least, ErrorKind::usage, "{} must be at least {}, found {}", what, least, found);
  };
  check("width", options.width, 1);
  check("depth", options.depth, 0);
  check("outputs", options.num_outputs, 1);
  for (const auto width : options.widths) check("each of the widths", width, 1);
}

/// Square or not, entries N(0, c / rows): phi(W h) keeps the norm of h.
inline Block hidden_block(const std::string& name,
                          std::int64_t rows,
                          std::int64_t columns,
                          const Activation& activation) {
  return {.name = name,
          .rows = rows,
          .columns = columns,
          .variance = activation.variance_gain / static_cast<double>(rows)};
}

/// B (d, m) with entries N(0, 1/d) (Definition 2.3).
inline Block read_out_block(std::int64_t num_outputs, std::int64_t columns) {
  return {.name = "B",
          .rows = num_outputs,
          .columns = columns,
          .variance = 1 / static_cast<double>(num_outputs)};
}

/// Adds blocks and layers; layers are known by their index.
class Builder {
 public:
  Builder(std::string name, std::int64_t input_size)
      : result_{.name = std::move(name), .input_size = input_size} {}

  /// The index of the new block.
  int add_block(Block block) {
    result_.blocks.push_back(std::move(block));
    return static_cast<int>(result_.blocks.size()) - 1;
  }

  /// The index of the new layer.
  int add_layer(std::vector<Term> terms,
                const Activation& activation,
                std::int64_t positions = 1,
                std::int64_t width = 0) {
    result_.layers.push_back({.terms = std::move(terms),
                              .activation = activation,
                              .positions = positions,
                              .width = width});
    return result_.num_layers() - 1;
  }

  /// A layer that reads one earlier layer through one new block.
  int add_dense(int from, Block block, const Activation& activation, double gain = 1) {
    const int index = add_block(std::move(block));
    return add_layer({{.from = from, .block = index, .gain = gain}}, activation);
  }

  void add_read_out(int from, std::int64_t num_outputs, std::int64_t width) {
    add_dense(from, read_out_block(num_outputs, width), identity());
  }

  [[nodiscard]] Architecture take() { return std::move(result_); }

 private:
  Architecture result_;
};

}  // namespace overparam::net
