// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/kernel_regime.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/net/catalogue.hpp"

namespace overparam::study {
namespace {

TEST(KernelRegime, IsNamedByItsDrift) {
  EXPECT_EQ((KernelRegime{.drift = 0.1, .num_samples = 8}).answer(), "yes");
  EXPECT_EQ((KernelRegime{.drift = 0.11, .num_samples = 8}).answer(), "leaving");
  EXPECT_EQ((KernelRegime{.drift = 0.51, .num_samples = 8}).answer(), "no");
  EXPECT_EQ(KernelRegime{}.answer(), "not measured");
}

TEST(KernelRegime, MeasuresTheRelativeChange) {
  const at::Tensor before = at::eye(4, at::kDouble);
  const KernelRegime regime = compare_kernels(before, before * 1.25);
  EXPECT_NEAR(regime.drift, 0.25, 1e-15);
  EXPECT_EQ(regime.num_samples, 4);
  EXPECT_FALSE(compare_kernels(before, {}).is_measured());
}

TEST(KernelRegime, LooksAtTheFirstSamples) {
  const auto shape =
      net::make_architecture("fc", {.input_size = 3, .num_outputs = 2, .width = 16, .depth = 1});
  const net::Network network(shape, 0, at::kDouble);
  const at::Tensor inputs = at::linspace(0.1, 1, 300, at::kDouble).view({100, 3});
  const at::Tensor found = sample_kernel(network, inputs, 0);
  EXPECT_EQ(found.size(0), 64);
  const at::Tensor whole =
      kernel::empirical_kernel(network, inputs, {.block = kernel::OutputBlock::trace});
  EXPECT_LT((found - whole.narrow(0, 0, 64).narrow(1, 0, 64)).abs().max().item<double>(), 1e-10);
  // A budget that not even one sample fits leaves it out.
  EXPECT_FALSE(sample_kernel(network, inputs, 1000).defined());
}

}  // namespace
}  // namespace overparam::study
