// SPDX-License-Identifier: Apache-2.0
#include "overparam/net/network.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "block_products.hpp"
#include "overparam/base/require.hpp"
#include "overparam/linalg/products.hpp"
#include "patches.hpp"

namespace overparam::net {

using linalg::multiply;
using linalg::Scratch;

namespace {

/// target = gain * source + (first ? 0 : target)
void accumulate(at::Tensor& target, const at::Tensor& source, double gain, bool first) {
  if (first) target.zero_();
  target.add_(source, gain);
}

bool has_derivative(const Activation& activation) {
  return activation.multiply_derivative != nullptr || activation.keeps_slopes();
}

/// cotangent <- cotangent * phi'_l(g_l)
void multiply_derivative(const Activation& activation,
                         at::Tensor& cotangent,
                         const Tape& tape,
                         int layer) {
  if (activation.keeps_slopes()) {
    cotangent.mul_(tape.branches(layer));
  } else if (activation.multiply_derivative != nullptr) {
    activation.multiply_derivative(cotangent, tape.features(layer));
  }
}

/// Features (..., n, positions * channels) as (... n * positions, channels).
at::Tensor as_rows(const at::Tensor& tensor, std::int64_t positions = 1) {
  return tensor.view({-1, tensor.size(-1) / positions});
}

/// (..., n, positions * channels) as (..., n * positions, channels)
at::Tensor rows_of_samples(const at::Tensor& delta, std::int64_t positions) {
  if (positions == 1) return delta;
  auto sizes = delta.sizes().vec();
  sizes[sizes.size() - 2] *= positions;
  sizes.back() /= positions;
  return delta.view(sizes);
}

/// out = gain Z W^T + beta out, (n * positions, m)
void apply_to(const Gathered& gathered,
              const Block& block,
              const at::Tensor& weights,
              at::Tensor& out,
              double gain,
              double beta,
              Workspace& workspace) {
  const std::int64_t positions = gathered.positions();
  gathered.for_chunks(workspace, [&](std::int64_t begin, std::int64_t count, const at::Tensor& z) {
    at::Tensor piece = out.narrow(0, begin * positions, count * positions);
    apply_block(block, weights, z, piece, gain, beta);
  });
}

/// into = alpha s delta^T Z + beta into
void add_gradient_of(const Use& use,
                     const Block& block,
                     const at::Tensor& delta,
                     const Gathered& gathered,
                     at::Tensor& into,
                     double alpha,
                     double beta,
                     Workspace& workspace) {
  gathered.for_chunks(workspace, [&](std::int64_t begin, std::int64_t count, const at::Tensor& z) {
    const at::Tensor rows = delta.narrow(0, begin * use.positions, count * use.positions);
    add_block_gradient(block, rows, z, into, alpha * use.gain, begin == 0 ? beta : 1);
  });
}

/// A bias reads the constant 1, whose cotangent nobody asks for.
bool sends_cotangent(const Term& term) { return term.from != kInput && term.gather != Gather::one; }

/// Some columns of a layer, where a term does not write all of them.
at::Tensor part_of(const at::Tensor& layer, const Columns& columns) {
  return columns.all() ? layer : layer.narrow(-1, columns.begin, columns.size);
}

/// Terms that write different columns leave some to none: they start from zero.
bool writes_parts(const Layer& layer) {
  return std::ranges::any_of(layer.terms, [](const Term& term) { return !term.write.all(); });
}

/// The sizes of a cotangent for features of this width: (n, width) or (c, n, width).
std::vector<std::int64_t> with_width(const at::Tensor& cotangent, std::int64_t width) {
  auto sizes = cotangent.sizes().vec();
  sizes.back() = width;
  return sizes;
}

bool has_trained_term(const Architecture& architecture, const Layer& layer) {
  return std::ranges::any_of(layer.terms, [&](const Term& term) {
    return term.block != kSkip && architecture.blocks[static_cast<std::size_t>(term.block)].trained;
  });
}

}  // namespace

const at::Tensor& Tape::features(int layer) const {
  return layer == kInput ? inputs_ : features_[static_cast<std::size_t>(layer)].tensor();
}

const at::Tensor& Tape::branches(int layer) const {
  const auto& slopes = slopes_[static_cast<std::size_t>(layer)];
  return slopes ? slopes.tensor() : features(layer);
}

Network::Network(Architecture architecture, Parameters parameters)
    : architecture_(std::move(architecture)), parameters_(std::move(parameters)) {
  architecture_.validate();
  base::require(parameters_.size() == architecture_.blocks.size(),
                ErrorKind::usage,
                "network {}: {} weight matrices, expected {}",
                architecture_.name,
                parameters_.size(),
                architecture_.blocks.size());
  for (std::size_t i = 0; i < architecture_.blocks.size(); ++i) {
    const auto& block = architecture_.blocks[i];
    const auto& weights = parameters_[static_cast<int>(i)];
    base::require(
        weights.dim() == 2 && weights.size(0) == block.rows && weights.size(1) == block.columns,
        ErrorKind::usage,
        "network {}: block {} must be ({}, {})",
        architecture_.name,
        block.name,
        block.rows,
        block.columns);
  }

  const auto layers = architecture_.layers.size();
  needs_cotangent_.assign(layers, false);
  last_reader_.assign(layers, -1);
  for (std::size_t layer = 0; layer < layers; ++layer) {
    const auto& shape = architecture_.layers[layer];
    needs_cotangent_[layer] = has_trained_term(architecture_, shape);
    for (const auto& term : shape.terms) {
      if (term.from == kInput) continue;
      const auto from = static_cast<std::size_t>(term.from);
      last_reader_[from] = static_cast<int>(layer);
      if (needs_cotangent_[from]) needs_cotangent_[layer] = true;
    }
  }
}

Network::Network(const Architecture& architecture,
                 std::uint64_t seed,
                 const at::TensorOptions& options)
    : Network(architecture, Parameters::initial(architecture, seed, options)) {}

Network Network::converted(at::ScalarType type) const {
  std::vector<at::Tensor> blocks;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    blocks.push_back(
        parameters_[static_cast<int>(i)].to(type, /*non_blocking=*/false, /*copy=*/true));
  }
  return {architecture_, Parameters(std::move(blocks))};
}

