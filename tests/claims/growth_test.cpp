// SPDX-License-Identifier: Apache-2.0
// Powers and exponentials are told apart.
#include "support/growth.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace overparam::claims {
namespace {

/// Rows of y(x) at these x, with a ripple of 1 % so that no residual is zero.
template <typename Function>
std::vector<Row> rows_of_curve(const std::vector<double>& x, Function y) {
  std::vector<Row> rows;
  double ripple = 1.01;
  for (const double value : x) {
    rows.push_back({.design = "curve", .values = {{"x", value}, {"y", ripple * y(value)}}});
    ripple = 1 / ripple;
  }
  return rows;
}

const std::vector<double> kDepths{1, 2, 4, 8, 16};
const auto growth = exponential_evidence("curve", "x", "y", Trend::grows);
const auto decay = exponential_evidence("curve", "x", "y", Trend::falls);

TEST(ExponentialEvidence, IsNegativeForPowers) {
  EXPECT_LT(growth(rows_of_curve(kDepths, [](double x) { return 3 * x * x; })), -10);
  EXPECT_LT(decay(rows_of_curve(kDepths, [](double x) { return 3 / x; })), -10);
}

TEST(ExponentialEvidence, IsPositiveForExponentials) {
  EXPECT_GT(growth(rows_of_curve(kDepths, [](double x) { return std::pow(1.2, x); })), 10);
  EXPECT_GT(decay(rows_of_curve(kDepths, [](double x) { return std::pow(0.3, x); })), 10);
}

TEST(ExponentialEvidence, IsZeroWhereTheTrendCostsNothing) {
  const auto rows = rows_of_curve(kDepths, [](double x) { return std::pow(0.3, x); });
  EXPECT_EQ(growth(rows), 0);
}

TEST(ExponentialEvidence, NeedsFourLevels) {
  EXPECT_TRUE(std::isnan(growth(rows_of_curve({1, 2, 4}, [](double x) { return x; }))));
  EXPECT_TRUE(std::isnan(growth({})));
}

TEST(FactorPerLayer, IsTheBaseOfAnExponential) {
  const auto factor = factor_per_layer("curve", "x", "y");
  EXPECT_NEAR(
      factor(rows_of_curve(kDepths, [](double x) { return 7 * std::pow(0.5, x); })), 0.5, 0.002);
  EXPECT_TRUE(std::isnan(factor({})));
}

}  // namespace
}  // namespace overparam::claims
