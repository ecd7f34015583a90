// SPDX-License-Identifier: Apache-2.0
// What the passes hold in memory.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "overparam/net/catalogue.hpp"
#include "overparam/net/network.hpp"
#include "support/allocations.hpp"
#include "support/tensors.hpp"

namespace overparam::net {
namespace {

constexpr std::int64_t kSamples = 40;
constexpr std::int64_t kWidth = 64;
constexpr std::int64_t kDepth = 3;

Architecture shape() {
  return make_architecture("fc",
                           {.input_size = 10, .num_outputs = 2, .width = kWidth, .depth = kDepth});
}

TEST(Workspace, AStepAllocatesNothingAfterTheFirst) {
  Network network(shape(), 0, at::kFloat);
  Workspace workspace(at::kFloat);
  const at::Tensor inputs = tests::normal({kSamples, 10}, "inputs", at::kFloat);
  const at::Tensor cotangent = tests::normal({kSamples, 2}, "cotangent", at::kFloat);
  const auto step = [&] {
    const Tape tape = network.record(inputs, workspace);
    network.add_gradient(tape, cotangent, -1e-3, network.parameters(), workspace);
  };
  step();
  const tests::AllocationCounter counter;
  step();
  EXPECT_EQ(counter.count(), 0);
}

TEST(Workspace, AStepHoldsTheFeaturesAndTwoLayersMore) {
  Network network(shape(), 0, at::kFloat);
  Workspace workspace(at::kFloat);
  const at::Tensor inputs = tests::normal({kSamples, 10}, "inputs", at::kFloat);
  const at::Tensor cotangent = tests::normal({kSamples, 2}, "cotangent", at::kFloat);
  const Tape tape = network.record(inputs, workspace);
  network.add_gradient(tape, cotangent, -1e-3, network.parameters(), workspace);
  const auto layer = static_cast<std::uint64_t>(kSamples * kWidth);
  EXPECT_EQ(workspace.bytes(),
            sizeof(float) * (layer * (kDepth + 1 + 2) + static_cast<std::uint64_t>(kSamples * 2)));
}

TEST(Workspace, ForwardHoldsTwoLayers) {
  const Network network(shape(), 0, at::kFloat);
  Workspace workspace(at::kFloat);
  (void)network.forward(tests::normal({kSamples, 10}, "inputs", at::kFloat), workspace);
  EXPECT_EQ(workspace.bytes(), sizeof(float) * static_cast<std::uint64_t>(2 * kSamples * kWidth));
}

}  // namespace
}  // namespace overparam::net
