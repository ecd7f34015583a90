// SPDX-License-Identifier: Apache-2.0
#include "overparam/kernel/mean_feature.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>

#include "overparam/linalg/products.hpp"
#include "tile_sum.hpp"
#include "uses.hpp"

namespace overparam::kernel {

using linalg::multiply;
using linalg::Scratch;

namespace {

constexpr std::int64_t kSamplesOfMean = 256;

/// Where the columns of each trained block are.
struct Layout {
  explicit Layout(const net::Architecture& architecture)
      : first(architecture.blocks.size()), read_outs(architecture.blocks.size()) {
    for (int layer = 0; layer < architecture.num_layers(); ++layer) {
      for (const auto& term : architecture.layers[static_cast<std::size_t>(layer)].terms) {
        if (term.block == net::kSkip || architecture.uses_of(term.block) > 1) continue;
        read_outs[static_cast<std::size_t>(term.block)] = only_read_out(architecture, layer);
      }
    }
    for (std::size_t k = 0; k < first.size(); ++k) {
      if (!architecture.blocks[k].trained) continue;
      std::int64_t& count = read_outs[k] ? columns.shared : columns.own;
      first[k] = count;
      count += architecture.blocks[k].rows;
    }
  }

  std::vector<std::int64_t> first;  // among the own or among the shared
  std::vector<std::optional<net::Term>> read_outs;
  DerivativeColumns columns;
};

/// s <z, v> of each sample.
Scratch reading_of(const UseRecord& record,
                   const at::Tensor& direction,
                   net::Workspace& workspace) {
  Scratch space;
  const at::Tensor rows = record.gathered.rows(workspace, space);
  Scratch along = workspace.take({rows.size(0)});
  multiply(along.tensor(), rows, direction);
  along.tensor().mul_(record.use.gain);
  return along;
}

/// U's columns of one block, (c, n, rows).
void add_along(const net::Block& block,
               std::span<const UseRecord> uses,
               const at::Tensor& direction,
               net::Workspace& workspace,
               at::Tensor out) {
  const std::int64_t c = out.size(0);
  const std::int64_t n = out.size(1);
  if (uses.front().use.positions > 1) {
    Scratch gradients = workspace.take({c, n, block.rows * block.columns});
    Scratch along = workspace.take({c * n * block.rows});
    sample_gradients(block, uses, workspace, gradients.tensor());
    multiply(along.tensor(), gradients.tensor().view({-1, block.columns}), direction);
    out.copy_(along.tensor().view({c, n, block.rows}));
    return;
  }
  out.zero_();
  for (const auto& record : uses) {
    const Scratch reading = reading_of(record, direction, workspace);
    out.addcmul_(record.delta, reading.tensor().view({1, n, 1}));
  }
}

}  // namespace

std::vector<at::Tensor> mean_features(const net::Network& network,
                                      const at::Tensor& inputs,
                                      net::Workspace& workspace) {
  const std::int64_t n = std::min(inputs.size(0), kSamplesOfMean);
  const net::Tape tape = network.record(inputs.narrow(0, 0, n), workspace);
  std::vector<at::Tensor> directions(network.architecture().blocks.size());
  network.backward(tape,
                   at::zeros_like(tape.outputs()),
                   workspace,
                   [&](const net::Use& use, const at::Tensor&, const net::Gathered& gathered) {
                     Scratch space;
                     const at::Tensor sum = gathered.rows(workspace, space).sum(0);
                     at::Tensor& direction = directions[static_cast<std::size_t>(use.block)];
                     direction = direction.defined() ? direction.add_(sum) : sum;
                   });
  for (auto& direction : directions) {
    if (!direction.defined()) continue;
    const double length = direction.norm().item<double>();
    direction = length > 0 ? direction.div_(length) : at::Tensor();
  }
  return directions;
}

DerivativeColumns derivative_columns(const net::Architecture& architecture) {
  return Layout(architecture).columns;
}

at::Tensor DerivativesAlong::whole() const {
  const std::int64_t rows = own.size(0) * own.size(1);
  const at::Tensor shared = patterns.unsqueeze(1) * read_out;  // (n, d, R_shared)
  return at::cat({own.reshape({rows, own.size(2)}), shared.reshape({rows, patterns.size(1)})}, 1);
}

DerivativesAlong derivatives_along(const net::Network& network,
                                   const at::Tensor& inputs,
                                   const std::vector<at::Tensor>& directions,
                                   net::Workspace& workspace) {
  const auto& architecture = network.architecture();
  const Layout layout(architecture);
  const std::int64_t n = inputs.size(0);
  const std::int64_t d = architecture.num_outputs();
  const DerivativesAlong result{
      .own = at::zeros({n, d, layout.columns.own}, network.options()),
      .patterns = at::zeros({n, layout.columns.shared}, network.options()),
      .read_out = at::zeros({d, layout.columns.shared}, network.options())};
  const std::int64_t chunk = samples_at_once(architecture);
  for (std::int64_t begin = 0; begin < n; begin += chunk) {
    const std::int64_t size = std::min(chunk, n - begin);
    const net::Tape tape = network.record(inputs.narrow(0, begin, size), workspace);
    const auto add_block = [&](std::span<const UseRecord> uses) {
      const auto k = static_cast<std::size_t>(uses.front().use.block);
      const auto& block = architecture.blocks[k];
      if (!directions[k].defined()) return;
      if (const auto& read_out = layout.read_outs[k]) {
        const Scratch reading = reading_of(uses.front(), directions[k], workspace);
        const Scratch slopes = slopes_of(network, tape, read_out->from, workspace);
        at::Tensor patterns =
            result.patterns.narrow(0, begin, size).narrow(1, layout.first[k], block.rows);
        at::mul_out(patterns, slopes.tensor(), reading.tensor().unsqueeze(1));
        result.read_out.narrow(1, layout.first[k], block.rows)
            .copy_(network.parameters()[read_out->block])
            .mul_(read_out->gain);
        return;
      }
      const at::Tensor own = result.own.narrow(0, begin, size).transpose(0, 1);  // (d, size, ...)
      add_along(block, uses, directions[k], workspace, own.narrow(2, layout.first[k], block.rows));
    };
    backward_by_block(network, tape, net::unit_cotangents(tape), workspace, add_block);
  }
  return result;
}

double operations_of_derivatives(const net::Architecture& architecture, std::int64_t n) {
  return static_cast<double>(n) * operations_of_passes(architecture, architecture.num_outputs());
}

}  // namespace overparam::kernel
