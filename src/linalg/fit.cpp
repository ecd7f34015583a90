// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/fit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <numeric>

#include "overparam/base/random.hpp"
#include "overparam/base/require.hpp"

namespace overparam::linalg {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kTail = 0.025;

/// Integral of Student's density from 0 to x, by Simpson's rule in the angle that makes it smooth.
double student_half_cdf(double x, double degrees) {
  // With x = sqrt(degrees) tan(a) the density becomes cos(a)^(degrees - 1).
  const double constant = std::exp(std::lgamma((degrees + 1) / 2) - std::lgamma(degrees / 2)) /
                          std::sqrt(std::numbers::pi);
  const double end = std::atan(x / std::sqrt(degrees));
  constexpr int kSteps = 400;
  double sum = 0;
  for (int i = 0; i <= kSteps; ++i) {
    const int weight = i == 0 || i == kSteps ? 1 : (i % 2 == 1 ? 4 : 2);
    sum += weight * std::pow(std::cos(end * i / kSteps), degrees - 1);
  }
  return constant * sum * end / kSteps / 3;
}

using Levels = std::map<double, std::vector<double>>;

/// Sums of squares and products about the means.
struct Moments {
  double mean_x, mean_y, xx, xy, yy;

  Moments(std::span<const double> x, std::span<const double> y)
      : mean_x(mean(x)), mean_y(mean(y)), xx(0), xy(0), yy(0) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      xx += (x[i] - mean_x) * (x[i] - mean_x);
      xy += (x[i] - mean_x) * (y[i] - mean_y);
      yy += (y[i] - mean_y) * (y[i] - mean_y);
    }
  }

  [[nodiscard]] double slope() const { return xy / xx; }
};

/// The mean of as many values, drawn from `values` with replacement.
double resampled_mean(std::span<const double> values, base::Random& random) {
  double sum = 0;
  for (std::size_t k = 0; k < values.size(); ++k) {
    sum += values[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(values.size())))];
  }
  return sum / static_cast<double>(values.size());
}

Interval bootstrap_interval(const Levels& levels, std::span<const double> x) {
  constexpr int kResamplings = 1000;
  base::Random random(base::Stream(0, "bootstrap"));
  std::vector<double> slopes;
  for (int i = 0; i < kResamplings; ++i) {
    std::vector<double> y;
    for (const auto& [level, values] : levels) y.push_back(resampled_mean(values, random));
    slopes.push_back(Moments(x, y).slope());
  }
  std::ranges::sort(slopes);
  const auto at = [&](double p) {
    return slopes[static_cast<std::size_t>(p * (kResamplings - 1))];
  };
  return {at(kTail), at(1 - kTail)};
}

}  // namespace

LineFit fit_line(std::span<const double> x, std::span<const double> y) {
  base::ensure(x.size() == y.size(), "fit_line: {} x, {} y", x.size(), y.size());
  LineFit fit;
  fit.points = static_cast<std::int64_t>(x.size());
  fit.slope_error = kInfinity;
  fit.interval = {-kInfinity, kInfinity};
  if (x.size() < 2) return fit;

  const Moments moments(x, y);
  if (moments.xx == 0) return fit;
  fit.slope = moments.slope();
  fit.intercept = moments.mean_y - fit.slope * moments.mean_x;
  const double unexplained = std::max(0.0, moments.yy - fit.slope * moments.xy);
  fit.r_squared = moments.yy > 0 ? 1 - unexplained / moments.yy : 1;
  if (x.size() > 2) {
    const double degrees = static_cast<double>(x.size()) - 2;
    fit.slope_error = std::sqrt(unexplained / degrees / moments.xx);
    const double reach = student_quantile(1 - kTail, degrees) * fit.slope_error;
    fit.interval = {fit.slope - reach, fit.slope + reach};
  }
  return fit;
}

PowerLaw fit_power_law(std::span<const double> x, std::span<const double> y) {
  base::ensure(x.size() == y.size(), "fit_power_law: {} x, {} y", x.size(), y.size());
  Levels levels;
  PowerLaw law;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!(x[i] > 0 && y[i] > 0 && std::isfinite(x[i]) && std::isfinite(y[i]))) continue;
    levels[std::log(x[i])].push_back(std::log(y[i]));
    ++law.points;
  }
  law.levels = static_cast<std::int64_t>(levels.size());
  law.interval = {-kInfinity, kInfinity};
  if (law.levels < 2) return law;

  std::vector<double> level_x;
  std::vector<double> level_means;
  for (const auto& [level, values] : levels) {
    level_x.push_back(level);
    level_means.push_back(mean(values));
  }
  const LineFit line = fit_line(level_x, level_means);
  law.exponent = line.slope;
  law.constant = std::exp(line.intercept);
  law.r_squared = line.r_squared;
  const bool has_scatter = law.points > law.levels;
  if (law.levels > 2) law.interval = line.interval;
  if (has_scatter) {
    const Interval scatter = bootstrap_interval(levels, level_x);
    law.interval = law.levels > 2 ? Interval{std::min(scatter.low, line.interval.low),
                                             std::max(scatter.high, line.interval.high)}
                                  : scatter;
  }
  return law;
}

double student_quantile(double p, double degrees) {
  if (p < 0.5) return -student_quantile(1 - p, degrees);
  double low = 0;
  double high = 1;
  while (student_half_cdf(high, degrees) < p - 0.5) high *= 2;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (student_half_cdf(middle, degrees) < p - 0.5 ? low : high) = middle;
  }
  return (low + high) / 2;
}

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_deviation(std::span<const double> values) {
  if (values.size() < 2) return 0;
  const double center = mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - center) * (value - center);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

Estimate estimate_mean(std::span<const double> values) {
  const auto count = static_cast<double>(values.size());
  return {.value = mean(values),
          .standard_error =
              values.size() < 2 ? kInfinity : standard_deviation(values) / std::sqrt(count)};
}

Interval probability_interval(std::int64_t successes, std::int64_t trials) {
  if (trials == 0) return {0, 1};
  constexpr double z = 1.959963984540054;
  const double n = static_cast<double>(trials);
  const double p = static_cast<double>(successes) / n;
  const double center = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double reach = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {std::max(0.0, center - reach), std::min(1.0, center + reach)};
}

}  // namespace overparam::linalg
