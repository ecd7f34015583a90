// SPDX-License-Identifier: Apache-2.0
#include "overparam/net/network.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "overparam/base/require.hpp"
#include "overparam/linalg/products.hpp"

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

at::Tensor as_rows(const at::Tensor& tensor) { return tensor.view({-1, tensor.size(-1)}); }

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

void Network::compute_layer(int layer,
                            const std::function<const at::Tensor&(int)>& features_of,
                            at::Tensor& out,
                            at::Tensor* slopes) const {
  const auto& shape = architecture_.layers[static_cast<std::size_t>(layer)];
  bool first = true;
  for (const auto& term : shape.terms) {
    const at::Tensor& gathered = features_of(term.from);  // (n, columns)
    if (term.block == kSkip) {
      accumulate(out, gathered, term.gain, first);
    } else {
      multiply(out, gathered, parameters_[term.block].t(), term.gain, first ? 0 : 1);
    }
    first = false;
  }
  if (shape.bias.defined()) out.add_(shape.bias);
  if (slopes != nullptr) {
    shape.activation.apply_with_slopes(out, *slopes);
  } else {
    shape.activation.apply(out);
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
    compute_layer(layer, features_of, scratch.tensor());
    for (int done = 0; done < layer; ++done) {
      if (last_reader_[static_cast<std::size_t>(done)] <= layer) {
        features[static_cast<std::size_t>(done)].give_back();
      }
    }
  }
  compute_layer(layers - 1, features_of, outputs);
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
    compute_layer(layer, features_of, tape.features_[index].tensor(), tape.slopes_to_fill(index));
  }
  return tape;
}

void Network::refresh(Tape& tape) const {
  const auto features_of = [&](int layer) -> const at::Tensor& { return tape.features(layer); };
  for (int layer = 0; layer < architecture_.num_layers(); ++layer) {
    const auto index = static_cast<std::size_t>(layer);
    if (needs_cotangent_[index]) {
      compute_layer(layer, features_of, tape.features_[index].tensor(), tape.slopes_to_fill(index));
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
      if (term.from != kInput && needs_cotangent_[static_cast<std::size_t>(term.from)]) {
        auto& below = cotangents[static_cast<std::size_t>(term.from)];
        const bool first = !below;
        if (first) {
          below = workspace.take(with_width(cotangent, architecture_.width_of(term.from)));
        }
        if (term.block == kSkip) {
          accumulate(below.tensor(), delta, term.gain, first);
        } else {
          at::Tensor rows = as_rows(below.tensor());
          multiply(rows, as_rows(delta), parameters_[term.block], term.gain, first ? 0 : 1);
        }
      }
      if (term.block != kSkip &&
          architecture_.blocks[static_cast<std::size_t>(term.block)].trained) {
        on_use({layer, index, term.block, term.gain}, delta, tape.features(term.from));
      }
    }
    scratch.give_back();
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
           [&](const Use& use, const at::Tensor& delta, const at::Tensor& gathered) {
             const auto block = static_cast<std::size_t>(use.block);
             base::ensure(!fused || architecture_.uses_of(use.block) == 1,
                          "add_gradient: block {} is shared, its update cannot be fused",
                          architecture_.blocks[block].name);
             multiply(
                 into[use.block], delta.t(), gathered, alpha * use.gain, started[block] ? 1 : beta);
             started[block] = true;
           });
}

std::vector<double> Network::squared_gradient_norms(const Tape& tape,
                                                    const at::Tensor& cotangent,
                                                    Workspace& workspace) const {
  const auto blocks = architecture_.blocks.size();
  std::vector<double> norms(blocks, 0);
  std::vector<Scratch> gradients(blocks);
  const std::int64_t n = cotangent.size(0);
  backward(tape,
           cotangent,
           workspace,
           [&](const Use& use, const at::Tensor& delta, const at::Tensor& gathered) {
             const auto index = static_cast<std::size_t>(use.block);
             const auto& block = architecture_.blocks[index];
             const bool grams_are_cheaper =
                 n * (block.rows + block.columns) < block.rows * block.columns;
             if (grams_are_cheaper && architecture_.uses_of(use.block) == 1) {
               Scratch deltas = workspace.take({n, n});
               Scratch features = workspace.take({n, n});
               multiply(deltas.tensor(), delta, delta.t());
               multiply(features.tensor(), gathered, gathered.t());
               norms[index] =
                   use.gain * use.gain *
                   at::dot(deltas.tensor().view({-1}), features.tensor().view({-1})).item<double>();
             } else {
               const bool first = !gradients[index];
               if (first) gradients[index] = workspace.take({block.rows, block.columns});
               multiply(gradients[index].tensor(), delta.t(), gathered, use.gain, first ? 0 : 1);
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

    bool first = true;
    for (const auto& term : shape.terms) {
      if (term.from == kInput || !tangents[static_cast<std::size_t>(term.from)]) continue;
      const at::Tensor& below = tangents[static_cast<std::size_t>(term.from)].tensor();
      if (term.block == kSkip) {
        accumulate(tangent, below, term.gain, first);
      } else {
        multiply(tangent, below, parameters_[term.block].t(), term.gain, first ? 0 : 1);
      }
      first = false;
    }
    if (first) tangent.zero_();
    for (int index = 0; index < static_cast<int>(shape.terms.size()); ++index) {
      const auto& term = shape.terms[static_cast<std::size_t>(index)];
      if (term.block == kSkip ||
          !architecture_.blocks[static_cast<std::size_t>(term.block)].trained) {
        continue;
      }
      add_perturbation({layer, index, term.block, term.gain}, tape.features(term.from), tangent);
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
      [&](const Use& use, const at::Tensor& gathered, at::Tensor& pre_activation_tangent) {
        const at::Tensor& block = direction[use.block];
        if (block.defined()) {
          multiply(pre_activation_tangent, gathered, block.t(), use.gain, 1);
        }
      },
      tangent,
      workspace);
  return tangent;
}

}  // namespace overparam::net
