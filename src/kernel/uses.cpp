// SPDX-License-Identifier: Apache-2.0
#include "uses.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>

#include "overparam/linalg/products.hpp"

namespace overparam::kernel {

void backward_by_block(const net::Network& network,
                       const net::Tape& tape,
                       const at::Tensor& cotangent,
                       net::Workspace& workspace,
                       const std::function<void(std::span<const UseRecord>)>& on_block) {
  struct Pending {
    std::vector<UseRecord> records;
    std::vector<linalg::Scratch> copies;
  };
  std::map<int, Pending> pending;
  network.backward(
      tape,
      cotangent,
      workspace,
      [&](const net::Use& use, const at::Tensor& delta, const net::Gathered& gathered) {
        const int uses = network.architecture().uses_of(use.block);
        if (uses == 1) {
          const UseRecord record{use, delta, gathered};
          on_block({&record, 1});
          return;
        }
        auto& waiting = pending[use.block];
        waiting.copies.push_back(workspace.take(delta.sizes()));
        waiting.copies.back().tensor().copy_(delta);
        waiting.records.push_back({use, waiting.copies.back().tensor(), gathered});
        if (static_cast<int>(waiting.records.size()) == uses) {
          on_block(waiting.records);
          pending.erase(use.block);
        }
      });
}

std::optional<net::Term> only_read_out(const net::Architecture& architecture, int layer) {
  const auto& own = architecture.layers[static_cast<std::size_t>(layer)];
  const auto& last = architecture.layers.back();
  const auto& activation = last.activation;
  const bool whole =
      own.positions == 1 &&
      std::ranges::all_of(own.terms, [](const net::Term& term) { return term.write.all(); });
  if (!whole || &own == &last || activation.keeps_slopes() || activation.multiply_derivative) {
    return std::nullopt;
  }
  std::optional<net::Term> found;
  for (const auto& reader : architecture.layers) {
    for (const auto& term : reader.terms) {
      if (term.from != layer || term.gather == net::Gather::one) continue;
      const bool dense = &reader == &last && reader.positions == 1 &&
                         term.gather == net::Gather::identity && term.block != net::kSkip &&
                         term.read.all() && term.write.all();
      if (found || !dense) return std::nullopt;
      found = term;
    }
  }
  return found;
}

linalg::Scratch slopes_of(const net::Network& network,
                          const net::Tape& tape,
                          int layer,
                          net::Workspace& workspace) {
  const auto& activation =
      network.architecture().layers[static_cast<std::size_t>(layer)].activation;
  linalg::Scratch scratch = workspace.take(tape.features(layer).sizes());
  at::Tensor& slopes = scratch.tensor();
  slopes.fill_(1);
  if (activation.keeps_slopes()) {
    slopes.copy_(tape.branches(layer));
  } else if (activation.multiply_derivative != nullptr) {
    activation.multiply_derivative(slopes, tape.features(layer));
  }
  return scratch;
}

linalg::Scratch deltas_over_outputs(const net::Network& network,
                                    const net::Tape& tape,
                                    const net::Term& read_out,
                                    net::Workspace& workspace) {
  linalg::Scratch scratch = slopes_of(network, tape, read_out.from, workspace);
  scratch.tensor().mul_((read_out.gain * network.parameters()[read_out.block]).norm(2, 0));
  return scratch;
}

void sample_gradients(const net::Block& block,
                      std::span<const UseRecord> uses,
                      net::Workspace& workspace,
                      at::Tensor& gradients) {
  const std::int64_t c = gradients.size(0);
  for (std::size_t k = 0; k < uses.size(); ++k) {
    const auto& [use, delta, gathered] = uses[k];
    const std::int64_t shared = use.positions / block.positions;
    const auto add = [&](std::int64_t begin, std::int64_t samples, const at::Tensor& z) {
      // One product a sample, or with own filters one a sample and position.
      const std::int64_t products = samples * block.positions;
      const at::Tensor rows = z.reshape({products, shared, block.columns});
      for (std::int64_t a = 0; a < c; ++a) {
        at::Tensor out = gradients[a]
                             .narrow(0, begin, samples)
                             .view({products, block.rows / block.positions, block.columns});
        const at::Tensor deltas =
            delta[a].narrow(0, begin * use.positions, samples * use.positions);
        linalg::multiply_batched(out,
                                 deltas.reshape({products, shared, -1}).transpose(1, 2),
                                 rows,
                                 use.gain,
                                 k == 0 ? 0 : 1);
      }
    };
    gathered.for_chunks(workspace, add);
  }
}

bool is_convolution(const net::Architecture& architecture, int block) {
  return std::ranges::any_of(architecture.layers, [&](const net::Layer& layer) {
    return layer.positions > 1 && std::ranges::any_of(layer.terms, [&](const net::Term& term) {
             return term.block == block;
           });
  });
}

std::int64_t largest_filter(const net::Architecture& architecture) {
  std::int64_t largest = 0;
  for (std::size_t i = 0; i < architecture.blocks.size(); ++i) {
    const auto& block = architecture.blocks[i];
    if (block.trained && is_convolution(architecture, static_cast<int>(i))) {
      largest = std::max(largest, block.rows * block.columns);
    }
  }
  return largest;
}

std::int64_t samples_at_once(const net::Architecture& architecture) {
  constexpr std::int64_t kNumbers = 16'000'000;
  const std::int64_t numbers = std::max(architecture.largest_width(), largest_filter(architecture));
  return std::max<std::int64_t>(1, kNumbers / (architecture.num_outputs() * numbers));
}

}  // namespace overparam::kernel
