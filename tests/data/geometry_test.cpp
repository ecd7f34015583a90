// SPDX-License-Identifier: Apache-2.0
#include "overparam/data/geometry.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/files.hpp"

namespace overparam::data {
namespace {

using tests::expect_error;

at::Tensor matrix(std::vector<double> values, std::int64_t columns) {
  return at::tensor(values, at::kDouble).view({-1, columns});
}

using Members = std::vector<std::int64_t>;

TEST(Duplicates, GroupsConflictsAndFloorsOfAHandMadeSet) {
  // Rows 0, 2, 5 are equal with targets 0, 2, 1; rows 1, 4 with equal targets; row 3 is alone.
  const Samples samples{.inputs = matrix({1, 2, 3, 4, 1, 2, 5, 6, 3, 4, 1, 2}, 2),
                        .targets = matrix({0, 7, 2, 9, 7, 1}, 1)};
  const Duplicates found = find_duplicates(samples);
  ASSERT_EQ(found.groups.size(), 2u);
  EXPECT_EQ(found.groups[0].members, (Members{0, 2, 5}));
  EXPECT_TRUE(found.groups[0].conflicting);
  EXPECT_EQ(found.groups[1].members, (Members{1, 4}));
  EXPECT_FALSE(found.groups[1].conflicting);
  EXPECT_EQ(found.num_duplicates, 3);
  EXPECT_EQ(found.num_conflicting, 3);
  EXPECT_DOUBLE_EQ(found.irreducible_squared, 1.0);  // (1 + 1 + 0) / 2
}

TEST(Duplicates, TwoSamplesCannotDoBetterThanAQuarterOfTheirSquaredDistance) {
  const at::Tensor targets = matrix({1, -2, 0.5, 3, 1, 1}, 3);
  const Samples samples{.inputs = at::ones({2, 4}), .targets = targets};
  EXPECT_DOUBLE_EQ(find_duplicates(samples).irreducible_squared,
                   (targets[0] - targets[1]).square().sum().item<double>() / 4);
}

TEST(Duplicates, CrossEntropyFloorIsTheLabelEntropy) {
  // One group of four with labels 0, 0, 1, 2: 4 H = 2 ln 2 + 2 ln 4; one of two that agrees.
  const at::Tensor labels = at::tensor({0, 0, 1, 2, 1, 1}, at::kLong);
  const Samples samples{.inputs = matrix({1, 1, 1, 1, 2, 2}, 1),
                        .targets = at::eye(3, at::kDouble).index_select(0, labels),
                        .labels = labels};
  const double expected = 2 * std::log(2.0) + 2 * std::log(4.0);
  EXPECT_NEAR(find_duplicates(samples).irreducible_cross_entropy, expected, 1e-14);
  // Without labels the targets tell the classes.
  const Samples unlabelled{.inputs = samples.inputs, .targets = samples.targets};
  EXPECT_NEAR(find_duplicates(unlabelled).irreducible_cross_entropy, expected, 1e-14);
}

TEST(Duplicates, NoneInDistinctRows) {
  const Samples samples{.inputs = matrix({1, 2, 2, 1, 1, 2.0000000000000004}, 2),
                        .targets = matrix({1, 2, 3}, 1)};
  const Duplicates found = find_duplicates(samples);
  EXPECT_TRUE(found.groups.empty());
  EXPECT_EQ(found.num_duplicates, 0);
  EXPECT_EQ(found.irreducible_squared, 0);
}

TEST(Duplicates, ZeroAndMinusZeroAreEqual) {
  for (const auto type : {at::kFloat, at::kDouble}) {
    const Samples samples{.inputs = matrix({0.0, 1, -0.0, 1}, 2).to(type),
                          .targets = matrix({1, 2}, 1)};
    EXPECT_EQ(find_duplicates(samples).num_conflicting, 2);
  }
}

TEST(Duplicates, ManyAreCounted) {
  const at::Tensor kind = at::arange(3000, at::kDouble).remainder(7).view({-1, 1});
  const Samples samples{.inputs = at::cat({kind, kind.square()}, 1), .targets = kind};
  const Duplicates found = find_duplicates(samples);
  EXPECT_EQ(found.groups.size(), 7u);
  EXPECT_EQ(found.num_duplicates, 2993);
  EXPECT_EQ(found.num_conflicting, 0);
  EXPECT_EQ(found.groups[3].members[1], 10);
  EXPECT_EQ(separation(samples.inputs).distance, 0);
  EXPECT_DOUBLE_EQ(separation_of_distinct(samples.inputs, found).distance, std::sqrt(2.0));
}

TEST(Duplicates, TargetsAreNeeded) {
  expect_error(ErrorKind::usage, {"need targets", "encode_targets"}, [] {
    find_duplicates({.inputs = at::ones({2, 1})});
  });
  expect_error(ErrorKind::usage, {"float32 or float64", "Long"}, [] {
    find_duplicates({.inputs = at::ones({2, 1}, at::kLong), .targets = at::ones({2, 1})});
  });
}

}  // namespace
}  // namespace overparam::data
