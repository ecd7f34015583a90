// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/plain_float32.hpp"

#include <ATen/Context.h>
#include <gtest/gtest.h>

namespace overparam::linalg {
namespace {

TEST(PlainFloat32, SetsWhatLibTorchObeysAndRestoresIt) {
  at::Context& context = at::globalContext();
  const bool convolutions_rounded = context.allowTF32CuDNN();
  const bool products_rounded = context.allowTF32CuBLAS();
  const bool deterministic = context.deterministicCuDNN();
  for (const bool former : {false, true}) {
    context.setAllowTF32CuDNN(former);
    context.setAllowTF32CuBLAS(former);
    context.setDeterministicCuDNN(!former);
    {
      const PlainFloat32 guard;
      EXPECT_FALSE(context.allowTF32CuDNN());
      EXPECT_FALSE(context.allowTF32CuBLAS());
      EXPECT_TRUE(context.deterministicCuDNN());
    }
    EXPECT_EQ(context.allowTF32CuDNN(), former);
    EXPECT_EQ(context.allowTF32CuBLAS(), former);
    EXPECT_EQ(context.deterministicCuDNN(), !former);
  }
  context.setAllowTF32CuDNN(convolutions_rounded);
  context.setAllowTF32CuBLAS(products_rounded);
  context.setDeterministicCuDNN(deterministic);
}

}  // namespace
}  // namespace overparam::linalg
