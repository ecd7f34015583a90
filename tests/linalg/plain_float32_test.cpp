// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/plain_float32.hpp"

#include <ATen/Context.h>
#include <gtest/gtest.h>

namespace overparam::linalg {
namespace {

TEST(PlainFloat32, SetsWhatLibTorchObeysAndRestoresIt) {
  at::Context& context = at::globalContext();
  for (const bool former : {false, true}) {
    context.setAllowTF32CuDNN(former);
    context.setDeterministicCuDNN(!former);
    {
      const PlainFloat32 guard;
      EXPECT_FALSE(context.allowTF32CuDNN());
      EXPECT_TRUE(context.deterministicCuDNN());
    }
    EXPECT_EQ(context.allowTF32CuDNN(), former);
    EXPECT_EQ(context.deterministicCuDNN(), !former);
  }
  context.setAllowTF32CuDNN(true);
  context.setDeterministicCuDNN(false);
}

}  // namespace
}  // namespace overparam::linalg
