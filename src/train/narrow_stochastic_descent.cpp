// SPDX-License-Identifier: Apache-2.0
#include "narrow_stochastic_descent.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "overparam/linalg/products.hpp"

namespace overparam::train {

using linalg::first_rows;
using linalg::multiply_narrow;
using linalg::NarrowMatrix;
using linalg::Products;
using linalg::Scratch;
using linalg::transposed;

namespace {

/// The rank of what is pending is at most this share of the width, so that products with it cost
/// little beside those with W.
constexpr std::int64_t kWidthOverRank = 8;
constexpr std::int64_t kMostPendingSteps = 8;

/// From here on the noise of one bfloat16 term, 2^-8 of the outputs, is no longer small beside the
/// residual.
constexpr double kLeastRatio = 1e-3;

std::int64_t pending_steps(const net::Architecture& architecture, std::int64_t batch_size) {
  const std::int64_t rank = architecture.largest_width() / kWidthOverRank;
  return std::clamp<std::int64_t>(rank / batch_size, 1, kMostPendingSteps);
}

}  // namespace

NarrowStochasticDescent::NarrowStochasticDescent(net::Network& network,
                                                 std::int64_t batch_size,
                                                 Products format,
                                                 std::int64_t next_step,
                                                 net::Workspace& workspace)
    : network_(network),
      workspace_(workspace),
      batch_size_(batch_size),
      dither_(static_cast<std::uint32_t>(next_step)) {
  make_layers(format);
}

void NarrowStochasticDescent::make_layers(Products format) {
  const auto& architecture = network_.architecture();
  const std::int64_t most_rows = batch_size_ * pending_steps(architecture, batch_size_);
  layers_.clear();
  for (const auto& shape : hidden_layers(architecture)) {
    layers_.push_back({.shape = shape,
                       .weights = NarrowMatrix(format, shape.rows, shape.columns),
                       .below = NarrowMatrix(format, batch_size_, shape.columns),
                       .delta = NarrowMatrix(format, batch_size_, shape.rows),
                       .pending_below = NarrowMatrix(format, most_rows, shape.columns),
                       .pending_delta = NarrowMatrix(format, most_rows, shape.rows),
                       .overlaps = NarrowMatrix(format, most_rows, batch_size_),
                       .features = workspace_.take({batch_size_, shape.rows})});
    round_weights(layers_.back());
  }
  first_ = workspace_.take({batch_size_, layers_.front().shape.columns});
  outputs_ = workspace_.take({batch_size_, architecture.num_outputs()});
}

void NarrowStochasticDescent::round_weights(Layer& layer) {
  layer.weights.assign(network_.parameters()[layer.shape.block],
                       {.dither = dither_, .stream = kWeights});
}

at::Tensor NarrowStochasticDescent::in_use(Scratch& rows) const {
  return rows.tensor().narrow(0, 0, used_);
}

at::Tensor NarrowStochasticDescent::outputs(const at::Tensor& inputs) {
  used_ = inputs.size(0);
  if (used_ != batch_size_) settle();  // overlaps are with whole batches
  const auto& first = network_.architecture().layers.front().terms[0];
  at::Tensor below = in_use(first_);
  linalg::multiply(below, inputs, network_.parameters()[first.block].t(), first.gain);
  at::clamp_min_out(below, below, 0);
  for (auto& layer : layers_) {
    layer.below.assign_rows(0, below, {.dither = dither_, .stream = kFeatures});
    at::Tensor above = in_use(layer.features);
    multiply_current(layer, layer.below, Side::features, above);
    at::clamp_min_out(above, above, 0);
    below = above;
  }
  at::Tensor outputs = in_use(outputs_);
  read_out(network_, below, outputs);
  return outputs;
}

void NarrowStochasticDescent::multiply_current(Layer& layer,
                                               const NarrowMatrix& rows,
                                               Side side,
                                               at::Tensor& out) {
  const bool forward = side == Side::features;
  const auto used = first_rows(rows, used_);
  const double gain = layer.shape.gain;
  multiply_narrow(out, used, forward ? transposed(layer.weights) : layer.weights, gain);
  if (pending_rows_ == 0) return;
  const auto& facing = forward ? layer.pending_below : layer.pending_delta;
  const auto& added = forward ? layer.pending_delta : layer.pending_below;
  Scratch overlaps = workspace_.take({pending_rows_, used_});
  multiply_narrow(overlaps.tensor(), first_rows(facing, pending_rows_), transposed(used));
  layer.overlaps.assign_rows(0, overlaps.tensor(), {.dither = dither_, .stream = kChanges});
  multiply_narrow(out,
                  transposed(first_rows(layer.overlaps, pending_rows_)),
                  first_rows(added, pending_rows_),
                  -gain * gain,
                  1);
}

void NarrowStochasticDescent::step(const at::Tensor& cotangent,
                                   double eta,
                                   double keep,
                                   double ratio) {
  ratio_ = ratio;
  Scratch above = workspace_.take({used_, layers_.back().shape.rows});
  read_back(network_, cotangent, above.tensor(), eta);  // all deltas are eta delta
  for (std::size_t l = layers_.size(); l-- > 0;) {
    Layer& layer = layers_[l];
    at::Tensor delta = above.tensor();
    mask(delta, in_use(layer.features));
    layer.delta.assign_rows(0, delta, {.dither = dither_, .stream = kDeltas});
    Scratch below;
    if (l > 0) {
      below = workspace_.take({used_, layer.shape.columns});
      multiply_current(layer, layer.delta, Side::deltas, below.tensor());
    }
    const at::Tensor features = in_use(l > 0 ? layers_[l - 1].features : first_);
    layer.pending_below.assign_rows(
        pending_rows_, features, {.dither = dither_, .stream = kFeatures});
    layer.pending_delta.assign_rows(pending_rows_, delta, {.dither = dither_, .stream = kDeltas});
    above = std::move(below);
  }
  pending_rows_ += used_;
  ++dither_;
  const bool full = pending_rows_ + batch_size_ > layers_.front().pending_below.rows();
  if (full || keep != 1) settle(keep);
}

void NarrowStochasticDescent::settle(double keep) {
  if (pending_rows_ == 0) return;
  for (auto& layer : layers_) {
    multiply_narrow(network_.parameters()[layer.shape.block],
                    transposed(first_rows(layer.pending_delta, pending_rows_)),
                    first_rows(layer.pending_below, pending_rows_),
                    -layer.shape.gain,
                    keep);
  }
  pending_rows_ = 0;
  if (format() == Products::bfloat16 && ratio_ < kLeastRatio) {
    make_layers(Products::split2);
  } else {
    for (auto& layer : layers_) round_weights(layer);
  }
}

}  // namespace overparam::train
