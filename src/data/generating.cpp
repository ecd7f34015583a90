// SPDX-License-Identifier: Apache-2.0
#include "generating.hpp"

#include <ATen/ATen.h>

#include "overparam/base/memory.hpp"
#include "overparam/base/require.hpp"

namespace overparam::data {

void check_options(const GeneratorOptions& options, std::string_view generator, Heeded heeded) {
  const auto check = [&](bool good,
                         std::string_view option,
                         std::string_view expected,
                         auto found) {
    base::require(
        good, ErrorKind::usage, "{}: {} must be {}, found {}", generator, option, expected, found);
  };
  check(options.num_samples >= 1, "num_samples", "at least 1", options.num_samples);
  check(options.num_test_samples >= 0, "num_test_samples", "0 or more", options.num_test_samples);
  check(options.num_outputs >= 1, "num_outputs", "at least 1", options.num_outputs);
  if (heeded.least_dimension == 0) {
    check(options.dimension == 0, "dimension", "left alone: it is fixed", options.dimension);
  } else {
    check(options.dimension == 0 || options.dimension >= heeded.least_dimension,
          "dimension",
          fmt::format("at least {} (or 0 for the generator's choice)", heeded.least_dimension),
          options.dimension);
  }
  if (heeded.num_classes) {
    check(options.num_classes == 0 || options.num_classes >= 2,
          "num_classes",
          "at least 2 (or 0 for the generator's choice)",
          options.num_classes);
  } else {
    check(options.num_classes == 0,
          "num_classes",
          "left alone: no labels are drawn",
          options.num_classes);
  }
  if (heeded.separation) {
    check(options.separation >= 0, "separation", "0 or more", options.separation);
  } else {
    check(options.separation == 0,
          "separation",
          "left alone: it cannot be chosen",
          options.separation);
  }
  const std::int64_t columns = value_or(options.dimension, heeded.columns);
  base::MemoryPlan plan{std::string(generator)};
  plan.add("training inputs", {options.num_samples, columns}, sizeof(double));
  plan.add("training targets", {options.num_samples, options.num_outputs}, sizeof(double));
  plan.add("test inputs", {options.num_test_samples, columns}, sizeof(double));
  plan.add("test targets", {options.num_test_samples, options.num_outputs}, sizeof(double));
  plan.add("classes", {options.num_classes, heeded.rows_per_class, columns}, sizeof(double));
  plan.check();
}

at::Tensor normal_rows(std::int64_t count, std::int64_t columns, const base::Stream& stream) {
  at::Tensor rows = at::empty({count, columns}, at::kDouble);
  base::fill_normal(rows, 1, stream);
  return rows;
}

at::Tensor uniform_labels(std::int64_t count,
                          std::int64_t num_classes,
                          const base::Stream& stream) {
  base::Random random(stream);
  at::Tensor labels = at::empty({count}, at::kLong);
  auto* values = labels.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) values[i] = random.below(num_classes);
  return labels;
}

at::Tensor balanced_labels(std::int64_t count,
                           std::int64_t num_classes,
                           const base::Stream& stream) {
  const auto order = base::random_permutation(count, stream);
  return at::tensor(order, at::kLong).remainder(num_classes);
}

void draw_targets(Samples& samples, const GeneratorOptions& options, const std::string& part) {
  const std::int64_t count = samples.size();
  samples.targets =
      normal_rows(count, options.num_outputs, base::Stream(options.seed, part + " targets"));
  if (options.num_classes > 0) {
    samples.labels =
        uniform_labels(count, options.num_classes, base::Stream(options.seed, part + " labels"));
  }
}

}  // namespace overparam::data
