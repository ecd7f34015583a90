// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>

#include "overparam/base/require.hpp"
#include "overparam/data/prepare.hpp"

namespace overparam::data {

namespace {

constexpr double kRadius = 1 / std::numbers::sqrt2;
constexpr std::int64_t kRowsPerTask = 64;

/// |row| without overflow or underflow.
template <typename Number>
double length(std::span<const Number> row) {
  double largest = 0;
  for (const Number value : row) largest = std::max(largest, std::abs(double{value}));
  if (largest == 0) return 0;
  double sum = 0;
  for (const Number value : row) {
    const double ratio = value / largest;
    sum += ratio * ratio;
  }
  return largest * std::sqrt(sum);
}

std::vector<double> row_lengths(const at::Tensor& inputs) {
  const std::int64_t columns = inputs.size(1);
  std::vector<double> lengths(static_cast<std::size_t>(inputs.size(0)));
  AT_DISPATCH_FLOATING_TYPES(inputs.scalar_type(), "row_lengths", [&] {
    const scalar_t* values = inputs.data_ptr<scalar_t>();
    at::parallel_for(0, inputs.size(0), kRowsPerTask, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        lengths[static_cast<std::size_t>(i)] = length(
            std::span<const scalar_t>(values + i * columns, static_cast<std::size_t>(columns)));
      }
    });
  });
  return lengths;
}

/// The rule of one normalisation, for rows of both parts.
struct Rule {
  Normalisation normalisation;
  double longest;  // of all rows, for footnote3

  [[nodiscard]] bool scales_rows() const {
    return normalisation == Normalisation::sphere || normalisation == Normalisation::unit;
  }

  [[nodiscard]] std::int64_t appended() const {
    if (normalisation == Normalisation::footnote3) return 2;
    return normalisation == Normalisation::sphere ? 1 : 0;
  }

  /// What the coordinates of a row of this length are divided by.
  [[nodiscard]] double divisor(double row_length) const {
    switch (normalisation) {
      case Normalisation::footnote3:
        return longest / kRadius;
      case Normalisation::sphere:
        return row_length / kRadius;
      case Normalisation::unit:
        return row_length;
      case Normalisation::none:
        break;
    }
    return 1;
  }

  /// The coordinate that brings a row of this length to 1/sqrt 2.
  [[nodiscard]] double padding(double row_length) const {
    const double ratio = row_length / longest;
    // A row shorter by rounding alone would get 1e-8, and spoil separations of that size.
    constexpr double kRounding = 1e-14;
    return 1 - ratio < kRounding ? 0 : kRadius * std::sqrt((1 - ratio) * (1 + ratio));
  }
};

template <typename In, typename Out>
void write_rows(const at::Tensor& inputs,
                const std::vector<double>& lengths,
                const Rule& rule,
                at::Tensor& out) {
  const std::int64_t columns = inputs.size(1);
  const std::int64_t width = out.size(1);
  const In* in_values = inputs.data_ptr<In>();
  Out* out_values = out.data_ptr<Out>();
  at::parallel_for(0, inputs.size(0), kRowsPerTask, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const double row_length = lengths[static_cast<std::size_t>(i)];
      const double divisor = rule.divisor(row_length);
      const In* in = in_values + i * columns;
      Out* row = out_values + i * width;
      for (std::int64_t k = 0; k < columns; ++k) row[k] = static_cast<Out>(in[k] / divisor);
      if (rule.appended() == 2) row[columns] = static_cast<Out>(rule.padding(row_length));
      if (rule.appended() > 0) row[width - 1] = static_cast<Out>(kRadius);
    }
  });
}

at::Tensor normalised(const at::Tensor& inputs,
                      const std::vector<double>& lengths,
                      const Rule& rule,
                      at::ScalarType dtype) {
  at::Tensor out = at::empty({inputs.size(0), inputs.size(1) + rule.appended()}, dtype);
  const bool from_float = inputs.scalar_type() == at::kFloat;
  if (dtype == at::kFloat) {
    from_float ? write_rows<float, float>(inputs, lengths, rule, out)
               : write_rows<double, float>(inputs, lengths, rule, out);
  } else {
    from_float ? write_rows<float, double>(inputs, lengths, rule, out)
               : write_rows<double, double>(inputs, lengths, rule, out);
  }
  return out;
}

}  // namespace

void normalise(Dataset& dataset, Normalisation normalisation, at::ScalarType dtype) {
  base::require(dtype == at::kFloat || dtype == at::kDouble,
                ErrorKind::usage,
                "normalise: expected float32 or float64, found {}",
                c10::toString(dtype));
  struct Part {
    const char* name;
    Samples* samples;
    std::vector<double> lengths;
  };
  std::vector<Part> parts{{"training", &dataset.train, {}}};
  if (dataset.test) parts.push_back({"test", &*dataset.test, {}});

  Rule rule{.normalisation = normalisation, .longest = 0};
  for (auto& part : parts) {
    at::Tensor& inputs = part.samples->inputs;
    base::require(inputs.dim() == 2 && inputs.size(1) == dataset.train.inputs.size(1),
                  ErrorKind::data,
                  "{}: the {} inputs have {} coordinates, the training inputs {}",
                  dataset.name,
                  part.name,
                  inputs.size(-1),
                  dataset.train.inputs.size(-1));
    inputs = inputs.contiguous();
    part.lengths = row_lengths(inputs);
    for (std::size_t i = 0; i < part.lengths.size(); ++i) {
      if (part.lengths[i] == 0 && rule.scales_rows()) {
        base::fail(ErrorKind::data,
                   "{}: {} sample {} is zero and cannot be scaled to a fixed length; normalise by "
                   "footnote3 or none, or leave it out",
                   dataset.name,
                   part.name,
                   i);
      }
      rule.longest = std::max(rule.longest, part.lengths[i]);
    }
  }
  base::require(normalisation != Normalisation::footnote3 || rule.longest > 0,
                ErrorKind::data,
                "{}: all inputs are zero, no factor brings the longest to 1/sqrt 2",
                dataset.name);

  for (auto& part : parts) {
    part.samples->inputs = normalised(part.samples->inputs, part.lengths, rule, dtype);
  }
}

}  // namespace overparam::data
