// SPDX-License-Identifier: Apache-2.0
#include "overparam/claims/path_run.hpp"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <cmath>

#include "overparam/data/prepare.hpp"
#include "overparam/data/sources.hpp"
#include "support/files.hpp"

namespace overparam::claims {
namespace {

train::Problem digits(std::int64_t samples) {
  auto dataset = data::find_generator("digits").generate({.num_samples = samples});
  data::encode_targets(dataset, 10);
  data::normalise(dataset, data::Normalisation::sphere, at::kFloat);
  return {.inputs = dataset.train.inputs,
          .targets = dataset.train.targets.to(at::kFloat),
          .labels = dataset.train.labels,
          .num_classes = 10,
          .loss = net::find_loss("cross-entropy")};
}

constexpr double kFloat32 = 1e-5;

TEST(PathRun, KeepsItsWayFromStartToEnd) {
  const auto problem = digits(80);
  const PathSetting setting{.width = 24, .epochs = 10, .batch = 20};
  const auto training = train_path(problem, setting);
  ASSERT_EQ(training.points.size(), training.epochs.size());
  ASSERT_EQ(training.points.size(), training.objective.size());
  ASSERT_EQ(training.points.size(), 21u);  // the start, and two an epoch
  EXPECT_EQ(training.epochs.front(), 0);
  EXPECT_EQ(training.epochs.back(), 10);
  const auto objective = path_objective(problem, setting);
  EXPECT_TRUE(at::equal(training.start(), objective->weights()));
  for (std::size_t i = 0; i < training.points.size(); ++i) {
    EXPECT_NEAR(training.objective[i], objective->value(training.points[i]).objective, kFloat32);
  }
  EXPECT_NEAR(objective->value(training.end()).accuracy, training.accuracy, kFloat32);
  EXPECT_LT(training.objective.back(), training.objective.front());
  // Outputs near zero at the start: every class has a tenth.
  EXPECT_NEAR(training.objective.front(), std::log(10), 0.2);
}

TEST(PathRun, TrainsEveryLayer) {
  const auto network = path_network(digits(10), {.width = 8, .depth = 2});
  for (const auto& block : network.architecture().blocks) EXPECT_TRUE(block.trained) << block.name;
  EXPECT_EQ(network.architecture().blocks.back().variance, 1.0 / 8);
}

TEST(PathRun, DivergenceIsSaid) {
  tests::expect_error(ErrorKind::numeric, {"diverged at step", "1000000 times"}, [] {
    train_path(digits(40), {.width = 16, .epochs = 5, .batch = 20, .step = 1e6});
  });
}

TEST(PathRun, ItsPlanCountsTheWeightsOnTheWay) {
  const PathSetting setting{.width = 128, .epochs = 40};
  const std::uint64_t weights = 128 * (785 + 128 + 10) * sizeof(float);
  EXPECT_GT(plan_path(500, 785, 10, setting).total(), 81 * weights);
  EXPECT_LT(plan_path(500, 785, 10, setting).total(), 200 * weights);
}

}  // namespace
}  // namespace overparam::claims
