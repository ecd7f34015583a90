// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/lanczos.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <numeric>

#include "overparam/linalg/spectral_norm.hpp"
#include "support/allocations.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::linalg {
namespace {

using tests::normal;

/// A symmetric matrix with these eigenvalues in a random basis.
at::Tensor matrix_with(const std::vector<double>& eigenvalues) {
  const auto size = static_cast<std::int64_t>(eigenvalues.size());
  const auto [basis, upper] = at::linalg_qr(normal({size, size}, "basis"));
  return at::matmul(basis * at::tensor(eigenvalues, at::kDouble), basis.t());
}

SymmetricOperator product_with(const at::Tensor& matrix) {
  return [matrix](const at::Tensor& v, at::Tensor& out) { out.copy_(at::mv(matrix, v)); };
}

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
  const at::Tensor diagonal = at::linspace(1, 100, kSize, at::kDouble);
  const SymmetricOperator op = [&](const at::Tensor& v, at::Tensor& out) {
    at::mul_out(out, v, diagonal);
  };
  Lanczos process(op, normal({kSize}, "start"), 10);
  process.extend(2);
  const tests::AllocationCounter counter;
  EXPECT_TRUE(process.extend(6));
  EXPECT_EQ(counter.count(), 0);
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
