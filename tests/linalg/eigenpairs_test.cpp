// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/eigenpairs.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "linalg/known_operators.hpp"
#include "overparam/base/threads.hpp"
#include "support/allocations.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"

namespace overparam::linalg {
namespace {

using tests::counted;
using tests::diagonal_operator;
using tests::matrix_with;
using tests::normal;
using tests::product_with;

std::vector<double> all_values(const Eigenpairs& found) {
  std::vector<double> values;
  for (const auto& pair : found.smallest) values.push_back(pair.value);
  for (const auto& pair : found.largest) values.push_back(pair.value);
  return values;
}

double distance_up_to_sign(const at::Tensor& a, const at::Tensor& b) {
  return std::min((a - b).norm().item<double>(), (a + b).norm().item<double>());
}

void expect_orthonormal(const at::Tensor& rows, double tolerance) {
  const at::Tensor exact = rows.to(at::kDouble);
  const at::Tensor gram = at::matmul(exact, exact.t());
  EXPECT_LT((gram - at::eye(gram.size(0), at::kDouble)).abs().max().item<double>(), tolerance);
}

/// 400 eigenvalues: a bulk in [0, 10], a cluster of three near -3, one at -0.5, two large.
std::vector<double> with_negative_cluster() {
  std::vector<double> values{-3, -2.99, -2.98, -0.5, 40, 25};
  for (int i = 0; i < 394; ++i) values.push_back(10.0 * i / 393);
  return values;
}

void expect_ends(const at::Tensor& matrix, const Eigenpairs& found) {
  const auto [values, vectors] = at::linalg_eigh(matrix);
  const std::int64_t n = values.numel();
  ASSERT_EQ(found.vectors.size(0), 6);
  std::int64_t row = 0;
  for (const std::int64_t index :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{2}, std::int64_t{3}, n - 1, n - 2}) {
    const auto& pair = row < 4 ? found.smallest[static_cast<std::size_t>(row)]
                               : found.largest[static_cast<std::size_t>(row - 4)];
    EXPECT_NEAR(pair.value, values[index].item<double>(), 1e-6);
    EXPECT_NEAR(pair.rayleigh_quotient, pair.value, 1e-9);
    EXPECT_LT(pair.residual, 1e-8);
    EXPECT_LT(distance_up_to_sign(found.vectors[row], vectors.select(1, index)), 1e-6) << index;
    ++row;
  }
  expect_orthonormal(found.vectors, 1e-12);
}

TEST(Eigenpairs, OfADiagonalWithANegativeClusterAreThoseOfTheDenseSolver) {
  const at::Tensor diagonal = at::tensor(with_negative_cluster(), at::kDouble);
  const auto found =
      eigenpairs(diagonal_operator(diagonal),
                 400,
                 {.smallest = 4, .largest = 2, .max_products = 300, .tolerance = 1e-10});
  EXPECT_TRUE(found.converged);
  expect_ends(at::diag(diagonal), found);
}

TEST(Eigenpairs, OfADenseMatrixWithANegativeClusterAreThoseOfTheDenseSolver) {
  const at::Tensor matrix = matrix_with(with_negative_cluster());
  int counted_products = 0;
  const auto found =
      eigenpairs(counted(product_with(matrix), counted_products),
                 400,
                 {.smallest = 4, .largest = 2, .max_products = 300, .tolerance = 1e-10});
  EXPECT_TRUE(found.converged);
  EXPECT_EQ(found.checks, 6);
  EXPECT_EQ(found.products + found.checks, counted_products);
  expect_ends(matrix, found);
}

TEST(Eigenpairs, ARestartedBasisFindsTheSamePairs) {
  const at::Tensor matrix = matrix_with(with_negative_cluster());
  const auto found = eigenpairs(
      product_with(matrix),
      400,
      {.smallest = 4, .largest = 2, .max_products = 3000, .tolerance = 1e-10, .max_basis = 30});
  EXPECT_TRUE(found.converged);
  EXPECT_GT(found.products, 30);
  expect_ends(matrix, found);
}

TEST(Eigenpairs, ASmallestBasisIsEnough) {
  const auto found = eigenpairs(diagonal_operator(at::linspace(-1, 3, 50, at::kDouble)),
                                50,
                                {.max_products = 2000, .tolerance = 1e-8, .max_basis = 3});
  EXPECT_TRUE(found.converged);
  EXPECT_NEAR(found.smallest[0].value, -1, 1e-6);
}

TEST(Eigenpairs, CopiesOfAnEigenvalueAreFoundOnceTheSpaceIsExhausted) {
  const at::Tensor matrix = matrix_with({-5, -5, 1, 1, 1, 7, 7, 7, 7, 7, 7, 7});
  const auto found =
      eigenpairs(product_with(matrix), 12, {.smallest = 3, .largest = 2, .tolerance = 1e-10});
  EXPECT_TRUE(found.converged);
  const std::vector<double> expected{-5, -5, 1, 7, 7};
  const auto values = all_values(found);
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-10);
  for (const auto& pair : found.smallest) EXPECT_LT(pair.residual, 1e-10);
  expect_orthonormal(found.vectors, 1e-12);
}

