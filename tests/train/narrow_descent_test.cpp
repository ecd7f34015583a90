// SPDX-License-Identifier: Apache-2.0
// Gradient descent in narrow formats against float64.
#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "overparam/base/error.hpp"
#include "overparam/train/trainer.hpp"
#include "support/allocations.hpp"
#include "support/tolerance.hpp"
#include "train/problems.hpp"

namespace overparam::train {
namespace {

using linalg::Products;
using net::Network;
using tests::small_network;
using tests::small_problem;

struct Curve {
  std::vector<double> objectives;
  TrainResult result;
};

Curve curve(Network& network, const Problem& problem, const TrainOptions& options) {
  Curve found;
  TrainState state;
  found.result = train(network, problem, options, state, {.on_measurement = [&](const Moment& m) {
                         found.objectives.push_back(m.evaluation.objective);
                       }});
  return found;
}

/// n = 24, m = 1024, L = 2 from fixed seeds; 187 steps to 1e-4 F_0.
struct ExactRun {
  Problem problem = small_problem(24, 2);
  TrainOptions options{.step_size = 0.0002, .stop = {.max_steps = 400, .target_ratio = 1e-4}};
  Network start = small_network(problem, 1024, 2);
  Curve expected;

  ExactRun() {
    Network network = start.clone();
    expected = curve(network, problem, options);
  }
};

const ExactRun& exact_run() {
  static const ExactRun run;
  return run;
}

class NarrowDescent : public testing::TestWithParam<Products> {
 protected:
  void SetUp() override {
    if (!linalg::is_available(GetParam())) GTEST_SKIP() << "not available on this processor";
  }
};

TEST_P(NarrowDescent, CurveIsThatOfFloat64) {
  const ExactRun& exact = exact_run();
  ASSERT_EQ(exact.expected.result.reason, StopReason::target_ratio);
  Problem problem = exact.problem;
  problem.inputs = problem.inputs.to(at::kFloat);
  problem.targets = problem.targets.to(at::kFloat);
  Network network = exact.start.converted(at::kFloat);
  TrainOptions options = exact.options;
  options.products = GetParam();
  const Curve found = curve(network, problem, options);
  EXPECT_EQ(found.result.reason, StopReason::target_ratio);
  const auto& expected = exact.expected.objectives;
  double worst = 0;
  for (std::size_t t = 0; t < std::min(found.objectives.size(), expected.size()); ++t) {
    worst = std::max(worst, std::abs(found.objectives[t] / expected[t] - 1));
  }
  EXPECT_LT(worst, tests::kNarrowCurve);
}

TEST_P(NarrowDescent, WeightsAreWhereTheTapeSays) {
  const Problem problem = small_problem(24, 2, at::kFloat);
  Network network = small_network(problem, 256, 3);
  TrainState state;
  double last = 0;
  train(network,
        problem,
        {.step_size = 0.0005, .stop = {.max_steps = 7}, .products = GetParam()},
        state,
        {.on_measurement = [&](const Moment& m) { last = m.evaluation.objective; }});
  net::Workspace workspace(network.options());
  const double recomputed = evaluate(network, problem, workspace).objective;
  EXPECT_LT(last, 0.9 * state.initial_objective);
  EXPECT_NEAR(last / recomputed, 1, tests::kNarrowForward);
}

TEST_P(NarrowDescent, StepsAllocateNoStorage) {
  const Problem problem = small_problem(16, 2, at::kFloat);
  Network network = small_network(problem, 64, 3);
  std::optional<tests::AllocationCounter> counter;
  std::int64_t allocations = -1;
  TrainState state;
  train(network,
        problem,
        {.step_size = 1e-4, .stop = {.max_steps = 30}, .products = GetParam()},
        state,
        {.on_measurement = [&](const Moment& moment) {
          if (moment.step == 4) counter.emplace();  // the pool has met every size
          if (moment.step == 29) allocations = counter->count();
        }});
  EXPECT_EQ(allocations, 0);
}

TEST_P(NarrowDescent, ResumesToTheSameBits) {
  const Problem problem = small_problem(16, 2, at::kFloat);
  Network whole = small_network(problem, 64, 2);
  Network parted = whole.clone();
  TrainOptions options{.step_size = 1e-4, .stop = {.max_steps = 25}, .products = GetParam()};
  TrainState whole_state;
  train(whole, problem, options, whole_state);

  std::optional<Network> saved;
  std::optional<TrainState> saved_state;
  TrainState state;
  train(parted,
        problem,
        options,
        state,
        {.on_checkpoint =
             [&](const TrainState& at_checkpoint) {
               if (saved) return;
               saved.emplace(parted.clone());
               saved_state = at_checkpoint;
             },
         .checkpoint_seconds = 0});
  ASSERT_TRUE(saved);
  EXPECT_EQ(saved_state->step, 10);
  train(*saved, problem, options, *saved_state);
  for (int block = 0; block < static_cast<int>(whole.parameters().size()); ++block) {
    EXPECT_TRUE(at::equal(saved->parameters()[block], whole.parameters()[block]));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Formats,
    NarrowDescent,
    testing::Values(Products::onednn, Products::bfloat16, Products::split2, Products::int8),
    [](const auto& format) { return to_string(format.param); });

void expect_refused(const char* found,
                    const Network& network,
                    const Problem& problem,
                    const TrainOptions& options) {
  Network copy = network.clone();
  try {
    train(copy, problem, options);
    ADD_FAILURE() << found << " was accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(std::string("found ") + found), std::string::npos)
        << error.what();
  }
}

TEST(NarrowDescentRefuses, WhatItCannotTrain) {
  const Problem problem = small_problem(16, 2, at::kFloat);
  const Network network = small_network(problem, 32, 2);
  const TrainOptions options{.step_size = 1e-4, .products = Products::automatic};
  TrainOptions changed = options;
  changed.method = Method::sgd;
  changed.batch_size = 4;
  changed.products = Products::split2;
  expect_refused("sgd in split2", network, problem, changed);
  changed.products = Products::automatic;
  changed.method = Method::gauss_newton;
  expect_refused("gauss-newton", network, problem, changed);
  changed = options;
  changed.momentum = 0.5;
  expect_refused("momentum 0.5", network, problem, changed);
  expect_refused("a network \"fc\"", small_network(problem, 32, 2, 1, "all"), problem, options);
  const Problem exact = small_problem(16, 2);
  expect_refused("float64", small_network(exact, 32, 2), exact, options);
  auto smooth = net::find_network("fc").build(
      {.input_size = 6, .num_outputs = 2, .width = 32, .depth = 2, .activation = "softplus"});
  net::select_trained(smooth, "hidden");
  expect_refused("a network \"fc\"", Network(smooth, 1, at::kFloat), problem, options);
}

}  // namespace
}  // namespace overparam::train
