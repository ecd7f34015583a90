// SPDX-License-Identifier: Apache-2.0
#include "limit_program.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "overparam/base/require.hpp"

namespace overparam::kernel {

namespace {

using Cells = std::vector<std::vector<std::int64_t>>;

class Reader {
 public:
  explicit Reader(const net::Architecture& architecture) : net_(architecture) {}

  LimitProgram read() {
    for (const auto& block : net_.blocks) program_.trained.push_back(block.trained);
    program_.read_outs.assign(net_.blocks.size(), false);
    refuse_shared_blocks();
    program_.input_cells = input_cells();
    for (int l = 0; l < net_.num_layers(); ++l) program_.layers.push_back(read_layer(l));
    for (const auto& term : program_.layers.back().terms) {
      program_.read_outs[static_cast<std::size_t>(term.block)] = true;
    }
    return std::move(program_);
  }

 private:
  void check(bool holds, const std::string& reason) const {
    base::require(holds,
                  ErrorKind::usage,
                  "the infinite-width kernel of the network {} is not known here: it {}",
                  net_.name,
                  reason);
  }

  void refuse_shared_blocks() const {
    std::vector<bool> used(net_.blocks.size(), false);
    for (const auto& layer : net_.layers) {
      for (const auto& term : layer.terms) {
        if (term.block == net::kSkip) continue;
        const auto index = static_cast<std::size_t>(term.block);
        check(!used[index], "uses the block " + net_.blocks[index].name + " more than once");
        used[index] = true;
      }
    }
  }

  /// Patches read single numbers of the input, everything else the whole of it.
  std::int64_t input_cells() const {
    std::int64_t cells = 0;
    for (const auto& layer : net_.layers) {
      for (const auto& term : layer.terms) {
        if (term.from != net::kInput || term.gather == net::Gather::one) continue;
        const bool patches = term.gather == net::Gather::patches;
        const std::int64_t asked = patches ? term.cells : 1;
        check(cells == 0 || cells == asked, "reads its input in two ways");
        check(!patches || asked == net_.input_size, "reads its input in pieces of several numbers");
        cells = asked;
      }
    }
    return cells;
  }

  LimitLayer read_layer(int index) const {
    const auto& shape = net_.layers[static_cast<std::size_t>(index)];
    LimitLayer layer{.activation = limit_of(shape.activation), .positions = shape.positions};
    layer.channels = net_.width_of(index) / shape.positions;
    for (const auto& term : shape.terms) {
      check(term.read.all() && term.write.all(), "reads or writes parts of a layer");
      if (term.block == net::kSkip) {
        check(layer.skip_source == 0 && term.gain == 1 && term.from != net::kInput,
              "adds features other than by one plain skip");
        layer.skip_source = term.from + 1;
      } else {
        layer.terms.push_back(read_term(term, shape.positions));
      }
    }
    if (layer.skip_source > 0) {
      const bool is_relu = shape.activation.name == "relu";
      check(is_relu && layer.positions == 1, "adds a skip before an activation other than relu");
      check(layer.terms.size() == 1 && !layer.terms[0].is_bias, "has two branches beside a skip");
    }
    return layer;
  }

  LimitTerm read_term(const net::Term& term, std::int64_t positions) const {
    const auto& block = net_.blocks[static_cast<std::size_t>(term.block)];
    LimitTerm read{.source = term.from + 1, .block = term.block};
    read.gain_squared = term.gain * term.gain;
    read.forward = read.gain_squared * block.variance;
    if (term.gather == net::Gather::one) {
      read.is_bias = true;
      read.source = 0;
      return read;
    }
    read.cells = cells_of(term, positions);
    const std::int64_t width = net_.width_of(term.from);
    read.backward = read.forward * static_cast<double>(width / program_.cells_of(read.source));
    return read;
  }

  Cells cells_of(const net::Term& term, std::int64_t positions) const {
    Cells cells(static_cast<std::size_t>(positions));
    if (term.gather == net::Gather::patches) {
      const at::Tensor table = term.neighbours.to(at::kCPU, at::kLong).contiguous();  // (P, q)
      const auto* entry = table.data_ptr<std::int64_t>();
      for (auto& list : cells) {
        list.assign(entry, entry + table.size(1));
        entry += table.size(1);
      }
      return cells;
    }
    const std::int64_t count = program_.cells_of(term.from + 1);
    check(count % positions == 0, "cuts features across positions");
    std::int64_t next = 0;
    for (auto& list : cells) {
      for (std::int64_t k = 0; k < count / positions; ++k) list.push_back(next++);
    }
    return cells;
  }

  const net::Architecture& net_;
  LimitProgram program_;
};

}  // namespace

bool LimitProgram::has_skips() const {
  return std::ranges::any_of(layers, [](const auto& layer) { return layer.skip_source > 0; });
}

bool LimitProgram::needs_quadrature() const {
  return std::ranges::any_of(layers,
                             [](const auto& layer) { return layer.activation.by_quadrature; });
}

std::int64_t LimitProgram::cells_of(int source) const {
  return source == 0 ? input_cells : layers[static_cast<std::size_t>(source - 1)].positions;
}

std::int64_t LimitProgram::total_cells() const {
  std::int64_t total = input_cells;
  for (const auto& layer : layers) total += layer.positions;
  return total;
}

LimitProgram read_limit(const net::Architecture& architecture) {
  return Reader(architecture).read();
}

}  // namespace overparam::kernel
