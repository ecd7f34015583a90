// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/fit.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "overparam/base/random.hpp"

namespace overparam::linalg {
namespace {

TEST(Fit, StudentQuantilesMatchTheTables) {
  EXPECT_NEAR(student_quantile(0.975, 1), 12.70620474, 1e-6);
  EXPECT_NEAR(student_quantile(0.975, 2), 4.30265273, 1e-6);
  EXPECT_NEAR(student_quantile(0.975, 10), 2.22813885, 1e-6);
  EXPECT_NEAR(student_quantile(0.025, 10), -2.22813885, 1e-6);
  EXPECT_NEAR(student_quantile(0.975, 1000), 1.96233908, 1e-6);
  EXPECT_NEAR(student_quantile(0.5, 3), 0, 1e-8);
}

TEST(Fit, LineThroughFourPoints) {
  // Worked by hand: mean x 2.5, mean y 3, Sxx 5, Sxy 5, so slope 1, intercept 0.5; residuals
  // -0.5, 0.5, 0.5, -0.5, so s^2 = 1 / 2 and the slope's error is sqrt(0.5 / 5).
  const std::vector<double> x{1, 2, 3, 4};
  const std::vector<double> y{1, 3, 4, 4};
  const LineFit fit = fit_line(x, y);
  EXPECT_NEAR(fit.slope, 1, 1e-12);
  EXPECT_NEAR(fit.intercept, 0.5, 1e-12);
  EXPECT_NEAR(fit.slope_error, std::sqrt(0.1), 1e-12);
  EXPECT_NEAR(fit.interval.high - fit.slope, 4.30265273 * std::sqrt(0.1), 1e-6);
  EXPECT_NEAR(fit.r_squared, 5.0 / 6, 1e-12);
}

TEST(Fit, AnExactPowerLawIsFoundExactly) {
  const std::vector<double> x{1, 2, 4, 8};
  std::vector<double> y;
  for (const double value : x) y.push_back(3 * std::pow(value, -1.5));
  const PowerLaw law = fit_power_law(x, y);
  EXPECT_NEAR(law.exponent, -1.5, 1e-12);
  EXPECT_NEAR(law.constant, 3, 1e-12);
  EXPECT_NEAR(law.interval.low, -1.5, 1e-6);
  EXPECT_NEAR(law.interval.high, -1.5, 1e-6);
}

TEST(Fit, PointsWithoutALogarithmAreLeftOut) {
  const std::vector<double> x{1, 2, 4, 8, -1, 16};
  const std::vector<double> y{1, 2, 4, 8, 5, 0};
  const PowerLaw law = fit_power_law(x, y);
  EXPECT_EQ(law.points, 4);
  EXPECT_NEAR(law.exponent, 1, 1e-12);
}

TEST(Fit, OneLevelSaysNothing) {
  const PowerLaw law = fit_power_law(std::vector<double>{2, 2}, std::vector<double>{1, 3});
  EXPECT_TRUE(std::isinf(law.interval.high));
  EXPECT_TRUE(std::isinf(law.interval.low));
}

TEST(Fit, IntervalsCoverTheTruthAsOftenAsTheySay) {
  // 200 data sets with exponent 0.7 and 10 % scatter; a 95 % interval may miss about 10 of them,
  // and 25 is five standard errors more.
  int missed = 0;
  for (std::uint64_t trial = 0; trial < 200; ++trial) {
    base::Random random(base::Stream(trial, "fit coverage"));
    std::vector<double> x;
    std::vector<double> y;
    for (const double level : {1.0, 2.0, 4.0, 8.0, 16.0}) {
      for (int seed = 0; seed < 5; ++seed) {
        x.push_back(level);
        y.push_back(std::pow(level, 0.7) * std::exp(0.1 * random.normal()));
      }
    }
    const PowerLaw law = fit_power_law(x, y);
    missed += law.interval.low <= 0.7 && 0.7 <= law.interval.high ? 0 : 1;
    EXPECT_LT(law.interval.high - law.interval.low, 0.5);
  }
  EXPECT_LE(missed, 25);
}

TEST(Fit, ProbabilityIntervals) {
  EXPECT_EQ(probability_interval(0, 0).high, 1);
  const Interval none = probability_interval(0, 100);
  EXPECT_NEAR(none.low, 0, 1e-15);
  EXPECT_NEAR(none.high, 0.036995, 1e-5);  // z^2 / (n + z^2)
}

TEST(Fit, AMeanHasAStandardError) {
  const std::vector<double> values{1, 2, 3, 6};
  const Estimate estimate = estimate_mean(values);
  EXPECT_DOUBLE_EQ(estimate.value, 3);
  EXPECT_DOUBLE_EQ(estimate.standard_error, std::sqrt(14.0 / 3 / 4));
  EXPECT_TRUE(std::isinf(estimate_mean(std::span(values).first(1)).standard_error));
  EXPECT_TRUE(std::isnan(estimate_mean({}).value));
}

}  // namespace
}  // namespace overparam::linalg
