// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/lanczos.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "linalg/known_operators.hpp"
#include "overparam/base/threads.hpp"
#include "overparam/linalg/spectral_norm.hpp"
#include "support/allocations.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::linalg {
namespace {

using tests::diagonal_operator;
using tests::matrix_with;
using tests::normal;
using tests::product_with;

TEST(Lanczos, FindsBothEndsOfAKnownSpectrum) {
  std::vector<double> eigenvalues(80);
  std::iota(eigenvalues.begin(), eigenvalues.end(), 1.0);
  eigenvalues.front() = 0.25;
  eigenvalues.back() = 200;
  const auto ends = extreme_eigenvalues(
      product_with(matrix_with(eigenvalues)), 80, {.tolerance = 1e-10, .want_smallest = true});
  EXPECT_TRUE(ends.converged);
  EXPECT_NEAR(ends.largest, 200, 1e-7);
  EXPECT_NEAR(ends.smallest, 0.25, 1e-7);
}

TEST(Lanczos, ResidualsBoundTheError) {
  std::vector<double> eigenvalues(200);
  for (std::size_t i = 0; i < 200; ++i) eigenvalues[i] = 1.0 / (1.0 + static_cast<double>(i));
  const auto ends = extreme_eigenvalues(
      product_with(matrix_with(eigenvalues)), 200, {.max_products = 5, .tolerance = 1e-14});
  EXPECT_FALSE(ends.converged);
  EXPECT_EQ(ends.products, 5);
  EXPECT_LE(std::abs(ends.largest - 1), ends.largest_residual);
  EXPECT_LT(ends.largest_residual, 0.1);
}

TEST(Lanczos, ExhaustsASmallSpace) {
  const auto ends = extreme_eigenvalues(product_with(matrix_with({3, 3, 3})), 3);
  EXPECT_TRUE(ends.converged);
  EXPECT_NEAR(ends.largest, 3, 1e-12);
  EXPECT_EQ(ends.products, 1);
}

TEST(Lanczos, BasisIsOrthonormal) {
  Lanczos process(product_with(matrix_with({1, 2, 4, 8, 16, 1e6})), normal({6}, "start"), 6);
  EXPECT_FALSE(process.extend(10));
  EXPECT_EQ(process.products(), 6);
  const at::Tensor gram = at::matmul(process.basis(), process.basis().t());
  EXPECT_LT((gram - at::eye(gram.size(0), at::kDouble)).abs().max().item<double>(), 1e-10);
}

TEST(Lanczos, ProductsAllocateNoStorage) {
  constexpr std::int64_t kSize = 50'000;  // enough for LibTorch to share the work between threads
  const auto op = diagonal_operator(at::linspace(1, 100, kSize, at::kDouble));
  for (const LanczosOptions& options : {LanczosOptions{},
                                        LanczosOptions{.basis = at::kFloat},
                                        LanczosOptions{.reorthogonalise = false}}) {
    Lanczos process(op, normal({kSize}, "start"), 10, options);
    process.extend(2);
    const tests::AllocationCounter counter;
    EXPECT_TRUE(process.extend(6));
    EXPECT_EQ(counter.count(), 0);
  }
}

TEST(Lanczos, ResultsDependOnNeitherThreadsNorAFormerRun) {
  constexpr std::int64_t kSize = 50'000;
  const auto op = diagonal_operator(at::linspace(1, 100, kSize, at::kDouble));
  Lanczos process(op, normal({kSize}, "start"), 12);
  process.extend(12);
  const auto two = process.diagonal();
  const base::ThreadGuard guard(1);
  process.reset(normal({kSize}, "another start"));
  process.extend(5);
  EXPECT_EQ(process.products(), 5);
  process.reset(normal({kSize}, "start"));
  process.extend(12);
  EXPECT_EQ(process.diagonal(), two);
}

TEST(Lanczos, AFloat32BasisStaysOrthonormal) {
  const at::Tensor matrix = matrix_with({1, 2, 4, 8, 16, 1e6, 3, 5, 7, 9, -2, -3e3});
  Lanczos process(product_with(matrix), normal({12}, "start"), 12, {.basis = at::kFloat});
  EXPECT_FALSE(process.extend(12));
  EXPECT_TRUE(process.complete());
  const at::Tensor basis = process.basis().to(at::kDouble);
  const at::Tensor gram = at::matmul(basis, basis.t());
  EXPECT_LT((gram - at::eye(12, at::kDouble)).abs().max().item<double>(), 1e-6);
  const at::Tensor projected = at::matmul(basis, at::matmul(matrix, basis.t()));
  EXPECT_LT((projected - process.projected()).abs().max().item<double>(), 1e-6 * 1e6);
}

TEST(Lanczos, ARestartKeepsRitzPairsAndWhatTheyAreCoupledTo) {
  std::vector<double> eigenvalues(40);
  std::iota(eigenvalues.begin(), eigenvalues.end(), -5.0);
  const at::Tensor matrix = matrix_with(eigenvalues);
  Lanczos process(product_with(matrix), normal({40}, "start"), 10);
  process.extend(10);
  const auto [values, vectors] = at::linalg_eigh(process.projected());
  process.restart(values.narrow(0, 0, 3), vectors.t().narrow(0, 0, 3));
  EXPECT_EQ(process.size(), 3);
  process.extend(4);
  EXPECT_EQ(process.size(), 7);
  EXPECT_EQ(process.products(), 14);
  const at::Tensor basis = process.basis();
  const at::Tensor gram = at::matmul(basis, basis.t());
  EXPECT_LT((gram - at::eye(7, at::kDouble)).abs().max().item<double>(), 1e-12);
  const at::Tensor projected = at::matmul(basis, at::matmul(matrix, basis.t()));
  EXPECT_LT((projected - process.projected()).abs().max().item<double>(), 1e-10);
  const auto ritz = ritz_values(process);
  ASSERT_EQ(ritz.values.size(), 7U);
  EXPECT_LT(tests::relative_difference(at::tensor(ritz.values, at::kDouble),
                                       at::linalg_eigvalsh(projected)),
            1e-12);
}

TEST(Lanczos, AnExhaustedSpaceIsRenewedInItsComplement) {
  Lanczos process(product_with(matrix_with({3, 3, 3, -1, -1})), normal({5}, "start"), 5);
  EXPECT_FALSE(process.extend(5));
  EXPECT_EQ(process.size(), 2);
  EXPECT_TRUE(process.renew(normal({5}, "another start")));
  EXPECT_FALSE(process.extend(5));
  EXPECT_EQ(process.size(), 4);
  EXPECT_TRUE(process.renew(normal({5}, "a third start")));
  EXPECT_FALSE(process.extend(5));
  EXPECT_FALSE(process.renew(normal({5}, "a fourth start")));
  const auto ritz = ritz_values(process);
  const std::vector<double> expected{-1, -1, 3, 3, 3};
  ASSERT_EQ(ritz.values.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(ritz.values[i], expected[i], 1e-12);
}

TEST(Lanczos, QuadratureIsExactForPolynomials) {
  const at::Tensor matrix = matrix_with({0.1, 0.5, 1, 2, 3, 5, 7, 11});
  const at::Tensor start = normal({8}, "start");
  constexpr int kSteps = 4;
  Lanczos process(product_with(matrix), start, 8);
  EXPECT_TRUE(process.extend(kSteps));
  const auto measure = spectral_measure(process);
  at::Tensor power = start.clone();
  for (int degree = 0; degree <= 2 * kSteps - 1; ++degree) {
    double sum = 0;
    for (std::size_t i = 0; i < measure.nodes.size(); ++i) {
      sum += measure.weights[i] * std::pow(measure.nodes[i], degree);
    }
    const double expected = at::dot(start, power).item<double>();
    EXPECT_NEAR(sum / expected, 1, 1e-10) << "degree " << degree;
    power = at::mv(matrix, power);
  }
}

TEST(Lanczos, StopsWhenItIsAsked) {
  std::vector<double> eigenvalues(200);
  std::iota(eigenvalues.begin(), eigenvalues.end(), 1.0);
  int asked = 0;
  const auto ends = extreme_eigenvalues(
      product_with(matrix_with(eigenvalues)), 200, {.keep_going = [&] { return ++asked < 7; }});
  EXPECT_EQ(ends.products, 7);
  EXPECT_FALSE(ends.converged);
  EXPECT_GT(ends.largest, 100);
}

TEST(Lanczos, ANumberThatIsNotFiniteIsAnError) {
  const SymmetricOperator broken = [](const at::Tensor&, at::Tensor& out) { out.fill_(NAN); };
  tests::expect_error(ErrorKind::numeric, {"not finite"}, [&] { extreme_eigenvalues(broken, 5); });
}

TEST(SpectralNorm, EqualsTheLargestSingularValue) {
  const at::Tensor matrix = normal({30, 50}, "matrix");
  const double expected = at::linalg_svdvals(matrix)[0].item<double>();
  EXPECT_NEAR(spectral_norm(matrix) / expected, 1, 1e-4);
  EXPECT_NEAR(spectral_norm(matrix.to(at::kFloat)) / expected, 1, 1e-4);
  EXPECT_EQ(spectral_norm(at::zeros({4, 4})), 0);
}

}  // namespace
}  // namespace overparam::linalg
