// SPDX-License-Identifier: Apache-2.0
#include "narrow_descent.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "overparam/linalg/products.hpp"

namespace overparam::train {

using linalg::multiply;
using linalg::multiply_narrow;
using linalg::Scratch;
using linalg::transposed;

namespace {

constexpr std::int64_t kGrain = 1 << 15;  // entries a thread takes at least

/// Steps from one reference to the next, at most.
constexpr int kStepsToReference = 10;

/// Streams of dither: no two factors of a product share one.
enum Stream : std::uint32_t { kDeltas, kFeatures, kWeights, kChanges };

/// A reference serves while the objective stays within this factor of its own.
constexpr double kObjectiveFactor = 1.5;

/// |x| as an integer that orders like it: compilers vectorise maxima of integers, not of floats,
/// and a NaN counts as the largest.
std::int32_t magnitude(float x) { return std::bit_cast<std::int32_t>(x) & 0x7FFFFFFF; }

struct Largest {
  std::int32_t value = 0;
  std::int32_t change = 0;

  [[nodiscard]] static double number(std::int32_t bits) { return std::bit_cast<float>(bits); }
  [[nodiscard]] static Largest of(const Largest& x, const Largest& y) {
    return {std::max(x.value, y.value), std::max(x.change, y.change)};
  }
};

/// Calls action(begin, end) on pieces of 0..count and returns the largest of what they found.
template <typename Action>
Largest reduce(std::int64_t count, const Action& action) {
  return at::parallel_reduce(
      0,
      count,
      kGrain,
      Largest{},
      [&](std::int64_t begin, std::int64_t end, const Largest& before) {
        return Largest::of(before, action(begin, end));
      },
      Largest::of);
}

/// delta <- delta * 1[h > 0]; returns max |delta|.
double mask(at::Tensor& delta, const at::Tensor& features) {
  float* d = delta.data_ptr<float>();
  const float* h = features.data_ptr<float>();
  const Largest found = reduce(delta.numel(), [=](std::int64_t begin, std::int64_t end) {
    std::int32_t largest = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      d[i] = h[i] > 0 ? d[i] : 0;
      largest = std::max(largest, magnitude(d[i]));
    }
    return Largest{largest, 0};
  });
  return Largest::number(found.value);
}

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

bool is_plain_term(const net::Layer& layer, int below) {
  if (layer.terms.size() != 1 || layer.positions != 1) return false;
  const auto& term = layer.terms[0];
  return term.from == below && term.gather == net::Gather::identity && term.block != net::kSkip &&
         term.read.all() && term.write.all();
}

/// relu(W_L ... relu(W_1 relu(A x))) and a linear read-out, with exactly the W_l trained.
bool is_fully_connected_relu(const net::Architecture& architecture) {
  const int top = architecture.num_layers() - 1;
  for (int index = 0; index <= top; ++index) {
    const auto& layer = architecture.layers[static_cast<std::size_t>(index)];
    if (!is_plain_term(layer, index == 0 ? net::kInput : index - 1)) return false;
    const int block = layer.terms[0].block;
    const bool is_hidden = index > 0 && index < top;
    if (architecture.blocks[static_cast<std::size_t>(block)].trained != is_hidden ||
        architecture.uses_of(block) != 1) {
      return false;
    }
    if (layer.activation.name != (index == top ? net::identity() : net::relu()).name) return false;
  }
  return top > 1;
}

}  // namespace

std::optional<std::string> narrow_obstacle(const net::Network& network,
                                           const TrainOptions& options) {
  const auto refused = [](const std::string& found) {
    return fmt::format(
        "narrow products train fully connected ReLU networks, their hidden layers only, by gd "
        "without momentum, in float32 on the CPU; found {}",
        found);
  };
  if (options.method != Method::gd) return refused(to_string(options.method));
  if (options.momentum > 0) return refused(fmt::format("momentum {}", options.momentum));
  if (network.options().dtype() != at::kFloat) return refused("float64");
  if (!network.options().device().is_cpu()) return refused(network.options().device().str());
  if (!is_fully_connected_relu(network.architecture())) {
    return refused("a network \"" + network.architecture().name +
                   "\" of other layers, activations or trained blocks");
  }
  return std::nullopt;
}

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
  const auto& architecture = network.architecture();
  for (int index = 1; index + 1 < architecture.num_layers(); ++index) {
    const auto& term = architecture.layers[static_cast<std::size_t>(index)].terms[0];
    const std::int64_t m = architecture.width_of(index);
    const std::int64_t k = architecture.width_of(index - 1);
    const auto matrix = [&](std::int64_t rows, std::int64_t columns) {
      return linalg::NarrowMatrix(format, rows, columns);
    };
    layers_.push_back({.index = index,
                       .block = term.block,
                       .gain = term.gain,
                       .reference_weights = at::empty({m, k}, network.options()),
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
    layer.weights.assign(weights, {.dither = dither_, .stream = kWeights});
    layer.below.assign(below, {.dither = dither_, .stream = kFeatures});
    layer.reference_below.assign(below, {.dither = dither_, .stream = kFeatures});
  }
  read_out();
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
  const auto& top = network_.architecture().layers.back().terms[0];
  Scratch above = workspace_.take({n, network_.parameters()[top.block].size(1)});
  multiply(above.tensor(), cotangent, network_.parameters()[top.block], top.gain);
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
    at::Tensor& weights = network_.parameters()[layer.block];
    multiply_narrow(weights, transposed(layer.delta), layer.below, -eta * layer.gain, keep);
    layer.weights.assign(
        weights, {.largest = layer.weights.largest(), .dither = dither_, .stream = kWeights});
    layer.change.assign_difference(
        weights, layer.reference_weights, {.dither = dither_, .stream = kChanges});
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
  read_out();
}

void NarrowDescent::read_out() {
  const int top = network_.architecture().num_layers() - 1;
  const auto& term = network_.architecture().layers.back().terms[0];
  at::Tensor outputs = features(top);
  multiply(outputs, features(top - 1), network_.parameters()[term.block].t(), term.gain);
}

}  // namespace overparam::train
