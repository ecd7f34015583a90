// SPDX-License-Identifier: Apache-2.0
// n points at equal angles on the circle of radius 1/sqrt 2: their separation is
// sqrt 2 sin(pi / n), and their kernels are known in closed form.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "generating.hpp"

namespace overparam::data {

namespace {

at::Tensor points_at(const std::vector<double>& angles) {
  at::Tensor points = at::empty({std::ssize(angles), 2}, at::kDouble);
  auto* out = points.data_ptr<double>();
  for (const double angle : angles) {
    *out++ = kPointRadius * std::cos(angle);
    *out++ = kPointRadius * std::sin(angle);
  }
  return points;
}

Dataset make_circle(const GeneratorOptions& options) {
  check_options(options, "circle", {.num_classes = true});
  std::vector<double> angles(static_cast<std::size_t>(options.num_samples));
  for (std::size_t i = 0; i < angles.size(); ++i) {
    angles[i] = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(angles.size());
  }
  Dataset dataset{
      .name = "circle",
      .source = fmt::format("{} points at equal angles on a circle, Gaussian targets, seed {}",
                            options.num_samples,
                            options.seed),
      .shape = {2},
      .num_classes = options.num_classes,
      .default_normalisation = Normalisation::sphere,
      .train = {.inputs = points_at(angles)},
  };
  draw_targets(dataset.train, options, "train");
  if (options.num_test_samples > 0) {
    base::Random random(base::Stream(options.seed, "circle.test"));
    angles.resize(static_cast<std::size_t>(options.num_test_samples));
    for (double& angle : angles) angle = random.uniform(0, 2 * std::numbers::pi);
    dataset.test = Samples{.inputs = points_at(angles)};
    draw_targets(*dataset.test, options, "test");
  }
  return dataset;
}

}  // namespace

Generator circle() {
  return {
      .name = "circle",
      .description =
          "training points at equal angles on a circle, test points at random angles, "
          "Gaussian targets (num_outputs) and, with num_classes, random labels",
      .generate = make_circle,
  };
}

}  // namespace overparam::data
