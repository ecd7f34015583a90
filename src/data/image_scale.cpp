// SPDX-License-Identifier: Apache-2.0
// Images for networks with batch normalisation: every channel near mean 0 and deviation 1.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "overparam/base/require.hpp"
#include "overparam/data/prepare.hpp"

namespace overparam::data {

namespace {

constexpr std::int64_t kRowsAtOnce = 1024;

struct ImageSize {
  std::int64_t channels = 1;
  std::int64_t side = 0;
};

ImageSize size_of(const Dataset& dataset) {
  const auto& shape = dataset.shape;
  base::require(shape.size() == 2 || shape.size() == 3,
                ErrorKind::usage,
                "{}: its samples have the shape ({}), expected square images: (side, side) or "
                "(channels, side, side)",
                dataset.name,
                fmt::join(shape, ", "));
  const std::int64_t height = shape[shape.size() - 2];
  const std::int64_t width = shape.back();
  base::require(height == width,
                ErrorKind::usage,
                "{}: its images are {} x {}, expected square ones: (side, side) or (channels, "
                "side, side)",
                dataset.name,
                height,
                width);
  return {.channels = shape.size() == 3 ? shape[0] : 1, .side = height};
}

/// Calls action(first row, block) with (b, channels, side^2) in float64.
template <typename Action>
void for_blocks(const at::Tensor& inputs, const ImageSize& size, const Action& action) {
  for (std::int64_t first = 0; first < inputs.size(0); first += kRowsAtOnce) {
    const std::int64_t count = std::min(kRowsAtOnce, inputs.size(0) - first);
    action(first,
           inputs.narrow(0, first, count)
               .to(at::kDouble)
               .view({count, size.channels, size.side * size.side}));
  }
}

at::Tensor per_channel(const std::vector<double>& values) {
  return at::tensor(values, at::kDouble).view({1, -1, 1});
}

std::vector<double> to_vector(const at::Tensor& values) {
  return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
}

bool are_levels(const at::Tensor& inputs) {
  return inputs.min().item<double>() >= 0 && inputs.max().item<double>() <= 1;
}

}  // namespace

ImageScale image_scale(const Dataset& dataset) {
  const ImageSize size = size_of(dataset);
  const at::Tensor& inputs = dataset.train.inputs;
  if (dataset.shape == std::vector<std::int64_t>{3, 32, 32} && are_levels(inputs)) {
    return {.mean = {0.4914, 0.4822, 0.4465},
            .deviation = {0.2023, 0.1994, 0.2010},
            .source = "the constants of the CIFAR recipe"};
  }
  const double pixels = static_cast<double>(inputs.size(0) * size.side * size.side);
  at::Tensor mean = at::zeros({size.channels}, at::kDouble);
  for_blocks(inputs, size, [&](std::int64_t, const at::Tensor& block) {
    mean += block.sum(at::IntArrayRef({0, 2}));
  });
  mean /= pixels;
  at::Tensor variance = at::zeros({size.channels}, at::kDouble);
  for_blocks(inputs, size, [&](std::int64_t, const at::Tensor& block) {
    variance += (block - mean.view({1, -1, 1})).square_().sum(at::IntArrayRef({0, 2}));
  });
  ImageScale scale{.mean = to_vector(mean),
                   .deviation = to_vector(variance.div_(pixels).sqrt_()),
                   .source = "mean and deviation of the training part"};
  for (std::size_t channel = 0; channel < scale.deviation.size(); ++channel) {
    base::require(scale.deviation[channel] > 0,
                  ErrorKind::data,
                  "{}: channel {} has the value {} in every pixel of the training part, expected "
                  "images that differ",
                  dataset.name,
                  channel,
                  scale.mean[channel]);
  }
  return scale;
}

at::Tensor image_planes(const Dataset& dataset, const Samples& samples, const ImageScale& scale) {
  const ImageSize size = size_of(dataset);
  base::ensure(std::ssize(scale.mean) == size.channels,
               "image planes: a scale of {} channels for images of {}",
               scale.mean.size(),
               size.channels);
  at::Tensor planes = at::empty({samples.size(), size.channels, size.side, size.side},
                                at::kFloat,
                                at::MemoryFormat::ChannelsLast);
  const at::Tensor mean = per_channel(scale.mean);
  const at::Tensor deviation = per_channel(scale.deviation);
  for_blocks(samples.inputs, size, [&](std::int64_t first, const at::Tensor& block) {
    planes.narrow(0, first, block.size(0))
        .copy_(block.sub(mean).div_(deviation).view(
            {block.size(0), size.channels, size.side, size.side}));
  });
  return planes;
}

at::Tensor scaled_black(const ImageScale& scale) {
  return at::tensor(scale.mean, at::kDouble)
      .neg_()
      .div_(at::tensor(scale.deviation, at::kDouble))
      .to(at::kFloat);
}

}  // namespace overparam::data