TEST(Eigenpairs, TheIdentityTakesAsManyProductsAsPairs) {
  for (const auto basis : {at::kDouble, at::kFloat}) {
    const auto found = eigenpairs(diagonal_operator(at::ones({1000}, at::kDouble)),
                                  1000,
                                  {.smallest = 2, .largest = 1, .basis = basis});
    EXPECT_TRUE(found.converged);
    EXPECT_EQ(found.products, 3);
    for (const double value : all_values(found)) EXPECT_NEAR(value, 1, 1e-6);
    expect_orthonormal(found.vectors, 1e-6);
  }
}

TEST(Eigenpairs, OneByOneAndZero) {
  const auto one = eigenpairs(diagonal_operator(at::tensor({-2.0}, at::kDouble)), 1);
  EXPECT_TRUE(one.converged);
  EXPECT_EQ(one.products, 1);
  EXPECT_DOUBLE_EQ(one.smallest[0].value, -2);
  EXPECT_DOUBLE_EQ(one.smallest[0].rayleigh_quotient, -2);
  EXPECT_EQ(one.smallest[0].residual, 0);
  EXPECT_DOUBLE_EQ(std::abs(one.vectors[0][0].item<double>()), 1);
  const auto zero = eigenpairs(diagonal_operator(at::zeros({20}, at::kDouble)), 20);
  EXPECT_TRUE(zero.converged);
  EXPECT_EQ(zero.smallest[0].value, 0);
  EXPECT_EQ(zero.smallest[0].residual, 0);
}

TEST(Eigenpairs, WithoutNegativeEigenvaluesTheSmallestIsPositive) {
  const auto found = eigenpairs(
      diagonal_operator(at::linspace(0.5, 3, 100, at::kDouble)), 100, {.tolerance = 1e-6});
  EXPECT_TRUE(found.converged);
  EXPECT_NEAR(found.smallest[0].value, 0.5, 1e-6);
}

TEST(Eigenpairs, TheRecomputedResidualShowsNoiseThatTheRecurrenceDoesNot) {
  constexpr std::int64_t kSize = 2000;
  constexpr double kLeast = -10;
  constexpr double kNoise = 1;  // |noise| for a unit vector, as large as the bulk
  at::Tensor diagonal = at::linspace(-1, 1, kSize, at::kDouble);
  diagonal[0] = kLeast;
  std::uint64_t calls = 0;
  at::Tensor noise = at::empty({kSize}, at::kDouble);
  const SymmetricOperator noisy = [&](const at::Tensor& v, at::Tensor& out) {
    base::fill_normal(noise, kNoise / std::sqrt(double{kSize}), base::Stream(1, "noise", ++calls));
    at::mul_out(out, v, diagonal);
    out.add_(noise);
  };
  const auto found = eigenpairs(noisy, kSize, {.max_products = 60, .tolerance = 3e-3});
  EXPECT_TRUE(found.converged);
  EXPECT_LE(found.smallest[0].claimed_residual, 3e-3);
  EXPECT_GE(found.smallest[0].residual, 0.9 * kNoise / std::abs(kLeast));
  EXPECT_LE(found.smallest[0].residual, 3 * kNoise / std::abs(kLeast));
  const auto exact =
      eigenpairs(diagonal_operator(diagonal), kSize, {.max_products = 60, .tolerance = 3e-3});
  EXPECT_LE(exact.smallest[0].residual, 3.1e-3);
}

TEST(Eigenpairs, AFloat32BasisAgreesWithFloat64) {
  const at::Tensor matrix = matrix_with(with_negative_cluster());
  EigenpairOptions options{.smallest = 4, .largest = 2, .max_products = 300, .tolerance = 1e-6};
  const auto wide = eigenpairs(product_with(matrix), 400, options);
  options.basis = at::kFloat;
  const auto narrow = eigenpairs(product_with(matrix), 400, options);
  EXPECT_TRUE(narrow.converged);
  EXPECT_EQ(narrow.vectors.scalar_type(), at::kFloat);
  const auto values = all_values(wide);
  const auto others = all_values(narrow);
  ASSERT_EQ(others.size(), 6u);
  for (std::int64_t i = 0; i < 6; ++i) {
    const auto index = static_cast<std::size_t>(i);
    EXPECT_NEAR(others[index], values[index], 1e-6 * 40);
    EXPECT_LT(distance_up_to_sign(narrow.vectors[i].to(at::kDouble), wide.vectors[i]), 1e-3);
  }
  for (const auto& pair : narrow.smallest) EXPECT_LT(pair.residual, 1e-5);
  expect_orthonormal(narrow.vectors, 1e-6);
}

