// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/narrow.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "overparam/base/error.hpp"
#include "support/allocations.hpp"
#include "support/tensors.hpp"

namespace overparam::linalg {
namespace {

using tests::normal;

constexpr Products kFormats[] = {Products::plain,
                                 Products::onednn,
                                 Products::bfloat16,
                                 Products::split2,
                                 Products::split3,
                                 Products::int8};

/// The stated bound on an entry's rounding error, as an array beside the values.
at::Tensor rounding_bound(Products format, const at::Tensor& values) {
  const at::Tensor size = values.to(at::kDouble).abs();
  switch (format) {
    case Products::bfloat16:
      return size * std::ldexp(1, -8);
    case Products::split2:
      return size * std::ldexp(1, -16);
    case Products::split3:
      return size * std::ldexp(1, -24);
    case Products::int8:
      return at::full_like(size, size.max().item<double>() / 254 * (1 + 1e-6));
    default:
      return at::zeros_like(size);
  }
}

NarrowMatrix rounded(Products format, const at::Tensor& values) {
  NarrowMatrix matrix(format, values.size(0), values.size(1));
  matrix.assign(values);
  return matrix;
}

class Narrow : public testing::TestWithParam<Products> {
 protected:
  void SetUp() override {
    if (!is_available(GetParam())) GTEST_SKIP() << "not available on this processor";
  }
};

TEST_P(Narrow, EntriesKeepTheStatedBound) {
  const at::Tensor values = normal({37, 53}, "values", at::kFloat);
  const at::Tensor error = rounded(GetParam(), values).values().to(at::kDouble) - values;
  EXPECT_TRUE((error.abs() <= rounding_bound(GetParam(), values)).all().item<bool>());
}

TEST_P(Narrow, DifferencesAreRoundedByTheirOwnSize) {
  const at::Tensor reference = normal({37, 53}, "reference", at::kFloat);
  const at::Tensor values = reference + 1e-3 * normal({37, 53}, "change", at::kFloat);
  NarrowMatrix matrix(GetParam(), 37, 53);
  matrix.assign_difference(values, reference);
  const at::Tensor difference = values - reference;
  const at::Tensor error = matrix.values().to(at::kDouble) - difference;
  EXPECT_TRUE((error.abs() <= rounding_bound(GetParam(), difference)).all().item<bool>());
}

/// |AB - A~B~| <= |A| E_B + E_A |B| + E_A E_B, entry by entry, and float32's own q 2^-24 |A||B|.
TEST_P(Narrow, EveryTransposeKeepsTheStatedBound) {
  const at::Tensor a = normal({40, 96}, "a", at::kFloat);
  const at::Tensor b = normal({96, 56}, "b", at::kFloat);
  const at::Tensor exact = at::matmul(a.to(at::kDouble), b.to(at::kDouble));
  const at::Tensor size_a = a.to(at::kDouble).abs();
  const at::Tensor size_b = b.to(at::kDouble).abs();
  const at::Tensor error_a = rounding_bound(GetParam(), a);
  const at::Tensor error_b = rounding_bound(GetParam(), b);
  // split2 and split3 leave out products of terms below their last one: one more rounding each.
  const double left_out = GetParam() == Products::split2   ? std::ldexp(1, -16)
                          : GetParam() == Products::split3 ? std::ldexp(1, -23)
                                                           : 0;
  const at::Tensor bound = at::matmul(size_a, error_b) + at::matmul(error_a, size_b) +
                           at::matmul(error_a, error_b) +
                           at::matmul(size_a, size_b) * (left_out + (96 + 8) * std::ldexp(1, -24));
  const NarrowMatrix rows_a = rounded(GetParam(), a);
  const NarrowMatrix rows_b = rounded(GetParam(), b);
  const NarrowMatrix columns_a = rounded(GetParam(), a.t().contiguous());
  const NarrowMatrix columns_b = rounded(GetParam(), b.t().contiguous());
  for (const auto& left : {NarrowOperand(rows_a), transposed(columns_a)}) {
    for (const auto& right : {NarrowOperand(rows_b), transposed(columns_b)}) {
      at::Tensor out = at::full({40, 56}, std::numeric_limits<float>::quiet_NaN());
      multiply_narrow(out, left, right);  // beta = 0 must not read the NaNs
      EXPECT_TRUE(((out.to(at::kDouble) - exact).abs() <= bound).all().item<bool>());
      multiply_narrow(out, left, right, -3, 2);
      EXPECT_TRUE(((out.to(at::kDouble) + exact).abs() <= 5 * bound).all().item<bool>());
    }
  }
}

TEST_P(Narrow, StepsAllocateNoStorage) {
  const at::Tensor values = normal({64, 32}, "values", at::kFloat);
  const at::Tensor reference = normal({64, 32}, "reference", at::kFloat);
  NarrowMatrix a(GetParam(), 64, 32);
  NarrowMatrix b(GetParam(), 64, 32);
  at::Tensor out = at::zeros({32, 32});
  const tests::AllocationCounter counter;
  a.assign(values);
  b.assign_difference(values, reference);
  multiply_narrow(out, transposed(a), b, 0.5, 1);
  EXPECT_EQ(counter.count(), 0);
  const at::Tensor control = at::zeros({3});
  EXPECT_EQ(counter.count(), 1);
}

TEST_P(Narrow, NotANumberShowsInTheProduct) {
  at::Tensor values = normal({8, 8}, "values", at::kFloat);
  values[3][4] = std::numeric_limits<float>::quiet_NaN();
  at::Tensor out = at::zeros({8, 8});
  multiply_narrow(out, rounded(GetParam(), values), rounded(GetParam(), at::eye(8)));
  EXPECT_FALSE(out.isfinite().all().item<bool>());
}

INSTANTIATE_TEST_SUITE_P(Formats, Narrow, testing::ValuesIn(kFormats), [](const auto& format) {
  return to_string(format.param);
});

TEST(NarrowSaturation, EntriesBeyondTheLargestBecomeIt) {
  if (!is_available(Products::int8)) GTEST_SKIP() << "not available on this processor";
  NarrowMatrix matrix(Products::int8, 1, 3);
  matrix.assign(at::tensor({-5.0F, 1.0F, 7.0F}).view({1, 3}), {.largest = 2});
  const at::Tensor expected = at::tensor({-2.0F, 1.0F, 2.0F}).view({1, 3});
  EXPECT_LE((matrix.values() - expected).abs().max().item<double>(), 1.0 / 127);
  EXPECT_NEAR(matrix.largest(), 2, 1e-12);
}

TEST(ProductTable, HoldsEveryAvailableFormat) {
  const auto& table = product_table();
  for (const auto format : kFormats) {
    const auto found = std::ranges::find(table, format, &ProductRate::products);
    ASSERT_EQ(found != table.end(), is_available(format)) << to_string(format);
    if (found != table.end()) {
      EXPECT_GT(found->flops, 0);
    }
  }
  EXPECT_EQ(&product_table(), &table);
}

TEST(ProductTable, ChoosesTheMostExactThatIsWorthIt) {
  const ProductRate plain{Products::plain, 100};
  EXPECT_EQ(choose_from({plain}), Products::plain);
  EXPECT_EQ(choose_from({plain, {Products::bfloat16, 140}, {Products::int8, 140}}),
            Products::plain);
  EXPECT_EQ(choose_from({plain, {Products::bfloat16, 40}, {Products::int8, 300}}), Products::int8);
  EXPECT_EQ(choose_from({plain, {Products::bfloat16, 600}, {Products::int8, 1200}}),
            Products::bfloat16);
  EXPECT_EQ(choose_products(Products::plain), Products::plain);
}

/// CTest runs this file a second time with DNNL_MAX_CPU_ISA=AVX2, where neither is there.
TEST(ProductTable, MaskedInstructionsFallBack) {
  const char* mask = std::getenv("DNNL_MAX_CPU_ISA");
  if (mask == nullptr || std::string_view(mask) != "AVX2") GTEST_SKIP() << "nothing is masked";
  EXPECT_FALSE(is_available(Products::int8));
  EXPECT_FALSE(is_available(Products::bfloat16));
  EXPECT_EQ(choose_products(Products::automatic), Products::plain);
  EXPECT_THROW(choose_products(Products::int8), Error);
  EXPECT_THROW(NarrowMatrix(Products::split2, 2, 2), Error);
}

TEST(ProductTable, NamesAreRead) {
  for (const auto format : kFormats) EXPECT_EQ(parse_products(to_string(format)), format);
  EXPECT_THROW(parse_products("int4"), Error);
}

}  // namespace
}  // namespace overparam::linalg