void Network::check_inputs(const at::Tensor& inputs) const {
  base::require(inputs.dim() == 2 && inputs.size(1) == architecture_.input_size,
                ErrorKind::usage,
                "network {}: inputs must be (n, {}), found {} columns",
                architecture_.name,
                architecture_.input_size,
                inputs.dim() == 2 ? inputs.size(1) : -1);
  base::require(inputs.scalar_type() == parameters_[0].scalar_type(),
                ErrorKind::usage,
                "network {}: inputs and weights must have the same type",
                architecture_.name);
}

const Block& Network::block_of(const Term& term) const {
  return architecture_.blocks[static_cast<std::size_t>(term.block)];
}

void Network::compute_layer(int layer,
                            const std::function<const at::Tensor&(int)>& features_of,
                            at::Tensor& out,
                            Workspace& workspace,
                            at::Tensor* slopes) const {
  const auto& shape = architecture_.layers[static_cast<std::size_t>(layer)];
  const std::int64_t P = shape.positions;
  bool first = !writes_parts(shape);
  if (!first) out.zero_();
  for (const auto& term : shape.terms) {
    const at::Tensor& source = features_of(term.from);
    at::Tensor target = part_of(out, term.write);
    if (term.block == kSkip) {
      accumulate(target, part_of(source, term.read), term.gain, first);
    } else {
      at::Tensor rows = rows_of_samples(target, P);  // (n P, m)
      apply_to(Gathered(term, P, source),
               block_of(term),
               parameters_[term.block],
               rows,
               term.gain,
               first ? 0 : 1,
               workspace);
    }
    first = false;
  }
  at::Tensor rows = as_rows(out, P);  // an activation's scale is that of a row
  if (slopes != nullptr) {
    at::Tensor slope_rows = as_rows(*slopes, P);
    shape.activation.apply_with_slopes(rows, slope_rows);
  } else {
    shape.activation.apply(rows);
  }
}

