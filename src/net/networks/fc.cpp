// SPDX-License-Identifier: Apache-2.0
// The fully connected network of Section 2:
//
//     h_0 = phi(A x)      h_l = phi(W_l h_{l-1}), l = 1..L      y = B h_L
//
// A (m, dx) and W_l (m, m) have entries N(0, 2/m), B (d, m) has entries N(0, 1/d) (Definition 2.3).
#include "overparam/base/require.hpp"
#include "overparam/net/catalogue.hpp"

namespace overparam::net {

namespace {

Architecture build_fc(const NetworkOptions& options) {
  base::require(
      options.width >= 1, ErrorKind::usage, "width must be at least 1, found {}", options.width);
  base::require(
      options.depth >= 0, ErrorKind::usage, "depth must be at least 0, found {}", options.depth);
  base::require(options.num_outputs >= 1,
                ErrorKind::usage,
                "outputs must be at least 1, found {}",
                options.num_outputs);
  const double m = static_cast<double>(options.width);
  const double d = static_cast<double>(options.num_outputs);

  Architecture fc{.name = "fc", .input_size = options.input_size};
  const auto add_layer = [&](Block block, const Activation& activation) {
    const int index = static_cast<int>(fc.layers.size());
    fc.blocks.push_back(std::move(block));
    fc.layers.push_back({.terms = {{.from = index - 1, .block = index}}, .activation = activation});
  };
  add_layer({"A", options.width, options.input_size, 2 / m}, relu());
  for (std::int64_t l = 1; l <= options.depth; ++l) {
    add_layer({"W." + std::to_string(l), options.width, options.width, 2 / m}, relu());
  }
  add_layer({"B", options.num_outputs, options.width, 1 / d}, identity());
  return fc;
}

}  // namespace

NetworkFamily fc() {
  return {
      .name = "fc",
      .description = "fully connected, L square hidden layers of width m between A and B",
      .source = "Allen-Zhu, Li, Song 2019, Section 2 and Definition 2.3",
      .default_trained = "hidden",
      .build = build_fc,
  };
}

}  // namespace overparam::net
