// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "overparam/base/random.hpp"
#include "overparam/data/geometry.hpp"
#include "support/files.hpp"

namespace overparam::data {
namespace {

using tests::expect_error;

at::Tensor matrix(std::vector<double> values, std::int64_t columns) {
  return at::tensor(values, at::kDouble).view({-1, columns});
}

at::Tensor gaussian(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  at::Tensor values = at::empty({rows, columns}, at::kDouble);
  base::fill_normal(values, 1, base::Stream(seed, "separation test"));
  return values;
}

/// Every pair by its differences, in float64.
Separation brute_force(const at::Tensor& inputs) {
  const at::Tensor rows = inputs.to(at::kDouble).contiguous();
  const std::int64_t columns = rows.size(1);
  const double* values = rows.data_ptr<double>();
  Separation best{.distance = std::numeric_limits<double>::infinity()};
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    for (std::int64_t j = i + 1; j < rows.size(0); ++j) {
      double sum = 0;
      for (std::int64_t k = 0; k < columns; ++k) {
        const double difference = values[i * columns + k] - values[j * columns + k];
        sum += difference * difference;
      }
      if (std::sqrt(sum) < best.distance) best = {std::sqrt(sum), i, j};
    }
  }
  return best;
}

void expect_brute_force(const at::Tensor& inputs) {
  const Separation expected = brute_force(inputs);
  const Separation found = separation(inputs);
  EXPECT_NEAR(found.distance, expected.distance, 1e-14 * expected.distance);
  EXPECT_EQ(found.first, expected.first);
  EXPECT_EQ(found.second, expected.second);
}

TEST(Separation, FewerThanTwoRowsAreInfinitelyFarApart) {
  for (const std::int64_t rows : {0, 1}) {
    const Separation found = separation(at::ones({rows, 3}));
    EXPECT_TRUE(std::isinf(found.distance));
    EXPECT_EQ(found.first, -1);
    EXPECT_EQ(found.second, -1);
  }
}

TEST(Separation, TwoRowsInClosedForm) {
  const Separation found = separation(matrix({1, 2, 4, 6}, 2));
  EXPECT_DOUBLE_EQ(found.distance, 5);
  EXPECT_EQ(found.first, 0);
  EXPECT_EQ(found.second, 1);
}

TEST(Separation, EquallySpacedPointsOnACircle) {
  constexpr std::int64_t kCount = 360;
  const at::Tensor angle =
      at::arange(kCount, at::kDouble) * (2 * std::numbers::pi / static_cast<double>(kCount));
  const at::Tensor points = at::stack({angle.cos(), angle.sin()}, 1) / std::numbers::sqrt2;
  EXPECT_NEAR(separation(points).distance,
              std::numbers::sqrt2 * std::sin(std::numbers::pi / static_cast<double>(kCount)),
              1e-15);
}

TEST(Separation, EqualsBruteForce) {
  for (const auto& [rows, columns] : {std::pair{3, 1}, {17, 5}, {200, 1}, {500, 30}, {300, 784}}) {
    for (const auto type : {at::kFloat, at::kDouble}) {
      SCOPED_TRACE(testing::Message() << rows << " x " << columns);
      expect_brute_force(gaussian(rows, columns, 1).to(type));
    }
  }
}

TEST(Separation, EqualsBruteForceAcrossTiles) {
  // More rows than a tile of the blocked search; the closest pair lies in different tiles.
  at::Tensor rows = gaussian(4500, 12, 2);
  rows[4321] = rows[77] + 1e-3;
  expect_brute_force(rows);
  expect_brute_force(rows.to(at::kFloat));
}

TEST(Separation, AFarCommonOffsetDoesNoHarm) {
  expect_brute_force(gaussian(300, 10, 3) + 1e6);
  expect_brute_force((gaussian(300, 10, 3) + 1e3).to(at::kFloat));
}

TEST(Separation, NearPairsAreMeasuredInFloat64) {
  // float32 products see no difference below about 3e-4 here.
  for (const double gap : {1e-3, 1e-6, 1e-9, 1e-12}) {
    at::Tensor rows = gaussian(600, 20, 4);
    const at::Tensor row = rows[123].clone();
    rows[456] = row;
    rows[456][7] += gap;
    const double expected = (rows[456][7] - row[7]).item<double>();
    const Separation found = separation(rows);
    EXPECT_EQ(found.first, 123);
    EXPECT_EQ(found.second, 456);
    EXPECT_NEAR(found.distance, expected, 1e-15 * expected);
  }
}

TEST(Separation, TightClustersAreSearchedToo) {
  // All distances within a cluster are far below what float32 products can tell apart.
  const at::Tensor centre = gaussian(3, 40, 5).repeat({200, 1});
  expect_brute_force(centre + 1e-7 * gaussian(600, 40, 6));
}

TEST(Separation, TheFirstOfEquallyClosePairsIsNamed) {
  const Separation found = separation(matrix({10, 0, 20, 5, 6, 1}, 1));
  EXPECT_EQ(found.distance, 1);
  EXPECT_EQ(found.first, 1);
  EXPECT_EQ(found.second, 5);
  expect_brute_force(at::eye(100, at::kDouble));
}

TEST(Separation, ExtremeScalesNeitherOverflowNorVanish) {
  for (const double scale : {1e-300, 1e-30, 1e30, 1e300}) {
    const at::Tensor rows = matrix({1, 2, 3, 5, 4, 4}, 2) * scale;
    const double expected = std::sqrt(2.0) * scale;
    EXPECT_NEAR(separation(rows).distance / expected, 1, 1e-14) << scale;
  }
  // One coordinate dwarfs the difference.
  const Separation found = separation(matrix({1, 0, 1, 3e-200, 1, 1}, 2));
  EXPECT_NEAR(found.distance / 3e-200, 1, 1e-14);
}

TEST(Separation, DuplicatesAreAtDistanceZero) {
  at::Tensor rows = gaussian(50, 3, 7);
  rows[30] = rows[20];
  rows[40] = rows[10];
  const Separation found = separation(rows);
  EXPECT_EQ(found.distance, 0);
  EXPECT_EQ(found.first, 10);
  EXPECT_EQ(found.second, 40);
  EXPECT_EQ(separation(at::ones({5, 2})).distance, 0);
}

TEST(Separation, OfDistinctRowsCountsDuplicatesOnce) {
  at::Tensor rows = gaussian(80, 3, 8);
  const at::Tensor distinct = rows.clone();
  rows = at::cat({rows, rows, rows.narrow(0, 5, 40)});
  const Samples samples{.inputs = rows, .targets = at::zeros({rows.size(0), 1}, at::kDouble)};
  const Separation found = separation_of_distinct(rows, find_duplicates(samples));
  const Separation expected = brute_force(distinct);
  EXPECT_NEAR(found.distance, expected.distance, 1e-14 * expected.distance);
  EXPECT_EQ(found.first, expected.first);
  EXPECT_EQ(found.second, expected.second);

  const Samples same{.inputs = at::ones({4, 2}), .targets = at::zeros({4, 1})};
  EXPECT_TRUE(std::isinf(separation_of_distinct(same.inputs, find_duplicates(same)).distance));
}

TEST(Separation, StridedInputsAreReadRightly) {
  const at::Tensor rows = gaussian(12, 50, 9);
  EXPECT_DOUBLE_EQ(separation(rows.t()).distance, brute_force(rows.t().contiguous()).distance);
}

TEST(Separation, WhatIsNoMatrixOfFiniteFloatsIsNamed) {
  expect_error(ErrorKind::usage, {"(n, dx)", "1 dimensions"}, [] { separation(at::ones({3})); });
  expect_error(ErrorKind::usage, {"float32 or float64"}, [] {
    separation(at::ones({3, 2}, at::kLong));
  });
  at::Tensor rows = gaussian(5, 2, 10);
  rows[3][1] = std::numeric_limits<double>::infinity();
  expect_error(ErrorKind::data, {"sample 3, coordinate 1", "inf"}, [&] { separation(rows); });
}

}  // namespace
}  // namespace overparam::data
