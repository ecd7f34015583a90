// SPDX-License-Identifier: Apache-2.0
#include "overparam/train/trainer.hpp"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/linalg/lanczos.hpp"
#include "support/allocations.hpp"
#include "support/files.hpp"
#include "support/tolerance.hpp"
#include "train/problems.hpp"

namespace overparam::train {
namespace {

using net::Network;
using tests::relative_difference;
using tests::small_network;
using tests::small_problem;

/// The paper's network with L = 2 and its objective, by autograd.
struct AutogradNetwork {
  std::vector<at::Tensor> weights;  // A, W.1, W.2, B

  explicit AutogradNetwork(const Network& network) {
    for (int i = 0; i < 4; ++i) weights.push_back(network.parameters()[i].detach().clone());
  }

  /// F over these samples and its gradients in W.1 and W.2.
  std::pair<double, std::vector<at::Tensor>> objective(const at::Tensor& x, const at::Tensor& y) {
    const at::Tensor w1 = weights[1].clone().requires_grad_(true);
    const at::Tensor w2 = weights[2].clone().requires_grad_(true);
    at::Tensor h = at::relu(at::matmul(x, weights[0].t()));
    h = at::relu(at::matmul(h, w1.t()));
    h = at::relu(at::matmul(h, w2.t()));
    const at::Tensor objective = (at::matmul(h, weights[3].t()) - y).pow(2).sum() / 2;
    auto gradients = torch::autograd::grad({objective}, {w1, w2});
    return {objective.item<double>(), gradients};
  }
};

TrainResult train_quietly(Network& network, const Problem& problem, const TrainOptions& options) {
  TrainState state;
  return train(network, problem, options, state);
}

TEST(Trainer, GradientDescentIsThatOfAutograd) {
  const Problem problem = small_problem();
  Network network = small_network(problem);
  AutogradNetwork oracle(network);
  std::vector<double> objectives;
  TrainState state;
  train(network,
        problem,
        {.step_size = 0.02, .stop = {.max_steps = 20}},
        state,
        {.on_measurement = [&](const Moment& moment) {
          objectives.push_back(moment.evaluation.objective);
        }});
  ASSERT_EQ(objectives.size(), 21u);
  EXPECT_LT(objectives.back(), 0.9 * objectives.front());
  for (const double objective : objectives) {
    const auto [expected, gradients] = oracle.objective(problem.inputs, problem.targets);
    EXPECT_NEAR(objective / expected, 1, tests::kAutograd);
    oracle.weights[1] -= 0.02 * gradients[0];
    oracle.weights[2] -= 0.02 * gradients[1];
  }
}

TEST(Trainer, StochasticStepsAreThoseOfAutograd) {
  const Problem problem = small_problem();
  for (const auto sampling : {Sampling::epoch, Sampling::subset, Sampling::replacement}) {
    const TrainOptions options{.method = Method::sgd,
                               .step_size = 0.01,
                               .batch_size = 5,
                               .sampling = sampling,
                               .stop = {.max_steps = 7},
                               .seed = 3};
    Network network = small_network(problem);
    AutogradNetwork oracle(network);
    EXPECT_EQ(train_quietly(network, problem, options).steps, 7);
    BatchSampler sampler(problem.size(), options);
    for (int step = 0; step < 7; ++step) {
      const auto batch = sampler.batch(step);
      const at::Tensor index = at::tensor(at::ArrayRef<std::int64_t>(batch.data(), batch.size()));
      const auto [value, gradients] = oracle.objective(problem.inputs.index_select(0, index),
                                                       problem.targets.index_select(0, index));
      const double factor = 0.01 * 12 / static_cast<double>(batch.size());
      oracle.weights[1] -= factor * gradients[0];
      oracle.weights[2] -= factor * gradients[1];
    }
    EXPECT_LT(relative_difference(network.parameters()[1], oracle.weights[1]), tests::kAutograd);
    EXPECT_LT(relative_difference(network.parameters()[2], oracle.weights[2]), tests::kAutograd);
  }
}

TEST(Trainer, MomentumDecayAndScheduleFollowTheirFormulas) {
  const Problem problem = small_problem();
  for (const double momentum : {0.0, 0.8}) {
    Network network = small_network(problem);
    AutogradNetwork oracle(network);
    const TrainOptions options{.step_size = 0.01,
                               .momentum = momentum,
                               .weight_decay = 0.3,
                               .schedule = {{3, 0.5}, {5, 0.1}},
                               .stop = {.max_steps = 7}};
    train_quietly(network, problem, options);
    std::vector<at::Tensor> velocity{at::zeros_like(oracle.weights[1]),
                                     at::zeros_like(oracle.weights[2])};
    for (int step = 0; step < 7; ++step) {
      const double eta = 0.01 * (step >= 3 ? 0.5 : 1) * (step >= 5 ? 0.1 : 1);
      const auto [value, gradients] = oracle.objective(problem.inputs, problem.targets);
      for (std::size_t k = 0; k < 2; ++k) {
        velocity[k] = momentum * velocity[k] + gradients[k] + 0.3 * oracle.weights[k + 1];
        oracle.weights[k + 1] -= eta * velocity[k];
      }
    }
    EXPECT_LT(relative_difference(network.parameters()[1], oracle.weights[1]), tests::kAutograd);
    EXPECT_LT(relative_difference(network.parameters()[2], oracle.weights[2]), tests::kAutograd);
    // Frozen blocks stay frozen.
    EXPECT_TRUE(at::equal(network.parameters()[0], oracle.weights[0]));
    EXPECT_TRUE(at::equal(network.parameters()[3], oracle.weights[3]));
  }
}

TEST(Trainer, ReachesAGlobalMinimum) {
  const Problem problem = small_problem(10, 1);
  Network network = small_network(problem, 256);
  const auto result = train_quietly(
      network, problem, {.step_size = 0.01, .stop = {.max_steps = 20000, .target_ratio = 1e-20}});
  EXPECT_EQ(to_string(result.reason), "target_ratio");
  EXPECT_TRUE(result.reached_target());
  EXPECT_LE(result.final_evaluation.objective, 1e-20 * result.initial_objective);
}

TEST(Trainer, CrossEntropyReachesFullAccuracy) {
  const Problem problem = small_problem(12, 3, at::kFloat, "cross-entropy");
  Network network = small_network(problem, 128);
  const auto result =
      train_quietly(network, problem, {.step_size = 0.05, .stop = {.target_accuracy = 1}});
  EXPECT_EQ(to_string(result.reason), "target_accuracy");
  EXPECT_EQ(result.final_evaluation.correct, 12);
}

TEST(Trainer, EveryStopRuleStops) {
  const Problem problem = small_problem();
  const auto reason = [&](StopRules stop, double step_size = 0.02) {
    Network network = small_network(problem);
    const auto result = train_quietly(network, problem, {.step_size = step_size, .stop = stop});
    return to_string(result.reason);
  };
  EXPECT_EQ(reason({.max_steps = 3}), "max_steps");
  EXPECT_EQ(reason({.target_objective = 1e-3}), "target_objective");
  EXPECT_EQ(reason({.target_ratio = 0.5}), "target_ratio");
  EXPECT_EQ(reason({.gradient_norm = 1e-2}), "gradient_norm");
  EXPECT_EQ(reason({.max_steps = 1'000'000'000, .max_seconds = 0.05}, 1e-9), "max_seconds");
  EXPECT_EQ(reason({}, 2), "diverged");
  EXPECT_EQ(reason({.divergence_ratio = 0}, 1e200), "not_finite");
}

TEST(Trainer, AZeroSwitchesARuleOff) {
  // Targets that are met from the start: F = 0 is no target that anyone gave.
  Problem problem = small_problem();
  Network network = small_network(problem);
  net::Workspace workspace(at::kDouble);
  problem.targets = network.forward(problem.inputs, workspace);
  const auto result =
      train_quietly(network, problem, {.step_size = 0.02, .stop = {.max_steps = 3}});
  EXPECT_EQ(to_string(result.reason), "max_steps");
  EXPECT_FALSE(result.reached_target());
}

TEST(Trainer, TheGradientOfManySamplesGoesByInChunks) {
  constexpr std::int64_t kWidth = 32;
  const Problem problem = small_problem(5000, 2);
  Network network = small_network(problem, kWidth);
  net::Workspace workspace(at::kDouble);
  double squared = 0;
  {
    const net::Tape tape = network.record(problem.inputs, workspace);
    const at::Tensor cotangent = tape.outputs() - problem.targets;
    for (const double part : network.squared_gradient_norms(tape, cotangent, workspace)) {
      squared += part;
    }
  }
  const auto reason_at = [&](double norm) {
    const TrainOptions options{.method = Method::sgd,
                               .step_size = 1e-3,
                               .batch_size = 16,
                               .stop = {.max_steps = 0, .gradient_norm = norm}};
    return to_string(train_quietly(network, problem, options).reason);
  };
  const double norm = std::sqrt(squared);
  EXPECT_EQ(reason_at(norm * (1 + 1e-10)), "gradient_norm");
  const tests::AllocationCounter counter;
  EXPECT_EQ(reason_at(norm * (1 - 1e-10)), "max_steps");
  // A chunk's features and cotangents, all outputs, and the weights' gradient.
  const std::int64_t numbers =
      1024 * 6 * kWidth + 2 * problem.targets.numel() + 2 * network.architecture().num_parameters();
  EXPECT_LT(counter.peak_bytes(), numbers * static_cast<std::int64_t>(sizeof(double)));
}

TEST(Trainer, SgdMeasuresAtTheEndToo) {
  const Problem problem = small_problem();
  Network network = small_network(problem);
  std::vector<std::int64_t> measured;
  TrainState state;
  const auto result =
      train(network,
            problem,
            {.method = Method::sgd, .step_size = 0.01, .batch_size = 4, .stop = {.max_steps = 7}},
            state,
            {.on_measurement = [&](const Moment& moment) { measured.push_back(moment.step); }});
  EXPECT_EQ(measured, (std::vector<std::int64_t>{0, 3, 6, 7}));
  net::Workspace workspace(at::kDouble);
  EXPECT_EQ(result.final_evaluation.objective, evaluate(network, problem, workspace).objective);
}

TEST(Trainer, StepsAllocateNoStorage) {
  for (const auto method : {Method::gd, Method::sgd}) {
    const Problem problem = small_problem(40, 2, at::kFloat);
    Network network = small_network(problem);
    std::unique_ptr<tests::AllocationCounter> counter;
    std::int64_t allocations = -1;
    TrainState state;
    train(network,
          problem,
          {.method = method,
           .step_size = 1e-3,
           .batch_size = 16,
           .stop = {.max_steps = 30},
           .measure_every = 1},
          state,
          {.on_measurement = [&](const Moment& moment) {
            if (moment.step == 3) counter = std::make_unique<tests::AllocationCounter>();
            if (moment.step == 29) allocations = counter->count();
          }});
    EXPECT_EQ(allocations, 0) << to_string(method);
  }
}

TEST(Trainer, MemoryStaysWithinThePlan) {
  // Weights + 2 n m (L + 2) numbers + one m x m, at the allocator.
  const Problem problem = small_problem(300, 2, at::kFloat);
  constexpr std::int64_t m = 256;
  constexpr std::int64_t L = 3;
  const tests::AllocationCounter counter;
  Network network = small_network(problem, m, L);
  train_quietly(network, problem, {.step_size = 1e-3, .stop = {.max_steps = 3}});
  const std::int64_t numbers =
      network.architecture().num_parameters() + 2 * problem.size() * m * (L + 2) + m * m;
  EXPECT_LT(counter.peak_bytes(), numbers * static_cast<std::int64_t>(sizeof(float)));
}

TEST(Trainer, RefusesAStepThatIsNoNumberOfTheWeights) {
  const Problem problem = small_problem(4, 1, at::kFloat);
  Network network = small_network(problem, 8);
  tests::expect_error(ErrorKind::usage, {"step size", "1e+60"}, [&] {
    train_quietly(network, problem, {.step_size = 1e60, .stop = {.max_steps = 3}});
  });
}

TEST(Trainer, EvaluationGoesByInChunks) {
  const Problem problem = small_problem(2500, 3, at::kDouble, "cross-entropy");
  const Network network = small_network(problem, 16);
  net::Workspace workspace(at::kDouble);
  const auto whole = evaluate(network, problem, workspace);
  EXPECT_LT(workspace.bytes(), sizeof(double) * (2 * 1024 * 16 + 2500 * 3 + 1));

  double objective = 0;
  std::int64_t correct = 0;
  for (std::int64_t i = 0; i < 2500; i += 100) {
    const Problem part{.inputs = problem.inputs.narrow(0, i, 100),
                       .targets = problem.targets.narrow(0, i, 100),
                       .labels = problem.labels.narrow(0, i, 100),
                       .num_classes = 3,
                       .loss = problem.loss};
    const auto evaluation = evaluate(network, part, workspace);
    objective += evaluation.objective;
    correct += evaluation.correct;
  }
  EXPECT_NEAR(whole.objective / objective, 1, tests::kRounding);
  EXPECT_EQ(whole.correct, correct);
}

}  // namespace
}  // namespace overparam::train
