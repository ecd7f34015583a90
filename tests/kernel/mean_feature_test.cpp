// SPDX-License-Identifier: Apache-2.0
#include "overparam/kernel/mean_feature.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "net/architectures.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::kernel {
namespace {

using net::Network;
using tests::kInputSize;
using tests::normal;
using tests::relative_difference;

constexpr std::int64_t kSamples = 7;

class MeanFeature : public testing::TestWithParam<tests::NamedArchitecture> {
 protected:
  Network network_{GetParam().architecture, 3, at::kDouble};
  net::Workspace workspace_{at::kDouble};
  at::Tensor inputs_ = normal({kSamples, kInputSize}, "inputs");
};

TEST_P(MeanFeature, BothPartsMakeTheKernelForAnyDirection) {
  const auto& blocks = network_.architecture().blocks;
  std::vector<at::Tensor> any(blocks.size());
  for (std::size_t k = 0; k < blocks.size(); ++k) {
    if (!blocks[k].trained) continue;
    const at::Tensor v = normal({blocks[k].columns}, "direction " + std::to_string(k));
    any[k] = v / v.norm();
  }
  const at::Tensor whole = tangent_kernel(network_, inputs_);
  for (const auto& directions : {any, mean_features(network_, inputs_, workspace_)}) {
    const at::Tensor along =
        derivatives_along(network_, inputs_, directions, workspace_).whole();  // (n d, R)
    const auto [own, shared] = derivative_columns(network_.architecture());
    EXPECT_EQ(along.size(1), own + shared);
    const at::Tensor rest = empirical_kernel(network_, inputs_, {.without = directions});
    EXPECT_GT(along.norm().item<double>(), 0);
    EXPECT_LT(relative_difference(at::matmul(along, along.t()) + rest, whole), tests::kRounding);
  }
}

TEST_P(MeanFeature, IsALengthOfOneInTrainedBlocksAlone) {
  const auto directions = mean_features(network_, inputs_, workspace_);
  const auto& blocks = network_.architecture().blocks;
  ASSERT_EQ(directions.size(), blocks.size());
  for (std::size_t k = 0; k < blocks.size(); ++k) {
    ASSERT_EQ(directions[k].defined(), blocks[k].trained) << blocks[k].name;
    if (!directions[k].defined()) continue;
    EXPECT_EQ(directions[k].sizes(), at::IntArrayRef({blocks[k].columns})) << blocks[k].name;
    EXPECT_NEAR(directions[k].norm().item<double>(), 1, tests::kRounding) << blocks[k].name;
  }
}

TEST_P(MeanFeature, TheMeanOverSomeOutputsIsThatOfTheirBlocks) {
  const at::Tensor blocks =
      empirical_kernel(network_, inputs_, {.block = OutputBlock::diagonal, .parts = true});
  const at::Tensor some = empirical_kernel(
      network_, inputs_, {.block = OutputBlock::trace, .parts = true, .outputs = 2});
  for (std::int64_t part = 0; part < some.size(0); ++part) {
    // What a read-out alone tells apart costs the same for all outputs, which are taken then.
    EXPECT_LT(std::min(relative_difference(some[part], blocks[part].narrow(0, 0, 2).mean(0)),
                       relative_difference(some[part], blocks[part].mean(0))),
              tests::kRounding)
        << part;
  }
  const std::int64_t d = network_.architecture().num_outputs();
  EXPECT_LT(relative_difference(
                empirical_kernel(network_, inputs_, {.block = OutputBlock::trace, .outputs = d}),
                empirical_kernel(network_, inputs_, {.block = OutputBlock::trace})),
            tests::kRounding);
}

INSTANTIATE_TEST_SUITE_P(Catalogue,
                         MeanFeature,
                         testing::ValuesIn(tests::small_architectures()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace overparam::kernel