void Network::forward(const at::Tensor& inputs, at::Tensor& outputs, Workspace& workspace) const {
  constexpr std::int64_t kChunk = 1024;
  check_inputs(inputs);
  for (std::int64_t begin = 0; begin < inputs.size(0); begin += kChunk) {
    const std::int64_t count = std::min(kChunk, inputs.size(0) - begin);
    at::Tensor part = outputs.narrow(0, begin, count);
    forward_chunk(inputs.narrow(0, begin, count), part, workspace);
  }
}

void Network::forward_chunk(const at::Tensor& inputs,
                            at::Tensor& outputs,
                            Workspace& workspace) const {
  const int layers = architecture_.num_layers();
  std::vector<Scratch> features(static_cast<std::size_t>(layers));
  const auto features_of = [&](int layer) -> const at::Tensor& {
    return layer == kInput ? inputs : features[static_cast<std::size_t>(layer)].tensor();
  };
  for (int layer = 0; layer + 1 < layers; ++layer) {
    auto& scratch = features[static_cast<std::size_t>(layer)];
    scratch = workspace.take({inputs.size(0), architecture_.width_of(layer)});
    compute_layer(layer, features_of, scratch.tensor(), workspace);
    for (int done = 0; done < layer; ++done) {
      if (last_reader_[static_cast<std::size_t>(done)] <= layer) {
        features[static_cast<std::size_t>(done)].give_back();
      }
    }
  }
  compute_layer(layers - 1, features_of, outputs, workspace);
}

at::Tensor Network::forward(const at::Tensor& inputs, Workspace& workspace) const {
  at::Tensor outputs = at::empty({inputs.size(0), architecture_.num_outputs()}, options());
  forward(inputs, outputs, workspace);
  return outputs;
}

Tape Network::record(const at::Tensor& inputs, Workspace& workspace) const {
  check_inputs(inputs);
  Tape tape;
  tape.inputs_ = inputs;
  const auto features_of = [&](int layer) -> const at::Tensor& { return tape.features(layer); };
  for (int layer = 0; layer < architecture_.num_layers(); ++layer) {
    const std::int64_t width = architecture_.width_of(layer);
    tape.features_.push_back(workspace.take({inputs.size(0), width}));
    tape.slopes_.emplace_back();
    const auto index = static_cast<std::size_t>(layer);
    if (architecture_.layers[index].activation.keeps_slopes()) {
      tape.slopes_[index] = workspace.take({inputs.size(0), width});
    }
    compute_layer(
        layer, features_of, tape.features_[index].tensor(), workspace, tape.slopes_to_fill(index));
  }
  return tape;
}

void Network::refresh(Tape& tape, Workspace& workspace) const {
  const auto features_of = [&](int layer) -> const at::Tensor& { return tape.features(layer); };
  for (int layer = 0; layer < architecture_.num_layers(); ++layer) {
    const auto index = static_cast<std::size_t>(layer);
    if (needs_cotangent_[index]) {
      compute_layer(layer,
                    features_of,
                    tape.features_[index].tensor(),
                    workspace,
                    tape.slopes_to_fill(index));
    }
  }
}

void Network::backward(const Tape& tape,
                       const at::Tensor& cotangent,
                       Workspace& workspace,
                       const OnUse& on_use) const {
  const int top = architecture_.num_layers() - 1;
  std::vector<Scratch> cotangents(architecture_.layers.size());
  for (int layer = top; layer >= 0; --layer) {
    const auto& shape = architecture_.layers[static_cast<std::size_t>(layer)];
    auto& scratch = cotangents[static_cast<std::size_t>(layer)];
    if (layer == top && has_derivative(shape.activation)) {
      scratch = workspace.take(cotangent.sizes());
      scratch.tensor().copy_(cotangent);
    }
    if (!needs_cotangent_[static_cast<std::size_t>(layer)] || (layer != top && !scratch)) continue;

    at::Tensor delta = scratch ? scratch.tensor() : cotangent;  // (..., n, rows)
    multiply_derivative(shape.activation, delta, tape, layer);
    for (int index = 0; index < static_cast<int>(shape.terms.size()); ++index) {
      const auto& term = shape.terms[static_cast<std::size_t>(index)];
      if (sends_cotangent(term) && needs_cotangent_[static_cast<std::size_t>(term.from)]) {
        auto& below = cotangents[static_cast<std::size_t>(term.from)];
        const bool first = !below;
        if (first) {
          below = workspace.take(with_width(cotangent, architecture_.width_of(term.from)));
        }
        pull_back(term, shape.positions, delta, below.tensor(), first, workspace);
      }
      if (term.block != kSkip && block_of(term).trained) {
        on_use({layer, index, term.block, term.gain, shape.positions},
               rows_of_samples(part_of(delta, term.write), shape.positions),
               Gathered(term, shape.positions, tape.features(term.from)));
      }
    }
    scratch.give_back();
  }
}

