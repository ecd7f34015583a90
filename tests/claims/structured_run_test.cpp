// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "overparam/claims/structured_run.hpp"
#include "overparam/data/prepare.hpp"
#include "overparam/data/sources.hpp"
#include "support/files.hpp"

namespace overparam::claims {
namespace {

data::Dataset small_clusters() {
  auto dataset =
      data::find_generator("clusters")
          .generate({.num_samples = 60, .num_test_samples = 40, .dimension = 30, .num_classes = 3});
  data::encode_targets(dataset, 3);
  data::normalise(dataset, data::Normalisation::unit, at::kFloat);
  return dataset;
}

TEST(StructuredResult, EnergyIsTheSumOfTheFirstShares) {
  const StructuredResult result{.energy_shares = {0.5, 0.25, 0.25}};
  EXPECT_EQ(result.energy_of_rank(0), 0);
  EXPECT_EQ(result.energy_of_rank(2), 0.75);
  EXPECT_EQ(result.energy_of_rank(9), 1);
}

TEST(StructuredRun, WithoutStepsNothingChanges) {
  const auto result =
      run_structured(small_clusters(), {.width = 50, .steps = 1, .step_times_width = 1e-12});
  EXPECT_LT(result.relative_distance, 1e-9);
  EXPECT_EQ(result.changed_signs, 0);
}

TEST(StructuredRun, LearnsClustersAlongFewDirections) {
  const auto result = run_structured(small_clusters(), {.width = 400, .steps = 100, .batch = 16});
  EXPECT_EQ(result.train_accuracy, 1);
  EXPECT_GT(result.test_accuracy, 0.9);
  EXPECT_GT(result.relative_distance, 0);
  EXPECT_GT(result.changed_signs, 0);
  ASSERT_EQ(result.energy_shares.size(), 30u);
  EXPECT_TRUE(std::ranges::is_sorted(result.energy_shares, std::greater()));
  EXPECT_NEAR(result.energy_of_rank(30), 1, 1e-9);
  EXPECT_GT(result.energy_of_rank(6), 0.8);  // three classes of two components
}

TEST(StructuredRun, NeedsATestPart) {
  auto dataset = small_clusters();
  dataset.test.reset();
  tests::expect_error(
      ErrorKind::data, {"clusters", "test part"}, [&] { run_structured(dataset, {}); });
}

TEST(StructuredRun, ItsPlanCountsWeightsAndInputs) {
  const auto bytes = plan_structured(2000, 784, 8000).total();
  EXPECT_GE(bytes, 4u * (3 * 8000 * 784 + 2000 * 8000 + 2 * 2000 * 784));
  EXPECT_LE(bytes, 12u * (3 * 8000 * 784 + 2000 * 8000 + 2 * 2000 * 784));
}

}  // namespace
}  // namespace overparam::claims
