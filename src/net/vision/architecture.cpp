// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "builder.hpp"
#include "overparam/base/catalogue.hpp"
#include "overparam/base/random.hpp"
#include "overparam/base/require.hpp"

namespace overparam::net {

std::int64_t WeightTensor::numel() const {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

std::int64_t VisionArchitecture::num_parameters() const {
  return tensors.empty() ? 0 : tensors.back().begin + tensors.back().numel();
}

std::int64_t VisionArchitecture::num_statistics() const {
  return norms.empty() ? 0 : norms.back().begin + 2 * norms.back().channels;
}

namespace {

/// Calls action(layer, channels, side) with the size of each layer's features.
void for_features(const VisionArchitecture& architecture,
                  const std::function<void(const VisionLayer&, std::int64_t, std::int64_t)>& action) {
  std::vector<std::int64_t> channels;
  std::vector<std::int64_t> sides;
  for (const auto& layer : architecture.layers) {
    const bool reads_images = layer.from < 0;
    const auto from = static_cast<std::size_t>(std::max(layer.from, 0));
    std::int64_t width = reads_images ? architecture.options.channels : channels[from];
    std::int64_t side = reads_images ? architecture.options.side : sides[from];
    if (layer.weight >= 0) width = architecture.tensors[static_cast<std::size_t>(layer.weight)].sizes[0];
    if (layer.kind == VisionLayer::Kind::convolution) side = (side + layer.stride - 1) / layer.stride;
    if (layer.kind == VisionLayer::Kind::max_pool) side /= 2;
    if (layer.kind == VisionLayer::Kind::average_pool) side = 1;
    channels.push_back(width);
    sides.push_back(side);
    action(layer, width, side);
  }
}

}  // namespace

std::int64_t VisionArchitecture::features_per_image() const {
  std::int64_t sum = 0;
  for_features(*this, [&](const VisionLayer& layer, std::int64_t channels, std::int64_t side) {
    // A normalisation keeps its input beside its output.
    sum += channels * side * side * (layer.norm >= 0 ? 2 : 1);
  });
  return sum;
}

double VisionArchitecture::products_per_image() const {
  double sum = 0;
  for_features(*this, [&](const VisionLayer& layer, std::int64_t, std::int64_t side) {
    if (layer.weight < 0) return;
    const auto& tensor = tensors[static_cast<std::size_t>(layer.weight)];
    sum += static_cast<double>(tensor.numel()) * static_cast<double>(side * side);
  });
  return sum;
}

VisionBuilder::VisionBuilder(std::string name, const VisionOptions& options)
    : result_{.name = std::move(name), .options = options} {
  const auto check = [](const char* what, std::int64_t found) {
    base::require(found >= 1, ErrorKind::usage, "{} must be at least 1, found {}", what, found);
  };
  check("classes", options.num_classes);
  check("channels of the images", options.channels);
  check("width", options.width);
  base::require(options.activation == "relu" || options.activation == "softplus",
                ErrorKind::usage,
                "a vision network has the activation relu or softplus, found {}",
                options.activation);
}

int VisionBuilder::add_tensor(std::string name,
                              std::vector<std::int64_t> sizes,
                              VisionLaw law,
                              double spread) {
  const std::int64_t begin = result_.num_parameters();
  result_.tensors.push_back({.name = std::move(name), .sizes = std::move(sizes), .begin = begin});
  result_.laws.push_back(law);
  result_.spreads.push_back(spread);
  return static_cast<int>(result_.tensors.size()) - 1;
}

int VisionBuilder::add_norm(const std::string& name, std::int64_t channels) {
  const std::int64_t begin = result_.num_statistics();
  const int scale = add_tensor(name + ".weight", {channels}, VisionLaw::ones, 0);
  const int shift = add_tensor(name + ".bias", {channels}, VisionLaw::zeros, 0);
  result_.norms.push_back(
      {.name = name, .scale = scale, .shift = shift, .channels = channels, .begin = begin});
  return static_cast<int>(result_.norms.size()) - 1;
}

int VisionBuilder::add_layer(const VisionLayer& layer, std::int64_t channels) {
  result_.layers.push_back(layer);
  channels_.push_back(channels);
  return static_cast<int>(result_.layers.size()) - 1;
}

std::int64_t VisionBuilder::channels_of(int layer) const {
  return layer < 0 ? result_.options.channels : channels_[static_cast<std::size_t>(layer)];
}

int VisionBuilder::add_convolution(int from, const Convolution& convolution) {
  const std::int64_t channels = convolution.channels;
  const std::int64_t side = convolution.side;
  VisionLayer layer{.kind = VisionLayer::Kind::convolution,
                    .from = from,
                    .add = convolution.add,
                    .stride = convolution.stride,
                    .activates = convolution.activates};
  const double fan_out = static_cast<double>(side * side * channels);
  layer.weight = add_tensor(convolution.name + ".weight",
                            {channels, channels_of(from), side, side},
                            VisionLaw::normal,
                            std::sqrt(2 / fan_out));
  if (convolution.bias) {
    layer.bias = add_tensor(convolution.name + ".bias", {channels}, VisionLaw::zeros, 0);
  }
  if (!convolution.norm.empty()) layer.norm = add_norm(convolution.norm, channels);
  return add_layer(layer, channels);
}

int VisionBuilder::add_max_pool(int from) {
  return add_layer({.kind = VisionLayer::Kind::max_pool, .from = from}, channels_of(from));
}

int VisionBuilder::add_average_pool(int from) {
  return add_layer({.kind = VisionLayer::Kind::average_pool, .from = from}, channels_of(from));
}

int VisionBuilder::add_read_out(int from, const std::string& name, VisionLaw law, double spread) {
  const std::int64_t classes = result_.options.num_classes;
  const bool is_uniform = law == VisionLaw::uniform;
  VisionLayer layer{.kind = VisionLayer::Kind::linear, .from = from};
  layer.weight = add_tensor(name + ".weight", {classes, channels_of(from)}, law, spread);
  layer.bias = add_tensor(name + ".bias",
                          {classes},
                          is_uniform ? VisionLaw::uniform : VisionLaw::zeros,
                          is_uniform ? spread : 0);
  return add_layer(layer, classes);
}

VisionArchitecture build_resnet(const std::string& name,
                                std::int64_t blocks,
                                const VisionOptions& given) {
  constexpr std::int64_t kSourceWidth = 16;
  VisionOptions options = given;
  if (options.width == 0) options.width = kSourceWidth;
  base::require(options.side >= 4,
                ErrorKind::usage,
                "{}: its three stages need images of at least 4 x 4, found {} x {}",
                name,
                options.side,
                options.side);
  VisionBuilder net(name, options);
  int below = net.add_convolution(
      -1, {.name = "conv1", .norm = "bn1", .channels = options.width});
  for (std::int64_t stage = 1; stage <= 3; ++stage) {
    const std::int64_t channels = options.width << (stage - 1);
    for (std::int64_t block = 0; block < blocks; ++block) {
      const std::string prefix = fmt::format("layer{}.{}.", stage, block);
      const std::int64_t stride = stage > 1 && block == 0 ? 2 : 1;
      const int first = net.add_convolution(below,
                                            {.name = prefix + "conv1",
                                             .norm = prefix + "bn1",
                                             .channels = channels,
                                             .stride = stride});
      int shortcut = below;
      const bool changes = stride != 1 || net.channels_of(below) != channels;
      if (changes) {
        shortcut = net.add_convolution(below,
                                       {.name = prefix + "downsample.0",
                                        .norm = prefix + "downsample.1",
                                        .channels = channels,
                                        .side = 1,
                                        .stride = stride,
                                        .activates = false});
      }
      below = net.add_convolution(first,
                                  {.name = prefix + "conv2",
                                   .norm = prefix + "bn2",
                                   .channels = channels,
                                   .add = shortcut});
    }
  }
  const int pooled = net.add_average_pool(below);
  const double spread = 1 / std::sqrt(static_cast<double>(net.channels_of(pooled)));
  net.add_read_out(pooled, "fc", VisionLaw::uniform, spread);
  return net.take();
}

VisionArchitecture build_vgg19(const std::string& name, bool norms, const VisionOptions& given) {
  constexpr std::int64_t kSourceWidth = 64;
  constexpr std::int64_t kGroups[5][2] = {{1, 2}, {2, 2}, {4, 4}, {8, 4}, {8, 4}};  // width, layers
  VisionOptions options = given;
  if (options.width == 0) options.width = kSourceWidth;
  base::require(options.side == 32,
                ErrorKind::usage,
                "{}: its five pools take images of 32 x 32, found {} x {}",
                name,
                options.side,
                options.side);
  VisionBuilder net(name, options);
  int below = -1;
  int index = 0;  // of the source's sequence: layers are named by it
  for (const auto& [times, layers] : kGroups) {
    for (std::int64_t layer = 0; layer < layers; ++layer) {
      below = net.add_convolution(below,
                                  {.name = fmt::format("features.{}", index),
                                   .norm = norms ? fmt::format("features.{}", index + 1) : "",
                                   .channels = times * options.width,
                                   .bias = true});
      index += norms ? 3 : 2;
    }
    below = net.add_max_pool(below);
    ++index;
  }
  net.add_read_out(below, "classifier", VisionLaw::normal, 0.01);
  return net.take();
}

bool is_vision_network(const std::string& name) {
  return std::ranges::any_of(vision_networks(),
                             [&](const VisionFamily& family) { return family.name == name; });
}

VisionArchitecture make_vision_architecture(const std::string& name, const VisionOptions& options) {
  return base::find_by_name(vision_networks(), "vision network", name).build(options);
}

at::Tensor initial_weights(const VisionArchitecture& architecture,
                           std::uint64_t seed,
                           const at::TensorOptions& options) {
  at::Tensor weights = at::zeros({architecture.num_parameters()}, options.device(at::kCPU));
  const auto parts = parts_of(architecture, weights);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    at::Tensor part = parts[i];
    const base::Stream stream(seed, architecture.tensors[i].name);
    switch (architecture.laws[i]) {
      case VisionLaw::normal: {
        at::Tensor flat = part.view({1, -1});
        base::fill_normal(flat, architecture.spreads[i], stream);
        break;
      }
      case VisionLaw::uniform: {
        base::Random random(stream);
        at::Tensor drawn = at::empty(part.sizes(), at::kDouble);
        const double spread = architecture.spreads[i];
        for (double& value : std::span(drawn.data_ptr<double>(), static_cast<std::size_t>(drawn.numel()))) {
          value = random.uniform(-spread, spread);
        }
        part.copy_(drawn);
        break;
      }
      case VisionLaw::ones:
        part.fill_(1);
        break;
      case VisionLaw::zeros:
        break;
    }
  }
  return weights.to(options.device());
}

at::Tensor initial_statistics(const VisionArchitecture& architecture,
                              const at::TensorOptions& options) {
  at::Tensor statistics = at::zeros({architecture.num_statistics()}, options);
  for (const auto& norm : architecture.norms) {
    statistics.narrow(0, norm.begin + norm.channels, norm.channels).fill_(1);
  }
  return statistics;
}

std::vector<at::Tensor> parts_of(const VisionArchitecture& architecture, const at::Tensor& weights) {
  base::require(weights.dim() == 1 && weights.size(0) == architecture.num_parameters(),
                ErrorKind::usage,
                "{}: its weights must be one vector of {} numbers, found {}",
                architecture.name,
                architecture.num_parameters(),
                weights.numel());
  std::vector<at::Tensor> parts;
  for (const auto& tensor : architecture.tensors) {
    parts.push_back(weights.narrow(0, tensor.begin, tensor.numel()).view(tensor.sizes));
  }
  return parts;
}

}  // namespace overparam::net
