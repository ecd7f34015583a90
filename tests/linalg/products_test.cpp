// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/products.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "support/allocations.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::linalg {
namespace {

using tests::normal;
using tests::relative_difference;

/// The sum written out, with no library in between.
at::Tensor product_by_hand(const at::Tensor& a, const at::Tensor& b) {
  at::Tensor out = at::zeros({a.size(0), b.size(1)}, at::kDouble);
  const auto x = a.accessor<double, 2>();
  const auto y = b.accessor<double, 2>();
  auto z = out.accessor<double, 2>();
  for (std::int64_t i = 0; i < a.size(0); ++i) {
    for (std::int64_t j = 0; j < b.size(1); ++j) {
      for (std::int64_t k = 0; k < a.size(1); ++k) z[i][j] += x[i][k] * y[k][j];
    }
  }
  return out;
}

TEST(Products, EveryTransposeEqualsTheSum) {
  const at::Tensor a = normal({7, 5}, "a");
  const at::Tensor b = normal({5, 3}, "b");
  const at::Tensor expected = product_by_hand(a, b);
  const at::Tensor a_columns = a.t().contiguous();
  const at::Tensor b_columns = b.t().contiguous();
  for (const auto& left : {a, a_columns.t()}) {
    for (const auto& right : {b, b_columns.t()}) {
      at::Tensor out = at::full({7, 3}, std::numeric_limits<double>::quiet_NaN(), at::kDouble);
      multiply(out, left, right);  // beta = 0 must not read the NaNs
      EXPECT_LT(relative_difference(out, expected), tests::kRounding);
      multiply(out, left, right, -3, 2);
      EXPECT_LT(relative_difference(out, -expected), tests::kRounding);
    }
  }
}

TEST(Products, VectorIsAColumn) {
  const at::Tensor a = normal({7, 5}, "a");
  const at::Tensor b = normal({5}, "b");
  const at::Tensor expected = product_by_hand(a, b.unsqueeze(1)).squeeze(1);
  const at::Tensor strided = normal({7, 3}, "strided");
  const at::Tensor a_columns = a.t().contiguous();
  for (const auto& left : {a, a_columns.t()}) {
    for (at::Tensor out : {at::empty({7}, at::kDouble), strided.select(1, 1)}) {
      out.fill_(std::numeric_limits<double>::quiet_NaN());
      multiply(out, left, b);
      EXPECT_LT(relative_difference(out, expected), tests::kRounding);
      multiply(out, left, b, -3, 2);
      EXPECT_LT(relative_difference(out, -expected), tests::kRounding);
    }
  }
}

TEST(Products, AllocateNoStorage) {
  for (const auto type : {at::kFloat, at::kDouble}) {
    const at::Tensor a = normal({64, 32}, "a", type);
    const at::Tensor b = normal({64, 16}, "b", type);
    at::Tensor out = at::zeros({32, 16}, type);
    const tests::AllocationCounter counter;
    multiply(out, a.t(), b, 0.5, 1);
    EXPECT_EQ(counter.count(), 0);
    const at::Tensor control = at::zeros({3});
    EXPECT_EQ(counter.count(), 1);
  }
}

TEST(Products, BatchedProductsEqualSingleOnes) {
  const at::Tensor a = normal({4, 3, 5}, "a");
  const at::Tensor b = normal({4, 5, 2}, "b");
  at::Tensor out = at::empty({4, 3, 2}, at::kDouble);
  multiply_batched(out, a, b);
  for (std::int64_t k = 0; k < 4; ++k) {
    EXPECT_LT(relative_difference(out[k], product_by_hand(a[k], b[k])), tests::kRounding);
  }
}

/// Factors rounded to 8 bits give products that are off by 2^-8 of what the sums would be without
/// cancellation, and by much less of a random one.
TEST(CoarseProducts, RoundFactorsOfLargeProductsOnly) {
  const at::Tensor a = normal({300, 500}, "a", at::kFloat);
  const at::Tensor b = normal({200, 500}, "b", at::kFloat);
  const at::Tensor exact = at::matmul(a.to(at::kDouble), b.to(at::kDouble).t());
  const auto away = [&](bool coarse, std::int64_t rows) {
    at::Tensor out = at::ones({rows, 200}, at::kFloat);
    const CoarseProducts guard(coarse);
    multiply(out, a.narrow(0, 0, rows), b.t(), 2, -1);
    return relative_difference(out.to(at::kDouble), 2 * exact.narrow(0, 0, rows) - 1);
  };
  EXPECT_LT(away(false, 300), tests::kRoundingSingle);
  EXPECT_LT(away(true, 10), tests::kRoundingSingle);
  const double rounded = away(true, 300);
  EXPECT_LT(rounded, tests::kBfloat16Outputs);
  EXPECT_TRUE(!has_coarse_products() || rounded > 10 * tests::kRoundingSingle) << rounded;
  EXPECT_LT(away(false, 300), tests::kRoundingSingle);  // the guard is gone
}

TEST(CoarseProducts, LeaveFloat64Alone) {
  const at::Tensor a = normal({300, 300}, "a");
  at::Tensor out = at::empty({300, 300}, at::kDouble);
  const CoarseProducts guard;
  multiply(out, a, a.t());
  EXPECT_LT(relative_difference(out, at::matmul(a, a.t())), tests::kRounding);
}

TEST(MultiplyGram, IsTheProductWithTheTranspose) {
  // One column, a block less one, a block and one, and several with a ragged end.
  for (const std::int64_t columns : {1, 511, 513, 1100}) {
    const at::Tensor a = normal({40, columns}, "a");
    at::Tensor out = at::full({columns, columns}, NAN, at::kDouble);
    multiply_gram(out, a);
    EXPECT_LT(relative_difference(out, at::matmul(a.t(), a)), tests::kRounding) << columns;
  }
}

}  // namespace
}  // namespace overparam::linalg
