// SPDX-License-Identifier: Apache-2.0
// What the generators share.
#pragma once

#include <ATen/core/Tensor.h>

#include <numbers>
#include <string>
#include <string_view>

#include "overparam/base/random.hpp"
#include "overparam/data/sources.hpp"

namespace overparam::data {

/// Length of generated points, so that `sphere` normalisation leaves them as they are.
inline constexpr double kPointRadius = 1 / std::numbers::sqrt2;

/// The options that a generator heeds. The others must stay at their defaults: a setting without
/// effect would mislead.
struct Heeded {
  std::int64_t least_dimension = 0;  ///< 0: the dimension is fixed
  bool num_classes = false;
  bool separation = false;
  std::int64_t columns = 1;         ///< of an input where the dimension is not asked for
  std::int64_t rows_per_class = 0;  ///< rows that are drawn beside the samples
};

/// Comes before anything is allocated.
/// @throws Error(usage) naming the generator and the option, Error(capacity) for more than fits
void check_options(const GeneratorOptions& options, std::string_view generator, Heeded heeded);

/// `value`, or the generator's own choice where it is 0.
inline std::int64_t value_or(std::int64_t value, std::int64_t choice) {
  return value > 0 ? value : choice;
}

/// (count, columns) float64 of N(0, 1).
at::Tensor normal_rows(std::int64_t count, std::int64_t columns, const base::Stream& stream);

/// (count) int64, uniform over the classes.
at::Tensor uniform_labels(std::int64_t count, std::int64_t num_classes, const base::Stream& stream);

/// (count) int64 in random order, the classes as evenly often as they can be.
at::Tensor balanced_labels(std::int64_t count,
                           std::int64_t num_classes,
                           const base::Stream& stream);

/// Gaussian targets, and labels where classes are asked for. `part` is "train" or "test".
void draw_targets(Samples& samples, const GeneratorOptions& options, const std::string& part);

}  // namespace overparam::data
