// SPDX-License-Identifier: Apache-2.0
#include "sphere_points.hpp"

#include <fmt/format.h>

#include "generating.hpp"

namespace overparam::data {

namespace {

Dataset make_sphere(const GeneratorOptions& options) {
  check_options(options, "sphere", {.least_dimension = 2, .num_classes = true, .separation = true});
  Dataset dataset = sphere_dataset(options, "sphere");
  dataset.source =
      fmt::format("points uniform on a sphere in R^{}, Gaussian targets{}, seed {}",
                  dataset.shape[0],
                  options.separation > 0 ? fmt::format(", separation {}", options.separation) : "",
                  options.seed);
  draw_targets(dataset.train, options, "train");
  if (dataset.test) draw_targets(*dataset.test, options, "test");
  return dataset;
}

}  // namespace

Generator sphere() {
  return {
      .name = "sphere",
      .description =
          "points uniform on a sphere with Gaussian targets (num_outputs) and, with "
          "num_classes, random labels; heeds dimension (20) and separation (exact)",
      .generate = make_sphere,
  };
}

}  // namespace overparam::data
