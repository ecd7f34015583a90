// SPDX-License-Identifier: Apache-2.0
#include "overparam/train/step_size.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "overparam/base/interrupt.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/train/trainer.hpp"
#include "support/files.hpp"
#include "train/problems.hpp"

namespace overparam::train {
namespace {

using tests::small_network;
using tests::small_problem;

double largest_eigenvalue(const net::Network& network, const Problem& problem) {
  return linalg::symmetric_eigenvalues(kernel::tangent_kernel(network, problem.inputs))[-1]
      .item<double>();
}

TEST(StepSize, CriticalIsOneOverTheLargestCurvature) {
  for (const char* loss : {"squared", "cross-entropy"}) {
    const Problem problem = small_problem(12, 3, at::kDouble, loss);
    const auto network = small_network(problem);
    net::Workspace workspace(at::kDouble);
    const double lambda = largest_eigenvalue(network, problem);
    const auto choice =
        choose_step(parse_step_rule("critical:0.5"), network, problem, {}, workspace);
    EXPECT_NEAR(choice.lambda_max / lambda, 1, 1e-3);
    EXPECT_NEAR(choice.step_size, 0.5 / (problem.loss.lipschitz * choice.lambda_max), 1e-15);
  }
}

TEST(StepSize, CriticalForSgdHeedsSingleSamples) {
  const Problem problem = small_problem();
  const auto network = small_network(problem);
  net::Workspace workspace(at::kDouble);
  const double sample = kernel::largest_sample_eigenvalue(network, problem.inputs, workspace);
  TrainOptions options{.method = Method::sgd, .batch_size = 1};
  const auto choice =
      choose_step(parse_step_rule("critical"), network, problem, options, workspace);
  EXPECT_NEAR(choice.step_size * 12 * sample, 1, 1e-12);
  options.batch_size = 12;
  const auto full = choose_step(parse_step_rule("critical"), network, problem, options, workspace);
  EXPECT_NEAR(full.step_size * full.lambda_max, 1, 1e-12);
}

TEST(StepSize, TheoryIsItsFormula) {
  Problem problem = small_problem();
  problem.separation = 0.25;
  const auto network = small_network(problem, 64, 2);
  net::Workspace workspace(at::kDouble);
  const auto rule = parse_step_rule("theory:3");
  const double expected = 3 * 2 * 0.25 / (std::pow(12.0, 4) * 4 * 64);
  EXPECT_NEAR(choose_step(rule, network, problem, {}, workspace).step_size / expected, 1, 1e-12);
  const TrainOptions sgd{.method = Method::sgd, .batch_size = 3};
  EXPECT_NEAR(choose_step(rule, network, problem, sgd, workspace).step_size /
                  (expected * 3 / 12 / std::pow(std::log(64.0), 2)),
              1,
              1e-12);
  problem.separation = 0;
  tests::expect_error(ErrorKind::usage, {"separation 0"}, [&] {
    choose_step(rule, network, problem, {}, workspace);
  });
}

TEST(StepSize, AnInterruptEndsTheChoiceAndThenTheRun) {
  const Problem problem = small_problem();
  net::Network network = small_network(problem);
  net::Workspace workspace(at::kDouble);
  base::set_interrupt(2);
  const auto choice = choose_step(parse_step_rule("critical"), network, problem, {}, workspace);
  const auto predicted = predict_steps(network, problem, choice.step_size, 1e-3, workspace);
  TrainState state;
  const auto result = train(network, problem, {.step_size = choice.step_size}, state);
  base::set_interrupt(0);
  EXPECT_GT(choice.lambda_max, 0);
  EXPECT_LT(choice.lambda_max, 0.9 * largest_eigenvalue(network, problem));
  EXPECT_EQ(predicted.products, 20);
  EXPECT_EQ(result.reason, StopReason::interrupted);
  EXPECT_EQ(result.steps, 0);
}

TEST(StepSize, ThePredictionIsWhatAWideNetworkDoes) {
  // A net this wide stays near its linear model: the prediction must be right to a tenth.
  const Problem problem = small_problem(10, 1);
  net::Network network = small_network(problem, 2048, 1);
  net::Workspace workspace(at::kDouble);
  const auto choice = choose_step(parse_step_rule("critical"), network, problem, {}, workspace);
  const auto predicted = predict_steps(network, problem, choice.step_size, 1e-3, workspace);
  ASSERT_TRUE(predicted.steps);
  EXPECT_EQ(predicted.uncertainty, 0);  // ten outputs: the quadrature is exact
  TrainState state;
  const auto result = train(
      network, problem, {.step_size = choice.step_size, .stop = {.target_ratio = 1e-3}}, state);
  EXPECT_NEAR(static_cast<double>(result.steps) / static_cast<double>(*predicted.steps), 1, 0.1);
}

}  // namespace
}  // namespace overparam::train