/// below += s Phi^T(delta W), where `first` stands for a `below` that holds nothing yet.
void Network::pull_back(const Term& term,
                        std::int64_t positions,
                        const at::Tensor& delta,
                        at::Tensor& below,
                        bool first,
                        Workspace& workspace) const {
  const bool adds = !first || !term.read.all() || term.gather == Gather::patches;
  if (first && adds) below.zero_();
  at::Tensor target = part_of(below, term.read);
  const at::Tensor source = part_of(delta, term.write);
  if (term.block == kSkip) {
    accumulate(target, source, term.gain, !adds);
    return;
  }
  const Block& block = block_of(term);
  const at::Tensor& weights = parameters_[term.block];
  const at::Tensor rows = as_rows(source, positions);  // (n P, m)
  if (term.gather == Gather::identity) {
    at::Tensor result = as_rows(target, positions);
    apply_block_transposed(block, weights, rows, result, term.gain, adds ? 1 : 0);
    return;
  }
  at::Tensor samples = as_rows(target);  // (n, width)
  const Gathered shape(term, positions, samples);
  const std::int64_t chunk = shape.samples_at_once();
  Scratch space = workspace.take({chunk * positions, shape.columns()});
  for (std::int64_t begin = 0; begin < samples.size(0); begin += chunk) {
    const std::int64_t count = std::min(chunk, samples.size(0) - begin);
    at::Tensor patches = space.tensor().narrow(0, 0, count * positions);
    apply_block_transposed(block,
                           weights,
                           rows.narrow(0, begin * positions, count * positions),
                           patches,
                           term.gain,
                           0);
    at::Tensor part = samples.narrow(0, begin, count);
    add_patches(patches, term.neighbours, term.cells, part);
  }
}

void Network::add_gradient(const Tape& tape,
                           const at::Tensor& cotangent,
                           double alpha,
                           Parameters& into,
                           Workspace& workspace,
                           double beta) const {
  const bool fused = &into == &parameters_;
  std::vector<bool> started(architecture_.blocks.size(), false);
  backward(tape,
           cotangent,
           workspace,
           [&](const Use& use, const at::Tensor& delta, const Gathered& gathered) {
             const auto index = static_cast<std::size_t>(use.block);
             const Block& block = architecture_.blocks[index];
             base::ensure(!fused || architecture_.uses_of(use.block) == 1,
                          "add_gradient: block {} is shared, its update cannot be fused",
                          block.name);
             add_gradient_of(use,
                             block,
                             delta,
                             gathered,
                             into[use.block],
                             alpha,
                             started[index] ? 1 : beta,
                             workspace);
             started[index] = true;
           });
}

std::vector<double> Network::squared_gradient_norms(const Tape& tape,
                                                    const at::Tensor& cotangent,
                                                    Workspace& workspace) const {
  const auto blocks = architecture_.blocks.size();
  std::vector<double> norms(blocks, 0);
  std::vector<Scratch> gradients(blocks);
  backward(
      tape,
      cotangent,
      workspace,
      [&](const Use& use, const at::Tensor& delta, const Gathered& gathered) {
        const auto index = static_cast<std::size_t>(use.block);
        const auto& block = architecture_.blocks[index];
        const std::int64_t n = delta.size(0);
        const bool grams_are_cheaper =
            n * (block.rows + block.columns) < block.rows * block.columns && block.positions == 1;
        if (grams_are_cheaper && architecture_.uses_of(use.block) == 1) {
          Scratch space;
          const at::Tensor z = gathered.rows(workspace, space);
          Scratch deltas = workspace.take({n, n});
          Scratch features = workspace.take({n, n});
          multiply(deltas.tensor(), delta, delta.t());
          multiply(features.tensor(), z, z.t());
          norms[index] =
              use.gain * use.gain *
              at::dot(deltas.tensor().view({-1}), features.tensor().view({-1})).item<double>();
        } else {
          const bool first = !gradients[index];
          if (first) gradients[index] = workspace.take({block.rows, block.columns});
          add_gradient_of(
              use, block, delta, gathered, gradients[index].tensor(), 1, first ? 0 : 1, workspace);
        }
      });
  for (std::size_t i = 0; i < blocks; ++i) {
    if (!gradients[i]) continue;
    const at::Tensor entries = gradients[i].tensor().view({-1});
    norms[i] = at::dot(entries, entries).item<double>();
  }
  return norms;
}

