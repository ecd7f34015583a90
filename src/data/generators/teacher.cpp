// SPDX-License-Identifier: Apache-2.0
// Targets that a small network computes: f(x) = V max(U x, 0) with 16 hidden units, fixed at
// random.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>

#include "generating.hpp"
#include "sphere_points.hpp"

namespace overparam::data {

namespace {

constexpr std::int64_t kWidth = 16;

struct Teacher {
  at::Tensor hidden;    // U (width, dx)
  at::Tensor read_out;  // V (d, width)

  [[nodiscard]] at::Tensor operator()(const at::Tensor& points) const {  // (n, dx) -> (n, d)
    const std::int64_t num_outputs = read_out.size(0);
    at::Tensor targets = at::zeros({points.size(0), num_outputs}, at::kDouble);
    const auto x = points.accessor<double, 2>();
    const auto u = hidden.accessor<double, 2>();
    const auto v = read_out.accessor<double, 2>();
    auto y = targets.accessor<double, 2>();
    for (std::int64_t i = 0; i < points.size(0); ++i) {
      for (std::int64_t unit = 0; unit < kWidth; ++unit) {
        double activation = 0;
        for (std::int64_t k = 0; k < points.size(1); ++k) activation += u[unit][k] * x[i][k];
        if (activation <= 0) continue;
        for (std::int64_t a = 0; a < num_outputs; ++a) y[i][a] += v[a][unit] * activation;
      }
    }
    return targets;
  }
};

Teacher make_network(std::int64_t dimension, std::int64_t num_outputs, std::uint64_t seed) {
  // For |x|^2 = 1/2 the hidden pre-activations are N(0, 1), and the outputs have second moment 1.
  return {.hidden = normal_rows(kWidth, dimension, base::Stream(seed, "teacher.hidden")) *
                    (1 / kPointRadius),
          .read_out = normal_rows(num_outputs, kWidth, base::Stream(seed, "teacher.read-out")) *
                      std::sqrt(2.0 / static_cast<double>(kWidth))};
}

Dataset make_teacher(const GeneratorOptions& options) {
  check_options(options, "teacher", {.least_dimension = 2, .separation = true});
  Dataset dataset = sphere_dataset(options, "teacher");
  dataset.source =
      fmt::format("targets of a random ReLU network of width {} at sphere points in R^{}, seed {}",
                  kWidth,
                  dataset.shape[0],
                  options.seed);
  const Teacher teacher = make_network(dataset.shape[0], options.num_outputs, options.seed);
  dataset.train.targets = teacher(dataset.train.inputs);
  if (dataset.test) dataset.test->targets = teacher(dataset.test->inputs);
  return dataset;
}

}  // namespace

Generator teacher() {
  return {
      .name = "teacher",
      .description =
          "points of `sphere` with the outputs (num_outputs) of a random one-hidden-"
          "layer ReLU network of width 16 as targets; heeds dimension (20), separation",
      .generate = make_teacher,
  };
}

}  // namespace overparam::data
