// SPDX-License-Identifier: Apache-2.0
// Straight lines and power laws through measurements, with intervals.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace overparam::linalg {

struct Interval {
  double low = 0;
  double high = 0;
};

/// Least squares y = intercept + slope x.
struct LineFit {
  double slope = 0;
  double intercept = 0;
  double slope_error = 0;  ///< standard error; infinite for fewer than three points
  Interval interval;       ///< 95 % for the slope, Student's t
  double r_squared = 0;
  std::int64_t points = 0;
};
LineFit fit_line(std::span<const double> x, std::span<const double> y);

/// y = constant * x^exponent, fitted on logarithms.
struct PowerLaw {
  double exponent = 0;
  double constant = 0;
  Interval interval;  ///< 95 % for the exponent
  double r_squared = 0;
  std::int64_t levels = 0;  ///< distinct x
  std::int64_t points = 0;
};

/// Fits the mean logarithm at each level of x. The interval is the wider of two: Student's t on the
/// level means, which sees curvature, and the percentiles of 1,000 resamplings of the measurements
/// within each level (fixed seed), which sees the scatter over seeds.
/// Points that are not positive and finite are left out; `levels` < 2 gives an infinite interval.
PowerLaw fit_power_law(std::span<const double> x, std::span<const double> y);

/// The p-quantile of Student's t with `degrees` degrees of freedom, to 1e-8.
double student_quantile(double p, double degrees);

double mean(std::span<const double> values);
double standard_deviation(std::span<const double> values);

/// A mean with its standard error, which is infinite for fewer than two values.
struct Estimate {
  double value = 0;
  double standard_error = 0;
};
Estimate estimate_mean(std::span<const double> values);

/// Wilson's 95 % interval for a probability, from `successes` out of `trials`.
Interval probability_interval(std::int64_t successes, std::int64_t trials);

}  // namespace overparam::linalg
