// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "overparam/linalg/products.hpp"
#include "overparam/linalg/spectrum.hpp"
#include "support/tensors.hpp"

namespace overparam::linalg {
namespace {

TEST(LargeSpectrum, RoutesAgreeOnARandomMatrix) {
  constexpr std::int64_t kSize = 3500;
  const at::Tensor root = tests::normal({kSize, 2 * kSize}, "root");
  at::Tensor matrix = at::empty({kSize, kSize}, at::kDouble);
  multiply(matrix, root, root.t(), 1.0 / kSize);
  const auto dense = spectrum(matrix, {.top = 2, .bottom = 2, .full = true});
  const auto iterative = spectrum(matrix, {.top = 2, .bottom = 2});
  EXPECT_NE(dense.method, iterative.method);
  EXPECT_TRUE(iterative.converged);
  EXPECT_LT(tests::relative_difference(dense.top, iterative.top), 1e-9);
  EXPECT_LT(tests::relative_difference(dense.bottom, iterative.bottom), 1e-9);
}

}  // namespace
}  // namespace overparam::linalg
