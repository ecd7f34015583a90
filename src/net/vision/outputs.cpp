// SPDX-License-Identifier: Apache-2.0
// The forward pass of vision networks, in LibTorch's differentiable functions.
#include <ATen/ATen.h>

#include <algorithm>

#include "overparam/base/require.hpp"
#include "overparam/net/vision.hpp"

namespace overparam::net {

namespace {

constexpr double kEpsilon = 1e-5;  // of batch normalisation
constexpr double kSharpness = 10;  // of softplus: within 0.07 of ReLU

const at::Tensor& at_index(std::span<const at::Tensor> tensors, int index) {
  static const at::Tensor kNone;
  return index < 0 ? kNone : tensors[static_cast<std::size_t>(index)];
}

/// phi(x); x is consumed where nothing else needs it.
at::Tensor activate(const VisionArchitecture& architecture, at::Tensor x) {
  if (architecture.options.activation == "softplus") return at::softplus(x, kSharpness);
  // A gradient of relu needs its output alone.
  return at::relu_(x);
}

at::Tensor mean_of(const VisionNorm& norm, const at::Tensor& statistics) {
  return statistics.narrow(0, norm.begin, norm.channels);
}

at::Tensor variance_of(const VisionNorm& norm, const at::Tensor& statistics) {
  return statistics.narrow(0, norm.begin + norm.channels, norm.channels);
}

/// A convolution's filters and biases with the normalisation after it.
std::pair<at::Tensor, at::Tensor> folded(const VisionArchitecture& architecture,
                                         const VisionLayer& layer,
                                         std::span<const at::Tensor> parts,
                                         const at::Tensor& statistics) {
  const at::Tensor& weight = at_index(parts, layer.weight);
  const at::Tensor& bias = at_index(parts, layer.bias);
  if (layer.norm < 0) return {weight, bias};
  const auto& norm = architecture.norms[static_cast<std::size_t>(layer.norm)];
  const at::Tensor factor = at_index(parts, norm.scale) *
                            (variance_of(norm, statistics) + kEpsilon).rsqrt();  // (o)
  const at::Tensor mean = mean_of(norm, statistics);
  return {weight * factor.view({-1, 1, 1, 1}),
          at_index(parts, norm.shift) + (bias.defined() ? bias - mean : -mean) * factor};
}

at::Tensor convolve(const at::Tensor& x,
                    const at::Tensor& weight,
                    const at::Tensor& bias,
                    std::int64_t stride) {
  const std::int64_t padding = weight.size(2) / 2;
  return at::conv2d(x, weight, bias, stride, padding);
}

/// Images in the order that convolutions in float32 are fastest on: pixel by pixel, as they come, on
/// CPUs, and channel by channel on CUDA (ResNet-32 on an H200: 1.3 s an epoch of 10,000 images, 2.5
/// in the other order).
at::Tensor as_device_reads(const at::Tensor& images) {
  return images.device().is_cpu() ? images : images.contiguous();
}

/// Runs the layers; convolution(layer index, x) gives what comes before addition and activation.
template <typename Convolution>
at::Tensor run_layers(const VisionArchitecture& architecture,
                      const at::Tensor& images,
                      const Convolution& convolution) {
  const auto& options = architecture.options;
  base::ensure(images.dim() == 4 && images.size(1) == options.channels &&
                   images.size(2) == options.side && images.size(3) == options.side,
               "vision network: images of another shape than its options say");
  const std::size_t count = architecture.layers.size();
  std::vector<std::size_t> last_reader(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    for (const int source : {architecture.layers[i].from, architecture.layers[i].add}) {
      if (source >= 0) last_reader[static_cast<std::size_t>(source)] = i;
    }
  }
  const at::Tensor input = as_device_reads(images);
  std::vector<at::Tensor> features(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& layer = architecture.layers[i];
    const at::Tensor& x = layer.from < 0 ? input : features[static_cast<std::size_t>(layer.from)];
    at::Tensor y;
    switch (layer.kind) {
      case VisionLayer::Kind::convolution:
        y = convolution(i, x);
        if (layer.add >= 0) y.add_(features[static_cast<std::size_t>(layer.add)]);
        if (layer.activates) y = activate(architecture, y);
        break;
      case VisionLayer::Kind::max_pool:
        y = at::max_pool2d(x, {2, 2}, {2, 2});
        break;
      case VisionLayer::Kind::average_pool:
        y = x.mean({2, 3}, /*keepdim=*/true);
        break;
      case VisionLayer::Kind::linear:
        y = convolution(i, x.flatten(1));
        break;
    }
    features[i] = std::move(y);
    for (const int source : {layer.from, layer.add}) {
      if (source >= 0 && last_reader[static_cast<std::size_t>(source)] == i) {
        features[static_cast<std::size_t>(source)].reset();
      }
    }
  }
  return features.back();
}

}  // namespace

at::Tensor vision_outputs(const VisionArchitecture& architecture,
                          std::span<const at::Tensor> parts,
                          const at::Tensor& images,
                          const NormSource& norms) {
  return run_layers(architecture, images, [&](std::size_t index, const at::Tensor& x) -> at::Tensor {
    const auto& layer = architecture.layers[index];
    const at::Tensor& weight = at_index(parts, layer.weight);
    const at::Tensor& bias = at_index(parts, layer.bias);
    if (layer.kind == VisionLayer::Kind::linear) return at::addmm(bias, x, weight.t());
    if (layer.norm < 0) return convolve(x, weight, bias, layer.stride);
    if (norms.statistics.defined()) {
      const auto [filters, shifts] = folded(architecture, layer, parts, norms.statistics);
      return convolve(x, filters, shifts, layer.stride);
    }
    const auto& norm = architecture.norms[static_cast<std::size_t>(layer.norm)];
    const bool moves = norms.updated.defined();
    return at::batch_norm(convolve(x, weight, bias, layer.stride),
                          at_index(parts, norm.scale),
                          at_index(parts, norm.shift),
                          moves ? mean_of(norm, norms.updated) : at::Tensor(),
                          moves ? variance_of(norm, norms.updated) : at::Tensor(),
                          /*training=*/true,
                          norms.momentum,
                          kEpsilon,
                          /*cudnn_enabled=*/true);
  });
}

FoldedVision::FoldedVision(const VisionArchitecture& architecture,
                           std::span<const at::Tensor> parts,
                           const at::Tensor& statistics)
    : architecture_(architecture) {
  for (const auto& layer : architecture.layers) {
    auto [weight, bias] = folded(architecture, layer, parts, statistics);
    weights_.push_back(std::move(weight));
    biases_.push_back(std::move(bias));
  }
}

at::Tensor FoldedVision::outputs(const at::Tensor& images) const {
  return run_layers(architecture_, images, [&](std::size_t index, const at::Tensor& x) {
    const auto& layer = architecture_.layers[index];
    if (layer.kind == VisionLayer::Kind::linear) {
      return at::addmm(biases_[index], x, weights_[index].t());
    }
    return convolve(x, weights_[index], biases_[index], layer.stride);
  });
}

at::Tensor estimate_statistics(const VisionArchitecture& architecture,
                               std::span<const at::Tensor> parts,
                               const at::Tensor& images,
                               std::int64_t batch_size) {
  at::Tensor statistics = initial_statistics(architecture, parts.front().options());
  std::int64_t seen = 0;
  for (std::int64_t begin = 0; begin < images.size(0); begin += batch_size) {
    const std::int64_t size = std::min(batch_size, images.size(0) - begin);
    seen += size;
    const NormSource norms{.updated = statistics,
                           .momentum = static_cast<double>(size) / static_cast<double>(seen)};
    vision_outputs(architecture, parts, images.narrow(0, begin, size), norms);
  }
  return statistics;
}

}  // namespace overparam::net