TEST(Eigenpairs, AWarmStartSavesProducts) {
  const at::Tensor matrix = matrix_with(with_negative_cluster());
  const at::Tensor change = normal({400, 400}, "change");
  const at::Tensor changed = matrix + (change + change.t()) * 1e-3;
  EigenpairOptions options{.smallest = 1, .max_products = 300, .tolerance = 1e-2};
  options.start = eigenpairs(product_with(matrix), 400, options).vectors;
  const auto warm = eigenpairs(product_with(changed), 400, options);
  options.start = at::Tensor();
  const auto cold = eigenpairs(product_with(changed), 400, options);
  EXPECT_TRUE(warm.converged);
  EXPECT_LE(2 * warm.products, cold.products);
  EXPECT_NEAR(warm.smallest[0].value, cold.smallest[0].value, 0.05);
}

TEST(Eigenpairs, StopWhenTold) {
  int asked = 0;
  int products = 0;
  EigenpairOptions options{.smallest = 2, .tolerance = 1e-12};
  options.keep_going = [&] { return ++asked <= 7; };
  const auto op = counted(diagonal_operator(at::linspace(-1, 1, 200, at::kDouble)), products);
  const auto found = eigenpairs(op, 200, options);
  EXPECT_EQ(products, 7);
  EXPECT_EQ(found.products, 7);
  EXPECT_EQ(found.checks, 0);
  EXPECT_FALSE(found.converged);
  ASSERT_EQ(found.smallest.size(), 2u);
  EXPECT_TRUE(std::isnan(found.smallest[0].residual));
  EXPECT_GT(found.smallest[0].claimed_residual, 0);
  options.keep_going = [] { return false; };
  const auto none = eigenpairs(op, 200, options);
  EXPECT_TRUE(none.smallest.empty());
  EXPECT_EQ(none.vectors.sizes(), (std::vector<std::int64_t>{0, 200}));
}

TEST(Eigenpairs, RepeatForEveryNumberOfThreads) {
  const auto run = [](std::uint64_t seed) {
    return eigenpairs(diagonal_operator(at::linspace(-1, 3, 50'000, at::kDouble)),
                      50'000,
                      {.max_products = 15, .seed = seed});
  };
  const auto two = run(1);
  const base::ThreadGuard guard(1);
  const auto one = run(1);
  EXPECT_EQ(one.smallest[0].value, two.smallest[0].value);
  EXPECT_EQ(one.smallest[0].claimed_residual, two.smallest[0].claimed_residual);
  EXPECT_NE(one.smallest[0].value, run(2).smallest[0].value);
}

TEST(Eigenpairs, StayWithinTheirMemoryPlan) {
  constexpr std::int64_t kSize = 200'000;
  const auto op = diagonal_operator(at::linspace(-1, 3, kSize, at::kDouble));
  for (const auto basis : {at::kDouble, at::kFloat}) {
    const EigenpairOptions options{.smallest = 2,
                                   .largest = 1,
                                   .max_products = 40,
                                   .tolerance = 1e-12,
                                   .basis = basis,
                                   .max_basis = 15};
    const auto planned = static_cast<double>(plan_eigenpairs(kSize, options).total());
    const tests::AllocationCounter counter;
    const auto found = eigenpairs(op, kSize, options);
    EXPECT_EQ(found.products, 40);
    const auto peak = static_cast<double>(counter.peak_bytes());
    EXPECT_LT(peak, 1.2 * planned);  // blocks of columns beside it, whatever N
    EXPECT_GT(peak, 0.8 * planned);
  }
}

TEST(Eigenpairs, OptionsThatCannotWorkAreNamed) {
  const auto op = diagonal_operator(at::ones({4}, at::kDouble));
  const auto refused = [&](const EigenpairOptions& options, std::string_view reason) {
    tests::expect_error(
        ErrorKind::usage, {"eigenpairs:", reason}, [&] { eigenpairs(op, 4, options); });
  };
  refused({.smallest = 3, .largest = 2}, "expected 1 to 4 pairs in all");
  refused({.smallest = 0}, "expected 1 to 4 pairs in all");
  refused({.smallest = -1}, "expected 1 to 4 pairs in all");
  refused({.smallest = 3, .max_products = 2}, "3 products or more");
  refused({.max_basis = 2}, "a basis of 3 vectors or more");
  refused({.tolerance = -1}, "tolerance");
  refused({.start = at::ones({5})}, "expected a start (4) or (p, 4), found (5)");
  tests::expect_error(ErrorKind::numeric, {"start vector has norm 0"}, [&] {
    eigenpairs(op, 4, {.start = at::zeros({4})});
  });
  tests::expect_error(
      ErrorKind::usage, {"float32 or float64"}, [&] { eigenpairs(op, 4, {.basis = at::kHalf}); });
  const SymmetricOperator broken = [](const at::Tensor&, at::Tensor& out) { out.fill_(NAN); };
  tests::expect_error(ErrorKind::numeric, {"not finite"}, [&] { eigenpairs(broken, 5); });
}

}  // namespace
}  // namespace overparam::linalg
