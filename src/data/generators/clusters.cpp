// SPDX-License-Identifier: Apache-2.0
// The mixture of Li and Liang 2018 (section 6): k classes of l Gaussian components, centres
// N(0, sigma_0^2 / dx I) and points N(centre, sigma^2 / dx I), with sigma_0 = 5 and sigma = 1.
// Centres are then about sqrt(2) sigma_0 apart, and points sigma away from theirs.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>

#include "generating.hpp"

namespace overparam::data {

namespace {

constexpr std::int64_t kDefaultDimension = 1000;
constexpr std::int64_t kDefaultClasses = 10;
constexpr std::int64_t kComponentsPerClass = 2;
constexpr double kCentreDeviation = 5;
constexpr double kPointDeviation = 1;

/// @param centres (num_classes * components, dx); component c belongs to class c mod num_classes
Samples draw(const at::Tensor& centres,
             std::int64_t count,
             std::int64_t num_classes,
             std::uint64_t seed,
             const std::string& part) {
  const std::int64_t dimension = centres.size(1);
  const at::Tensor component =
      balanced_labels(count, centres.size(0), base::Stream(seed, "clusters.component." + part));
  const at::Tensor noise =
      normal_rows(count, dimension, base::Stream(seed, "clusters.point." + part));
  const double deviation = kPointDeviation / std::sqrt(static_cast<double>(dimension));
  return {.inputs = centres.index_select(0, component) + deviation * noise,  // (count, dx)
          .labels = component.remainder(num_classes)};
}

Dataset make_clusters(const GeneratorOptions& options) {
  check_options(options,
                "clusters",
                {.least_dimension = 1,
                 .num_classes = true,
                 .columns = kDefaultDimension,
                 .rows_per_class = kComponentsPerClass});
  const std::int64_t dimension = value_or(options.dimension, kDefaultDimension);
  const std::int64_t num_classes = value_or(options.num_classes, kDefaultClasses);
  const at::Tensor centres = normal_rows(num_classes * kComponentsPerClass,
                                         dimension,
                                         base::Stream(options.seed, "clusters.centre")) *
                             (kCentreDeviation / std::sqrt(static_cast<double>(dimension)));
  Dataset dataset{
      .name = "clusters",
      .source = fmt::format("{} classes of {} Gaussian clusters in R^{}, seed {}",
                            num_classes,
                            kComponentsPerClass,
                            dimension,
                            options.seed),
      .shape = {dimension},
      .num_classes = num_classes,
      .default_normalisation = Normalisation::sphere,
      .train = draw(centres, options.num_samples, num_classes, options.seed, "train"),
  };
  if (options.num_test_samples > 0) {
    dataset.test = draw(centres, options.num_test_samples, num_classes, options.seed, "test");
  }
  return dataset;
}

}  // namespace

Generator clusters() {
  return {
      .name = "clusters",
      .description =
          "classes of two Gaussian clusters each, as in Li and Liang 2018; heeds "
          "dimension (1000) and num_classes (10)",
      .generate = make_clusters,
  };
}

}  // namespace overparam::data
