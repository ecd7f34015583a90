// SPDX-License-Identifier: Apache-2.0
#include "support/digit_images.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "overparam/data/prepare.hpp"
#include "overparam/data/sources.hpp"

namespace overparam::claims {

namespace {

constexpr std::int64_t kClasses = 10;

std::int64_t side_of(const Point& point) {
  return static_cast<std::int64_t>(point.get("side", 14));
}

net::VisionArchitecture architecture_of(const Point& point) {
  return net::make_vision_architecture("resnet8",
                                       {.num_classes = kClasses,
                                        .channels = 1,
                                        .side = side_of(point),
                                        .width = static_cast<std::int64_t>(point.get("w", 4))});
}

}  // namespace

DigitImages digit_images(const Point& point) {
  data::Dataset dataset = data::find_generator("digits").generate({
      .num_samples = point.integer("n"),
      .num_classes = kClasses,
      .seed = point.seed(),
  });
  data::average_down(dataset, side_of(point));
  const auto scale = data::image_scale(dataset);
  return {.architecture = architecture_of(point),
          .data = {.images = data::image_planes(dataset, dataset.train, scale),
                   .labels = dataset.train.labels,
                   .outside = data::scaled_black(scale)}};
}

std::int64_t shrunk_epoch(const Point& point, double of_164) {
  return std::max<std::int64_t>(1, std::llround(point.at("epochs") * of_164 / 164));
}

train::VisionTrainOptions digit_training(const Point& point) {
  return {.epochs = point.integer("epochs"),
          .batch_size = static_cast<std::int64_t>(point.get("batch", 16)),
          .step_size = point.get("eta", 0.1),
          .schedule = {{shrunk_epoch(point, 81), 0.1}, {shrunk_epoch(point, 122), 0.1}},
          .augment = false,
          .seed = point.seed()};
}

std::uint64_t digit_memory(const Point& point, double vectors) {
  const auto architecture = architecture_of(point);
  const double features =
      4 * point.at("n") * static_cast<double>(architecture.features_per_image());
  const double weights = vectors * static_cast<double>(architecture.num_parameters());
  return static_cast<std::uint64_t>(sizeof(double) * (features + weights));
}

}  // namespace overparam::claims
