// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/trace.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "linalg/known_operators.hpp"
#include "support/allocations.hpp"
#include "support/files.hpp"

namespace overparam::linalg {
namespace {

using tests::counted;
using tests::diagonal_operator;
using tests::matrix_with;
using tests::product_with;

/// Few large eigenvalues and a long tail, one in four negative, as a Hessian has them.
std::vector<double> decaying(int size) {
  std::vector<double> values;
  for (int i = 1; i <= size; ++i) values.push_back((i % 4 == 0 ? -10.0 : 10.0) / (i * i));
  return values;
}

double sum(const std::vector<double>& values) {
  double total = 0;
  for (const double value : values) total += value;
  return total;
}

TEST(Trace, SignsAreExactForADiagonal) {
  const auto found = hutchinson_trace(
      diagonal_operator(at::linspace(-1, 2, 50, at::kDouble)), 50, {.products = 3});
  EXPECT_NEAR(found.value, 25, 1e-10);
  EXPECT_NEAR(found.standard_error, 0, 1e-10);
}

TEST(Trace, BothEstimatesAreWithinFourStandardErrors) {
  const auto values = decaying(200);
  const auto op = product_with(matrix_with(values));
  const auto plain = hutchinson_trace(op, 200, {.products = 60, .seed = 3});
  const auto better = hutch_plus_plus_trace(op, 200, {.products = 60, .seed = 3});
  EXPECT_NEAR(plain.value, sum(values), 4 * plain.standard_error);
  EXPECT_NEAR(better.value, sum(values), 4 * better.standard_error);
  EXPECT_LT(10 * better.standard_error, plain.standard_error);
  EXPECT_EQ(better.rank, 20);
  EXPECT_EQ(better.samples.size(), 20u);
}

TEST(Trace, ErrorBarsCover) {
  // Two standard errors from ten samples hold 92 % (Student's t, 9 degrees) for normal samples.
  // Quadratic forms are skewed: 85 % is asked of 200 seeds, 0, ..., 199.
  const auto values = decaying(60);
  const auto op = product_with(matrix_with(values));
  int plain = 0;
  int better = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto covers = [&](const TraceEstimate& found) {
      return std::abs(found.value - sum(values)) <= 2 * found.standard_error ? 1 : 0;
    };
    plain += covers(hutchinson_trace(op, 60, {.products = 10, .seed = seed}));
    better += covers(hutch_plus_plus_trace(op, 60, {.products = 30, .seed = seed}));
  }
  EXPECT_GE(plain, 170);
  EXPECT_GE(better, 170);
}

TEST(Trace, ASketchThatHoldsTheMatrixIsExact) {
  std::vector<double> values(100, 0.0);
  values[0] = 5;
  values[1] = -2;
  values[2] = 1;
  const auto low_rank =
      hutch_plus_plus_trace(product_with(matrix_with(values)), 100, {.products = 30});
  EXPECT_NEAR(low_rank.value, 4, 1e-10);
  EXPECT_NEAR(low_rank.standard_error, 0, 1e-10);
  const auto small =
      hutch_plus_plus_trace(product_with(matrix_with({1, 2, -4})), 3, {.products = 30});
  EXPECT_NEAR(small.value, -1, 1e-12);
  EXPECT_EQ(small.standard_error, 0);
  EXPECT_EQ(small.rank, 3);
  EXPECT_EQ(small.products, 6);
  const auto zero =
      hutch_plus_plus_trace(diagonal_operator(at::zeros({9}, at::kDouble)), 9, {.products = 9});
  EXPECT_EQ(zero.value, 0);
  EXPECT_EQ(zero.rank, 0);
  const auto one =
      hutch_plus_plus_trace(diagonal_operator(at::tensor({-3.0}, at::kDouble)), 1, {.products = 3});
  EXPECT_DOUBLE_EQ(one.value, -3);
}

TEST(Trace, TakesAsManyProductsAsItWasGiven) {
  int count = 0;
  const auto op = counted(product_with(matrix_with(decaying(50))), count);
  for (const int products : {3, 4, 5, 31}) {
    count = 0;
    EXPECT_EQ(hutch_plus_plus_trace(op, 50, {.products = products}).products, products);
    EXPECT_EQ(count, products);
  }
  count = 0;
  const auto single = hutchinson_trace(op, 50, {.products = 1});
  EXPECT_EQ(count, 1);
  EXPECT_TRUE(std::isinf(single.standard_error));
}

TEST(Trace, AFloat32SketchAgrees) {
  const auto op = product_with(matrix_with(decaying(200)));
  const auto wide = hutch_plus_plus_trace(op, 200, {.products = 60});
  const auto narrow = hutch_plus_plus_trace(op, 200, {.products = 60, .basis = at::kFloat});
  EXPECT_NEAR(narrow.value, wide.value, 1e-5);
  EXPECT_NEAR(narrow.standard_error, wide.standard_error, 1e-5);
}

TEST(Trace, StopsWhenToldWithWhatItHas) {
  const auto values = decaying(50);
  const auto op = product_with(matrix_with(values));
  int asked = 0;
  const auto stop_after = [&](int products) {
    asked = 0;
    return [&asked, products] { return ++asked <= products; };
  };
  const auto sampled =
      hutch_plus_plus_trace(op, 50, {.products = 30, .keep_going = stop_after(25)});
  EXPECT_FALSE(sampled.complete);
  EXPECT_EQ(sampled.samples.size(), 5u);
  EXPECT_TRUE(std::isfinite(sampled.standard_error));
  const auto sketched =
      hutch_plus_plus_trace(op, 50, {.products = 30, .keep_going = stop_after(12)});
  EXPECT_TRUE(std::isnan(sketched.value));
  EXPECT_TRUE(std::isinf(sketched.standard_error));
}

TEST(Trace, StaysWithinItsMemoryPlan) {
  constexpr std::int64_t kSize = 100'000;
  const auto op = diagonal_operator(at::linspace(-1, 3, kSize, at::kDouble));
  for (const auto basis : {at::kDouble, at::kFloat}) {
    const TraceOptions options{.products = 30, .basis = basis};
    const auto planned = static_cast<double>(plan_trace(kSize, options).total());
    const tests::AllocationCounter counter;
    (void)hutch_plus_plus_trace(op, kSize, options);
    EXPECT_NEAR(static_cast<double>(counter.peak_bytes()) / planned, 1, 0.05);
  }
}

TEST(Trace, OptionsThatCannotWorkAreNamed) {
  const auto op = diagonal_operator(at::ones({4}, at::kDouble));
  tests::expect_error(ErrorKind::usage, {"trace:", "3 products or more", "found 2"}, [&] {
    (void)hutch_plus_plus_trace(op, 4, {.products = 2});
  });
  tests::expect_error(ErrorKind::usage, {"trace:", "1 products or more"}, [&] {
    (void)hutchinson_trace(op, 4, {.products = 0});
  });
  const SymmetricOperator broken = [](const at::Tensor&, at::Tensor& out) { out.fill_(NAN); };
  tests::expect_error(
      ErrorKind::numeric, {"trace:", "not finite"}, [&] { (void)hutchinson_trace(broken, 5); });
}

}  // namespace
}  // namespace overparam::linalg
