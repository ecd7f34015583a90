// SPDX-License-Identifier: Apache-2.0
#include "narrow_descent.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "narrow_passes.hpp"
#include "overparam/linalg/products.hpp"

namespace overparam::train {

using linalg::magnitude;
using linalg::multiply;
using linalg::multiply_narrow;
using linalg::Scratch;
using linalg::transposed;

namespace {

/// Steps from one reference to the next, at most.
constexpr int kStepsToReference = 10;

/// A reference serves while the objective stays within this factor of its own.
constexpr double kObjectiveFactor = 1.5;

/// h = relu(g' + change); returns max |h| and max |h - h'|.
Largest move(at::Tensor& features,
             const at::Tensor& change,
             const at::Tensor& reference_pre_activations,
             const at::Tensor& reference_features) {
  float* h = features.data_ptr<float>();
  const float* moved = change.data_ptr<float>();
  const float* g = reference_pre_activations.data_ptr<float>();
  const float* h_reference = reference_features.data_ptr<float>();
  return reduce(features.numel(), [=](std::int64_t begin, std::int64_t end) {
    Largest largest;
    for (std::int64_t i = begin; i < end; ++i) {
      const float sum = g[i] + moved[i];
      h[i] = sum < 0 ? 0 : sum;  // a NaN stays one
      largest.value = std::max(largest.value, magnitude(h[i]));
      largest.change = std::max(largest.change, magnitude(h[i] - h_reference[i]));
    }
    return largest;
  });
}

}  // namespace

NarrowDescent::NarrowDescent(net::Network& network,
                             net::Tape& tape,
                             linalg::Products format,
                             std::int64_t next_step,
                             net::Workspace& workspace)
    : network_(network),
      tape_(tape),
      workspace_(workspace),
      dither_(static_cast<std::uint32_t>(next_step)) {
  const std::int64_t n = tape.inputs().size(0);
  for (const auto& [index, block, gain, m, k] : hidden_layers(network.architecture())) {
    const auto matrix = [&](std::int64_t rows, std::int64_t columns) {
      return linalg::NarrowMatrix(format, rows, columns);
    };
    layers_.push_back({.index = index,
                       .block = block,
                       .gain = gain,
                       .reference_weights = at::empty({m, k}, network.options()),
                       .movement = at::empty({m, k}, network.options()),
                       .reference_pre_activations = at::empty({n, m}, network.options()),
                       .reference_features = at::empty({n, m}, network.options()),
                       .weights = matrix(m, k),
                       .change = matrix(m, k),
                       .below = matrix(n, k),
                       .reference_below = matrix(n, k),
                       .increment_below = matrix(n, k),
                       .delta = matrix(n, m)});
  }
  refer_to_present();
}

void NarrowDescent::refer_to_present() {
  for (auto& layer : layers_) {
    const at::Tensor& weights = network_.parameters()[layer.block];
    const at::Tensor below = features(layer.index - 1);
    at::Tensor above = features(layer.index);
    multiply(layer.reference_pre_activations, below, weights.t(), layer.gain);
    at::clamp_min_out(above, layer.reference_pre_activations, 0);
    layer.reference_features.copy_(above);
    layer.reference_weights.copy_(weights);
    layer.movement.zero_();
    layer.weights.assign(weights, {.dither = dither_, .stream = kWeights});
    layer.below.assign(below, {.dither = dither_, .stream = kFeatures});
    layer.reference_below.assign(below, {.dither = dither_, .stream = kFeatures});
  }
  compute_outputs();
  steps_since_ = 0;
}

void NarrowDescent::step(const at::Tensor& cotangent, double objective, double eta, double keep) {
  if (steps_since_ == 0) reference_objective_ = objective;
  descend(cotangent, eta, keep);
  ++dither_;
  const double ratio = objective / reference_objective_;
  if (++steps_since_ >= kStepsToReference || ratio * kObjectiveFactor < 1 ||
      ratio > kObjectiveFactor) {
    refer_to_present();
  } else {
    move_features();
  }
}

void NarrowDescent::descend(const at::Tensor& cotangent, double eta, double keep) {
  const std::int64_t n = cotangent.size(0);
  Scratch above = workspace_.take({n, layers_.back().weights.rows()});
  read_back(network_, cotangent, above.tensor());
  for (std::size_t l = layers_.size(); l-- > 0;) {
    Layer& layer = layers_[l];
    if (l == 0) {  // frozen, but rounded otherwise each time
      layer.below.assign(
          features(0), {.largest = layer.below.largest(), .dither = dither_, .stream = kFeatures});
    }
    const double largest = mask(above.tensor(), features(layer.index));
    layer.delta.assign(above.tensor(), {.largest = largest, .dither = dither_, .stream = kDeltas});
    if (l > 0) {
      above = workspace_.take({n, layer.weights.columns()});
      multiply_narrow(above.tensor(), layer.delta, layer.weights, layer.gain);
    }
    multiply_narrow(layer.movement, transposed(layer.delta), layer.below, -eta * layer.gain, keep);
    if (keep != 1) layer.movement.add_(layer.reference_weights, keep - 1);
    at::Tensor& weights = network_.parameters()[layer.block];
    at::add_out(weights, layer.reference_weights, layer.movement);
    layer.weights.assign(
        weights, {.largest = layer.weights.largest(), .dither = dither_, .stream = kWeights});
    layer.change.assign(layer.movement, {.dither = dither_, .stream = kChanges});
  }
}

void NarrowDescent::move_features() {
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    Layer& layer = layers_[l];
    Scratch change = workspace_.take(layer.reference_features.sizes());
    multiply_narrow(change.tensor(), layer.reference_below, transposed(layer.change), layer.gain);
    if (l > 0) {
      multiply_narrow(
          change.tensor(), layer.increment_below, transposed(layer.weights), layer.gain, 1);
    }
    at::Tensor h = features(layer.index);
    const Largest largest =
        move(h, change.tensor(), layer.reference_pre_activations, layer.reference_features);
    if (l + 1 < layers_.size()) {
      Layer& next = layers_[l + 1];
      next.below.assign(
          h, {.largest = Largest::number(largest.value), .dither = dither_, .stream = kFeatures});
      next.increment_below.assign_difference(
          h,
          layer.reference_features,
          {.largest = Largest::number(largest.change), .dither = dither_, .stream = kFeatures});
    }
  }
  compute_outputs();
}

void NarrowDescent::compute_outputs() {
  const int top = network_.architecture().num_layers() - 1;
  at::Tensor outputs = features(top);
  read_out(network_, features(top - 1), outputs);
}

}  // namespace overparam::train
