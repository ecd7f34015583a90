// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/spectrum.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "support/allocations.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::linalg {
namespace {

using tests::normal;
using tests::relative_difference;

/// A symmetric matrix with these eigenvalues in a random basis.
at::Tensor matrix_with(const at::Tensor& eigenvalues) {
  const std::int64_t size = eigenvalues.size(0);
  const auto [basis, upper] = at::linalg_qr(normal({size, size}, "basis"));
  const at::Tensor matrix = at::matmul(basis * eigenvalues, basis.t());
  return (matrix + matrix.t()) / 2;
}

/// <x, x'> (pi - arccos <x, x'>) / (2 pi) on the sphere, the kernel of two-layer networks.
at::Tensor sphere_kernel(std::int64_t points, std::int64_t dimension) {
  const at::Tensor rows = normal({points, dimension}, "points");
  const at::Tensor unit = rows / rows.norm(2, {1}, true);
  const at::Tensor cosine = at::matmul(unit, unit.t()).fill_diagonal_(1).clamp(-1, 1);
  return cosine * (std::numbers::pi - cosine.acos()) / (2 * std::numbers::pi);
}

constexpr SpectrumOptions kIterative{.top = 3, .bottom = 3, .vectors = true, .dense_up_to = 0};
constexpr SpectrumOptions kDense{.top = 3, .bottom = 3, .vectors = true};

/// Every reported pair against the matrix, by hand.
void expect_pairs(const at::Tensor& matrix,
                  const at::Tensor& values,
                  const at::Tensor& vectors,
                  const at::Tensor& residuals) {
  const std::int64_t count = values.size(0);
  const at::Tensor gram = at::matmul(vectors.t(), vectors);
  EXPECT_LT(relative_difference(gram, at::eye(count, at::kDouble)), 1e-10);
  const at::Tensor expected = (at::matmul(matrix, vectors) - vectors * values).norm(2, 0);
  const double scale = matrix.norm().item<double>();
  EXPECT_LT((residuals - expected).abs().max().item<double>(), tests::kRounding * scale);
  EXPECT_LT(residuals.max().item<double>(), 1e-6 * scale);
}

TEST(Spectrum, KnownEigenvaluesByEitherRoute) {
  const at::Tensor known = at::logspace(-3, 2, 400, 10, at::kDouble);
  const at::Tensor matrix = matrix_with(known);
  for (const auto& options : {kDense, kIterative}) {
    const auto found = spectrum(matrix, options);
    EXPECT_TRUE(found.converged) << found.method;
    EXPECT_LT(relative_difference(found.bottom, known.narrow(0, 0, 3)), 1e-9);
    EXPECT_LT(relative_difference(found.top, known.narrow(0, 397, 3).flip(0)), 1e-9);
    EXPECT_NEAR(found.condition / 1e5, 1, 1e-9);
    EXPECT_FALSE(found.singular);
    EXPECT_EQ(found.jitter, 0);
    expect_pairs(matrix, found.top, found.top_vectors, found.top_residuals);
    expect_pairs(matrix, found.bottom, found.bottom_vectors, found.bottom_residuals);
  }
}

TEST(Spectrum, RoutesAgreeOnAKernel) {
  for (const std::int64_t dimension : {3, 10, 100}) {
    const at::Tensor matrix = sphere_kernel(400, dimension);
    const auto dense = spectrum(matrix, kDense);
    const auto iterative = spectrum(matrix, kIterative);
    EXPECT_NE(dense.method, iterative.method);
    EXPECT_TRUE(iterative.converged);
    EXPECT_LT(relative_difference(dense.top, iterative.top), 1e-9);
    EXPECT_LT(relative_difference(dense.bottom, iterative.bottom), 1e-8) << dimension;
  }
}

TEST(Spectrum, FullGivesAllAndSkipsVectorsNobodyAskedFor) {
  const at::Tensor known = at::linspace(1, 2, 30, at::kDouble);
  const auto found = spectrum(matrix_with(known), {.full = true, .dense_up_to = 0});
  EXPECT_LT(relative_difference(found.all, known), tests::kRounding);
  EXPECT_EQ(found.method, "dense eigen-solver");
  EXPECT_FALSE(found.top_vectors.defined());
}

TEST(Spectrum, RepeatedEigenvaluesAreFoundAsOftenAsAskedFor) {
  at::Tensor known = at::linspace(1, 2, 300, at::kDouble);
  known.narrow(0, 0, 3).fill_(0.5);
  known.narrow(0, 297, 3).fill_(5);
  const auto found = spectrum(matrix_with(known), kIterative);
  EXPECT_LT(relative_difference(found.bottom, at::full({3}, 0.5, at::kDouble)), 1e-10);
  EXPECT_LT(relative_difference(found.top, at::full({3}, 5.0, at::kDouble)), 1e-10);
}

TEST(Spectrum, DuplicatesAreNamed) {
  // 200 points twice: half of the eigenvalues are zero.
  const at::Tensor matrix = sphere_kernel(200, 10).repeat({2, 2});
  const auto found = spectrum(matrix, kIterative);
  EXPECT_TRUE(found.singular);
  EXPECT_GT(found.jitter, 0);
  EXPECT_NE(found.method.find("of the mean diagonal, because it has none"), std::string::npos);
  EXPECT_LT(found.bottom.abs().max().item<double>(), 1e-12);
  EXPECT_LT(found.bottom_residuals.max().item<double>(),
            kIterative.tolerance * found.top[0].item<double>());
  EXPECT_GT(found.condition, 1e12);
  EXPECT_TRUE(spectrum(matrix, kDense).singular);
}

TEST(Spectrum, IndefiniteMatrixIsServedAndSaid) {
  at::Tensor known = at::linspace(1, 2, 200, at::kDouble);
  known[0] = -0.25;
  const auto found = spectrum(matrix_with(known), {.dense_up_to = 0});
  EXPECT_NEAR(found.bottom[0].item<double>(), -0.25, 1e-10);
  EXPECT_NE(found.method.find("its negative"), std::string::npos);
  EXPECT_TRUE(std::isinf(found.condition));
}

TEST(Spectrum, UsesAFactorThatIsThere) {
  const at::Tensor matrix = sphere_kernel(300, 10);
  const Cholesky factor(matrix);
  const auto with = spectrum(matrix, factor, kIterative);
  const auto without = spectrum(matrix, kIterative);
  EXPECT_TRUE(at::equal(with.bottom, without.bottom));
  const auto ridged = spectrum(matrix, Cholesky(matrix, {.ridge = 0.01}), kIterative);
  EXPECT_LT(relative_difference(ridged.bottom, without.bottom), 1e-9);
  EXPECT_NE(ridged.method.find("ridge 0.01"), std::string::npos);
  tests::expect_error(
      ErrorKind::usage, {"300", "2"}, [&] { spectrum(at::eye(2, at::kDouble), factor); });
}

TEST(Spectrum, OneEndAlone) {
  const at::Tensor matrix = sphere_kernel(300, 10);
  const auto found = spectrum(matrix, {.top = 2, .bottom = 0, .dense_up_to = 0});
  EXPECT_EQ(found.top.numel(), 2);
  EXPECT_EQ(found.bottom.numel(), 0);
  EXPECT_EQ(found.method, "block Lanczos on the matrix");
}

TEST(Spectrum, SaysWhenItDidNotConverge) {
  const at::Tensor matrix = matrix_with(at::linspace(1, 1.1, 300, at::kDouble));
  const auto found = spectrum(matrix, {.dense_up_to = 0, .max_basis = 4});
  EXPECT_FALSE(found.converged);
  EXPECT_GT(found.top_residuals[0].item<double>(), 1e-4);
}

TEST(Spectrum, KeepsToItsMemoryPlan) {
  const at::Tensor matrix = sphere_kernel(1200, 10);
  const SpectrumOptions options{.dense_up_to = 0};
  const tests::AllocationCounter counter;
  spectrum(matrix, options);
  EXPECT_LE(counter.peak_bytes(), static_cast<std::int64_t>(plan_spectrum(1200, options).total()));
}

TEST(Spectrum, BadInputIsNamed) {
  const auto usage = ErrorKind::usage;
  const at::Tensor matrix = at::eye(3, at::kDouble);
  tests::expect_error(usage, {"square", "(3, 2)"}, [] { spectrum(at::ones({3, 2}, at::kDouble)); });
  tests::expect_error(usage, {"float64"}, [] { spectrum(at::eye(3)); });
  tests::expect_error(usage, {"0 to 3", "4"}, [&] { spectrum(matrix, {.top = 4}); });
  tests::expect_error(ErrorKind::numeric, {"not finite"}, [&] { spectrum(matrix / 0); });
}

}  // namespace
}  // namespace overparam::linalg