void Network::push_forward(const Tape& tape,
                           const AddPerturbation& add_perturbation,
                           at::Tensor& outputs_tangent,
                           Workspace& workspace) const {
  const int layers = architecture_.num_layers();
  const std::int64_t n = tape.inputs().size(0);
  std::vector<Scratch> tangents(architecture_.layers.size());
  for (int layer = 0; layer < layers; ++layer) {
    const auto& shape = architecture_.layers[static_cast<std::size_t>(layer)];
    if (!needs_cotangent_[static_cast<std::size_t>(layer)]) continue;
    auto& scratch = tangents[static_cast<std::size_t>(layer)];
    scratch = workspace.take({n, architecture_.width_of(layer)});
    at::Tensor tangent = layer + 1 == layers ? outputs_tangent : scratch.tensor();  // (n, rows)

    const std::int64_t P = shape.positions;
    bool first = !writes_parts(shape);
    if (!first) tangent.zero_();
    for (const auto& term : shape.terms) {
      if (!sends_cotangent(term) || !tangents[static_cast<std::size_t>(term.from)]) continue;
      const at::Tensor& below = tangents[static_cast<std::size_t>(term.from)].tensor();
      at::Tensor target = part_of(tangent, term.write);
      if (term.block == kSkip) {
        accumulate(target, part_of(below, term.read), term.gain, first);
      } else {
        at::Tensor rows = rows_of_samples(target, P);
        apply_to(Gathered(term, P, below),
                 block_of(term),
                 parameters_[term.block],
                 rows,
                 term.gain,
                 first ? 0 : 1,
                 workspace);
      }
      first = false;
    }
    if (first) tangent.zero_();
    for (int index = 0; index < static_cast<int>(shape.terms.size()); ++index) {
      const auto& term = shape.terms[static_cast<std::size_t>(index)];
      if (term.block == kSkip || !block_of(term).trained) continue;
      at::Tensor target = rows_of_samples(part_of(tangent, term.write), P);
      add_perturbation({layer, index, term.block, term.gain, P},
                       Gathered(term, P, tape.features(term.from)),
                       target);
    }
    multiply_derivative(shape.activation, tangent, tape, layer);
    for (int done = 0; done < layer; ++done) {
      if (last_reader_[static_cast<std::size_t>(done)] <= layer) {
        tangents[static_cast<std::size_t>(done)].give_back();
      }
    }
  }
}

at::Tensor Network::jvp(const Tape& tape, const Parameters& direction, Workspace& workspace) const {
  at::Tensor tangent = at::empty_like(tape.outputs());
  push_forward(
      tape,
      [&](const Use& use, const Gathered& gathered, at::Tensor& pre_activation_tangent) {
        const at::Tensor& weights = direction[use.block];
        if (!weights.defined()) return;
        const Block& block = architecture_.blocks[static_cast<std::size_t>(use.block)];
        apply_to(gathered, block, weights, pre_activation_tangent, use.gain, 1, workspace);
      },
      tangent,
      workspace);
  return tangent;
}

at::Tensor unit_cotangents(const Tape& tape) {
  const std::int64_t n = tape.outputs().size(0);
  const std::int64_t d = tape.outputs().size(1);
  return at::eye(d, tape.outputs().options()).view({d, 1, d}).expand({d, n, d}).contiguous();
}

}  // namespace overparam::net
