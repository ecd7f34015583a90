// SPDX-License-Identifier: Apache-2.0
#include "overparam/train/trajectory.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "support/tolerance.hpp"
#include "train/problems.hpp"

namespace overparam::train {
namespace {

using tests::small_network;
using tests::small_problem;

TEST(Trajectory, MeasuresWhatItSays) {
  const Problem problem = small_problem();
  for (const auto method : {Method::gd, Method::sgd}) {
    net::Network network = small_network(problem, 64, 2, 5);
    const net::Network start = network.clone();
    net::Workspace workspace(at::kDouble);
    Trajectory trajectory(network, problem, method, 5, workspace);
    TrainState state;
    train(network,
          problem,
          {.method = method,
           .step_size = 0.01,
           .batch_size = 5,
           .stop = {.max_steps = 30},
           .measure_every = 1},
          state,
          {.on_measurement = [&](const Moment& moment) {
            trajectory.observe(moment);
            if (moment.step == 30) trajectory.finish(moment);
          }});

    const auto& points = trajectory.points();
    ASSERT_EQ(points.size(), 31u);
    EXPECT_EQ(points.front().step, 0);
    EXPECT_EQ(points.front().radius(), 0);
    EXPECT_EQ(points.front().frobenius_distance, 0);
    EXPECT_EQ(points.front().sign_changes, (std::vector<double>{0, 0, 0}));

    const auto& last = points.back();
    EXPECT_EQ(last.step, 30);
    EXPECT_TRUE(last.is_full);
    double squared = 0;
    for (int block = 1; block <= 2; ++block) {
      const at::Tensor difference = network.parameters()[block] - start.parameters()[block];
      squared += difference.pow(2).sum().item<double>();
      EXPECT_NEAR(last.spectral_distance[static_cast<std::size_t>(block - 1)] /
                      at::linalg_svdvals(difference)[0].item<double>(),
                  1,
                  1e-3);
    }
    EXPECT_NEAR(last.frobenius_distance / std::sqrt(squared), 1, tests::kRounding);

    const net::Tape before = start.record(problem.inputs, workspace);
    const net::Tape after = network.record(problem.inputs, workspace);
    for (int layer = 0; layer <= 2; ++layer) {
      const double changed = ((before.features(layer) > 0) != (after.features(layer) > 0))
                                 .to(at::kDouble)
                                 .mean()
                                 .item<double>();
      EXPECT_EQ(last.sign_changes[static_cast<std::size_t>(layer)], changed);
    }
    EXPECT_GT(last.sign_changes[1], 0);
    const at::Tensor residual = after.outputs() - problem.targets;
    double gradient = 0;
    for (const double norm : network.squared_gradient_norms(after, residual, workspace))
      gradient += norm;
    EXPECT_NEAR(last.squared_gradient / gradient, 1, tests::kRounding);
  }
}

TEST(Trajectory, RecordsARunThatLeftTheFiniteNumbers) {
  // One step that large gives weights whose products overflow, or the weights themselves do.
  for (const auto type : {at::kFloat, at::kDouble}) {
    for (const double step_size : {1e12, type == at::kFloat ? 1e30 : 1e200}) {
      const Problem problem = small_problem(12, 2, type);
      net::Network network = small_network(problem, 64, 2, 5);
      net::Workspace workspace(network.options());
      Trajectory trajectory(network, problem, Method::gd, 5, workspace);
      TrainState state;
      const auto result =
          train(network,
                problem,
                {.step_size = step_size, .stop = {.max_steps = 5}},
                state,
                {.on_measurement = [&](const Moment& moment) { trajectory.observe(moment); }});
      EXPECT_TRUE(result.reason == StopReason::diverged || result.reason == StopReason::not_finite)
          << to_string(result.reason);
      trajectory.finish({result.steps, 0, result.final_evaluation, network, workspace});
      const auto& last = trajectory.points().back();
      EXPECT_TRUE(last.is_full);
      ASSERT_EQ(last.spectral_distance.size(), 2u);
      EXPECT_FALSE(last.frobenius_distance < 1) << "the weights have gone far";
    }
  }
}

TEST(Trajectory, CostlyPointsThinOut) {
  const Problem problem = small_problem();
  net::Network network = small_network(problem, 8, 1);
  net::Workspace workspace(at::kDouble);
  Trajectory trajectory(network, problem, Method::gd, 1, workspace);
  TrainState state;
  train(network,
        problem,
        {.step_size = 1e-4, .stop = {.max_steps = 2000}},
        state,
        {.on_measurement = [&](const Moment& moment) { trajectory.observe(moment); }});
  const auto& points = trajectory.points();
  const auto full = std::ranges::count_if(points, [](const auto& point) { return point.is_full; });
  EXPECT_GT(points.size(), 200u);
  EXPECT_LT(points.size(), 300u);
  EXPECT_GT(full, 20);
  EXPECT_LT(full, 60);

  // A restored watch goes on as if it had seen the whole run.
  const std::vector<TrajectoryPoint> begun(points.begin(), points.begin() + 150);
  net::Network fresh = small_network(problem, 8, 1);
  Trajectory restored(fresh, problem, Method::gd, 1, workspace);
  restored.restore(begun);
  TrainState all_again;
  train(fresh,
        problem,
        {.step_size = 1e-4, .stop = {.max_steps = 2000}},
        all_again,
        {.on_measurement = [&](const Moment& moment) {
          if (moment.step > begun.back().step) restored.observe(moment);
        }});
  ASSERT_EQ(restored.points().size(), points.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    EXPECT_EQ(restored.points()[i].step, points[i].step);
    EXPECT_EQ(restored.points()[i].is_full, points[i].is_full);
  }
}

}  // namespace
}  // namespace overparam::train
