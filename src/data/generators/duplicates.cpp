// SPDX-License-Identifier: Apache-2.0
// What cannot be fitted: a tenth of the samples repeat the inputs of another with other targets.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "generating.hpp"
#include "overparam/base/require.hpp"
#include "sphere_points.hpp"

namespace overparam::data {

namespace {

/// Row 2i + 1 becomes a copy of row 2i for the first `count` pairs, with another label: so also the
/// first few samples hold a pair.
void add_copies(Samples& samples, std::int64_t count, const GeneratorOptions& options) {
  base::Random random(base::Stream(options.seed, "duplicates.label"));
  for (std::int64_t pair = 0; pair < count; ++pair) {
    samples.inputs[2 * pair + 1].copy_(samples.inputs[2 * pair]);
    if (!samples.labels.defined()) continue;
    auto* labels = samples.labels.data_ptr<std::int64_t>();
    const std::int64_t step = 1 + random.below(options.num_classes - 1);
    labels[2 * pair + 1] = (labels[2 * pair] + step) % options.num_classes;
  }
}

Dataset make_duplicates(const GeneratorOptions& options) {
  check_options(options, "duplicates", {.least_dimension = 2, .num_classes = true});
  base::require(options.num_samples >= 2,
                ErrorKind::usage,
                "duplicates: num_samples must be at least 2, found {}",
                options.num_samples);
  const std::int64_t copies = std::max<std::int64_t>(1, options.num_samples / 10);
  Dataset dataset = sphere_dataset(options, "duplicates");
  dataset.source = fmt::format(
      "sphere points in R^{}, {} of them repeated with other targets, "
      "seed {}",
      dataset.shape[0],
      copies,
      options.seed);
  draw_targets(dataset.train, options, "train");
  add_copies(dataset.train, copies, options);
  if (dataset.test) draw_targets(*dataset.test, options, "test");
  return dataset;
}

}  // namespace

Generator duplicates() {
  return {
      .name = "duplicates",
      .description =
          "points of `sphere` of which a tenth (at least one) are copies of another "
          "with different targets and labels; heeds dimension (20) and num_classes",
      .generate = make_duplicates,
  };
}

}  // namespace overparam::data
