// SPDX-License-Identifier: Apache-2.0
#include "scale.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace overparam::report {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string labels(bool logarithmic, Range range, int target) {
  std::string text;
  for (const auto& tick : ticks(logarithmic, range, target)) {
    if (tick.labelled) text += plain_number(tick.label) + ' ';
  }
  return text;
}

Figure figure_of(std::vector<double> values, bool logarithmic) {
  Figure figure{.x = {.logarithmic = logarithmic}};
  figure.series.push_back({.x = values, .y = values});
  return figure;
}

TEST(Ticks, LinearOnesAreRound) {
  EXPECT_EQ(labels(false, {0, 1}, 5), "0 0.2 0.4 0.6 0.8 1.0 ");
  EXPECT_EQ(labels(false, {-2.6, 2.1}, 5), "-2 -1 0 1 2 ");
  EXPECT_EQ(labels(false, {0, 20800}, 6), "0 5000 10000 15000 20000 ");
  EXPECT_EQ(labels(false, {0.0031, 0.0052}, 4), "0.0035 0.0040 0.0045 0.0050 ");
}

TEST(Ticks, ExtremeLinearOnesShareAnExponent) {
  EXPECT_EQ(labels(false, {0, 3.1e9}, 3), "0 1e+09 2e+09 3e+09 ");
  EXPECT_EQ(labels(false, {-2e-7, 2.1e-7}, 4), "-2e-07 -1e-07 0 1e-07 2e-07 ");
}

TEST(Ticks, LogarithmicOnesArePowersOfTen) {
  EXPECT_EQ(labels(true, {0.02, 3000}, 6), "1e-01 1e+00 1e+01 1e+02 1e+03 ");
  EXPECT_EQ(labels(true, {1e-30, 1e3}, 6), "1e-30 1e-20 1e-10 1e+00 ");
  const auto with_minor = ticks(true, {10, 100}, 6);
  EXPECT_EQ(with_minor.size(), 10u);  // 10, 20, ..., 100
}

TEST(Ticks, WithinADecadeTheyAreMultiples) {
  EXPECT_EQ(labels(true, {120, 8700}, 8), "200 300 500 1000 2000 3000 5000 ");
  EXPECT_EQ(labels(true, {210, 4800}, 5), "300 500 1000 2000 3000 ");
  EXPECT_EQ(labels(true, {1.05, 1.3}, 5), "1.05 1.10 1.15 1.20 1.25 1.30 ");
}

TEST(Ranges, HaveAMarginButKeepZero) {
  const Range range = x_range(figure_of({0, 100}, false));
  EXPECT_EQ(range.low, 0);
  EXPECT_EQ(range.high, 104);
  const Range decades = x_range(figure_of({1, 1e4}, true));
  EXPECT_NEAR(std::log10(decades.low), -0.16, 1e-12);
  EXPECT_NEAR(std::log10(decades.high), 4.16, 1e-12);
}

TEST(Ranges, OfDegenerateDataAreUsable) {
  const std::vector<std::vector<double>> all{{},
                                             {0},
                                             {7},
                                             {-3, -3},
                                             {std::nan(""), kInfinity},
                                             {-1, 0},
                                             {1e308, -1e308},
                                             {5e-324, 1e300},
                                             {1, 1 + 1e-15}};
  for (const bool logarithmic : {false, true}) {
    for (const auto& values : all) {
      const Range range = x_range(figure_of(values, logarithmic));
      EXPECT_TRUE(std::isfinite(range.low) && std::isfinite(range.high));
      EXPECT_LT(range.low, range.high);
      EXPECT_TRUE(!logarithmic || range.low > 0);
      const auto all_ticks = ticks(logarithmic, range, 6);
      EXPECT_GE(all_ticks.size(), 1u);
      EXPECT_LE(all_ticks.size(), 100u);
    }
  }
}

TEST(Ranges, OfLogarithmicAxesResistIntervalsThatReachZero) {
  Figure figure{.y = {.logarithmic = true}};
  figure.series.push_back({.x = {1, 2}, .y = {1, 2}, .low = {1e-12, -1}, .high = {2, 3}});
  const Range range = y_range(figure);
  EXPECT_GT(range.low, 0.05);
  EXPECT_GT(range.high, 3);
}

TEST(Scale, ShowsWhatItCan) {
  const Scale scale(true, {1, 100}, 0, 200);
  EXPECT_DOUBLE_EQ(scale.pixel(10), 100);
  EXPECT_TRUE(std::isnan(scale.pixel(0)));
  EXPECT_TRUE(std::isnan(scale.pixel(-1)));
  EXPECT_TRUE(std::isnan(scale.pixel(kInfinity)));
  EXPECT_DOUBLE_EQ(scale.clamped_pixel(-1), 0);
  EXPECT_DOUBLE_EQ(scale.clamped_pixel(kInfinity), 200);
  EXPECT_TRUE(std::isnan(scale.clamped_pixel(std::nan(""))));
}

}  // namespace
}  // namespace overparam::report
