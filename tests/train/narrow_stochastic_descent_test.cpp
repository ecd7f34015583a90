// SPDX-License-Identifier: Apache-2.0
// SGD in bfloat16: the algebra of what is pending, and whole runs beside float32's.
#include "narrow_stochastic_descent.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "overparam/train/trainer.hpp"
#include "support/allocations.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"
#include "train/problems.hpp"

namespace overparam::train {
namespace {

using linalg::Products;
using net::Network;
using tests::relative_difference;
using tests::small_network;
using tests::small_problem;

/// Width 256 and batches of 8: four steps are pending at most.
constexpr std::int64_t kWidth = 256;
constexpr std::int64_t kBatch = 8;

class NarrowStochasticDescentTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!linalg::is_available(Products::bfloat16)) GTEST_SKIP() << "no bfloat16 on this processor";
  }

  [[nodiscard]] at::Tensor batch(std::int64_t first, std::int64_t size = kBatch) const {
    return problem_.inputs.narrow(0, first, size);
  }

  Problem problem_ = small_problem(24, 2, at::kFloat);
  Network network_ = small_network(problem_, kWidth, 2);
  net::Workspace workspace_{network_.options()};
};

/// What gradients of squared residuals add to the weights, in float32, from the same outputs.
void plain_step(Network& network,
                const at::Tensor& inputs,
                const at::Tensor& cotangent,
                double eta,
                net::Workspace& workspace) {
  const net::Tape tape = network.record(inputs, workspace);
  network.add_gradient(tape, cotangent, -eta, network.parameters(), workspace);
}

TEST_F(NarrowStochasticDescentTest, PendingStepsAreStepsOfTheNetwork) {
  constexpr double kEta = 0.003;
  Network plain = network_.clone();
  NarrowStochasticDescent narrow(network_, kBatch, linalg::Products::bfloat16, 0, workspace_);
  for (std::int64_t t = 0; t < 3; ++t) {
    const at::Tensor inputs = batch(t * kBatch);
    const at::Tensor targets = problem_.targets.narrow(0, t * kBatch, kBatch);
    const at::Tensor cotangent = narrow.outputs(inputs) - targets;
    plain_step(plain, inputs, plain.forward(inputs, workspace_) - targets, kEta, workspace_);
    narrow.step(cotangent, kEta, 1, 1);
  }
  ASSERT_FALSE(narrow.is_settled());
  const at::Tensor inputs = batch(0);
  const at::Tensor expected = plain.forward(inputs, workspace_);
  const double without = relative_difference(network_.forward(inputs, workspace_), expected);
  EXPECT_GT(without, 0.2);  // a control: these weights lack the three steps
  EXPECT_LT(relative_difference(narrow.outputs(inputs), expected), tests::kBfloat16Outputs);
  narrow.settle();
  EXPECT_TRUE(narrow.is_settled());
  EXPECT_LT(relative_difference(network_.forward(inputs, workspace_), expected),
            tests::kBfloat16Outputs);
}

TEST_F(NarrowStochasticDescentTest, LastBatchOfAnEpochMayBeSmaller) {
  NarrowStochasticDescent narrow(network_, kBatch, linalg::Products::bfloat16, 0, workspace_);
  for (const std::int64_t size : {kBatch, kBatch, std::int64_t{3}, kBatch}) {
    const at::Tensor outputs = narrow.outputs(batch(0, size));
    EXPECT_EQ(outputs.size(0), size);
    narrow.step(outputs - problem_.targets.narrow(0, 0, size), 1e-3, 1, 1);
  }
  narrow.settle();
  const at::Tensor inputs = batch(0);
  EXPECT_LT(relative_difference(narrow.outputs(inputs), network_.forward(inputs, workspace_)),
            tests::kBfloat16Outputs);
}

TEST_F(NarrowStochasticDescentTest, DecayActsAtEachStep) {
  const at::Tensor before = network_.parameters()[1].clone();
  NarrowStochasticDescent narrow(network_, kBatch, linalg::Products::bfloat16, 0, workspace_);
  for (int t = 0; t < 2; ++t) {
    const at::Tensor outputs = narrow.outputs(batch(0));
    narrow.step(at::zeros_like(outputs), 1e-3, 0.9, 1);
    EXPECT_TRUE(narrow.is_settled());
  }
  EXPECT_LT(relative_difference(network_.parameters()[1], 0.81 * before), tests::kRoundingSingle);
}

/// Steps to a millionth of the start, where two terms have long taken over from one; the mean over
/// seeds. Single runs of float32 differ by as much between seeds of the batches.
TEST_F(NarrowStochasticDescentTest, ReachesTheMinimumAsFloat32Does) {
  const auto steps_to_target = [&](Products products, std::uint64_t seed) {
    Network network = network_.clone();
    const TrainOptions options{.method = Method::sgd,
                               .step_size = 0.0008,
                               .batch_size = kBatch,
                               .stop = {.max_steps = 20'000, .target_ratio = 1e-6},
                               .seed = seed,
                               .products = products};
    const auto result = train(network, problem_, options);
    EXPECT_EQ(result.reason, StopReason::target_ratio) << linalg::to_string(products);
    return static_cast<double>(result.steps);
  };
  double plain = 0;
  double narrow = 0;
  for (const std::uint64_t seed : {1, 2, 3}) {
    plain += steps_to_target(Products::plain, seed);
    narrow += steps_to_target(Products::bfloat16, seed);
  }
  EXPECT_NEAR(narrow / plain, 1, tests::kNarrowSteps);
}

TEST_F(NarrowStochasticDescentTest, StepsAllocateNoStorage) {
  NarrowStochasticDescent narrow(network_, kBatch, linalg::Products::bfloat16, 0, workspace_);
  const at::Tensor cotangent = at::full({kBatch, 2}, 0.01F);
  const at::Tensor inputs = batch(0).contiguous();
  const auto steps = [&](int count) {
    for (int t = 0; t < count; ++t) {
      (void)narrow.outputs(inputs);
      narrow.step(cotangent, 1e-4, 1, 1);
    }
  };
  steps(9);  // the pool has met every size
  const tests::AllocationCounter counter;
  steps(9);
  EXPECT_EQ(counter.count(), 0);
}

TEST_F(NarrowStochasticDescentTest, ResumesToTheSameBits) {
  const TrainOptions options{.method = Method::sgd,
                             .step_size = 5e-4,
                             .batch_size = kBatch,
                             .stop = {.max_steps = 22},
                             .measure_every = 5,
                             .products = Products::bfloat16};
  Network whole = network_.clone();
  TrainState whole_state;
  train(whole, problem_, options, whole_state);

  std::optional<Network> saved;
  std::optional<TrainState> saved_state;
  TrainState state;
  train(network_,
        problem_,
        options,
        state,
        {.on_checkpoint =
             [&](const TrainState& at_checkpoint) {
               if (saved) return;
               saved.emplace(network_.clone());
               saved_state = at_checkpoint;
             },
         .checkpoint_seconds = 0});
  ASSERT_TRUE(saved);
  train(*saved, problem_, options, *saved_state);
  for (int block = 0; block < static_cast<int>(whole.parameters().size()); ++block) {
    EXPECT_TRUE(at::equal(saved->parameters()[block], whole.parameters()[block]));
  }
}

}  // namespace
}  // namespace overparam::train
