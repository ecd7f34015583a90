// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/density.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "linalg/known_operators.hpp"
#include "support/allocations.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"

namespace overparam::linalg {
namespace {

using tests::counted;
using tests::diagonal_operator;
using tests::matrix_with;
using tests::product_with;

constexpr std::int64_t kSize = 120;

/// Three in ten eigenvalues in [-2, -1], the others in [1, 3], one at 20.
at::Tensor two_bands() {
  return at::cat({at::linspace(-2, -1, 36, at::kDouble),
                  at::linspace(1, 3, 83, at::kDouble),
                  at::tensor({20.0}, at::kDouble)});
}

SymmetricOperator banded() {
  const at::Tensor values = two_bands();
  const double* const first = values.data_ptr<double>();
  return product_with(matrix_with({first, first + values.numel()}));
}

double square(double x) { return x * x; }

TEST(SpectralDensity, WeightsOfEachProbeSumToOne) {
  const auto density = spectral_density(banded(), kSize, {.probes = 7, .steps = 12});
  EXPECT_EQ(density.nodes.sizes(), (std::vector<std::int64_t>{7, 12}));
  EXPECT_LT((density.weights.sum(1) - 1).abs().max().item<double>(), 1e-12);
  EXPECT_GE(density.weights.min().item<double>(), 0);
  EXPECT_EQ(density.products, 7 * 12);
  EXPECT_EQ(density.size, kSize);
  EXPECT_TRUE(density.complete);
}

TEST(SpectralDensity, MomentsAreWithinFourStandardErrors) {
  const auto density = spectral_density(banded(), kSize, {.probes = 20, .steps = 10, .seed = 5});
  const Estimate trace = spectral_mean(density, [](double x) { return x; });
  EXPECT_NEAR(trace.value, two_bands().mean().item<double>(), 4 * trace.standard_error);
  EXPECT_GT(trace.standard_error, 0);
  const Estimate squares = spectral_mean(density, square);
  EXPECT_NEAR(
      squares.value, two_bands().square().mean().item<double>(), 4 * squares.standard_error);
  const Estimate negative = share_below(density, 0);
  EXPECT_NEAR(negative.value, 0.3, 4 * negative.standard_error);
}

TEST(SpectralDensity, IsExactForAsManyStepsAsDistinctEigenvalues) {
  at::Tensor diagonal = at::full({200}, 1.0, at::kDouble);
  diagonal.narrow(0, 0, 20).fill_(-3);
  diagonal.narrow(0, 20, 60).fill_(0);
  diagonal.narrow(0, 199, 1).fill_(50);
  int products = 0;
  const auto density = spectral_density(
      counted(diagonal_operator(diagonal), products), 200, {.probes = 8, .steps = 10, .seed = 2});
  EXPECT_EQ(products, 8 * 4);
  EXPECT_EQ(density.products, products);
  ASSERT_EQ(density.nodes.sizes(), (std::vector<std::int64_t>{8, 4}));
  for (std::int64_t p = 0; p < 8; ++p) {
    const at::Tensor expected = at::tensor({-3.0, 0.0, 1.0, 50.0}, at::kDouble);
    EXPECT_LT((density.nodes[p] - expected).abs().max().item<double>(), 1e-10);
  }
  // The weight of each is the share of the probe's square in its eigenspace.
  for (const auto& [value, below] :
       {std::pair{-1.0, 0.1}, std::pair{0.5, 0.4}, std::pair{9.0, 0.995}}) {
    const Estimate share = share_below(density, value);
    EXPECT_NEAR(share.value, below, 4 * share.standard_error);
  }
}

TEST(SpectralDensity, ASingleProbeOfARowIsExact) {
  const auto density =
      spectral_density(diagonal_operator(at::tensor({-2.0}, at::kDouble)), 1, {.probes = 1});
  EXPECT_EQ(density.products, 1);
  const Estimate trace = spectral_mean(density, [](double x) { return x; });
  EXPECT_DOUBLE_EQ(trace.value, -2);
  EXPECT_TRUE(std::isinf(trace.standard_error));
}

TEST(SpectralDensity, ErrorBarsCover) {
  // Two standard errors from ten probes hold 92 % (Student's t, 9 degrees); 85 % is asked of 200
  // seeds, 0, ..., 199. The gap at zero leaves the quadrature no error of its own.
  const auto op = banded();
  const double mean = two_bands().mean().item<double>();
  int shares = 0;
  int means = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto density = spectral_density(op, kSize, {.probes = 10, .steps = 12, .seed = seed});
    const Estimate share = share_below(density, 0);
    shares += std::abs(share.value - 0.3) <= 2 * share.standard_error ? 1 : 0;
    const Estimate trace = spectral_mean(density, [](double x) { return x; });
    means += std::abs(trace.value - mean) <= 2 * trace.standard_error ? 1 : 0;
  }
  EXPECT_GE(shares, 170);
  EXPECT_GE(means, 170);
}

TEST(SpectralDensity, BroadenedItIntegratesToOne) {
  const auto density = spectral_density(banded(), kSize);
  constexpr std::int64_t kPoints = 3000;
  const at::Tensor points = at::linspace(-5, 25, kPoints, at::kDouble);
  const auto curve = broadened_density(density, points, 0.2);
  const double step = 30.0 / (kPoints - 1);
  EXPECT_NEAR(curve.values.sum().item<double>() * step, 1, 1e-6);
  EXPECT_GE(curve.standard_errors.min().item<double>(), 0);
  // The lone eigenvalue is a Gaussian of weight 1 / N, to the error that is given with it.
  const auto peak = broadened_density(density, at::tensor({20.0}, at::kDouble), 0.2);
  const double expected = 1 / (kSize * 0.2 * std::sqrt(2 * M_PI));
  EXPECT_NEAR(peak.values.item<double>(), expected, 4 * peak.standard_errors.item<double>());
}

TEST(SpectralDensity, CumulatedItClimbsFromZeroToOne) {
  const auto density = spectral_density(banded(), kSize);
  const auto curve =
      cumulative_density(density, at::tensor({-3.0, -1.5, 0.0, 2.0, 30.0}, at::kDouble));
  EXPECT_EQ(curve.values[0].item<double>(), 0);
  EXPECT_NEAR(curve.values[4].item<double>(), 1, 1e-12);
  EXPECT_TRUE((curve.values.diff() >= 0).all().item<bool>());
  EXPECT_EQ(curve.values[2].item<double>(), share_below(density, 0).value);
}

TEST(SpectralDensity, NeedsNoBasisForMeansOfSmoothFunctions) {
  for (const int steps : {10, 60}) {  // with 60 there are copies of the eigenvalue at 20
    const DensityOptions options{.probes = 4, .steps = steps};
    DensityOptions lean = options;
    lean.reorthogonalise = false;
    const auto kept = spectral_density(banded(), kSize, options);
    const auto forgotten = spectral_density(banded(), kSize, lean);
    EXPECT_LT((forgotten.weights.sum(1) - 1).abs().max().item<double>(), 1e-12);
    for (const auto f : {+[](double x) { return x; }, +square}) {
      EXPECT_NEAR(spectral_mean(forgotten, f).value / spectral_mean(kept, f).value, 1, 1e-8);
    }
    EXPECT_NEAR(share_below(forgotten, 0).value, share_below(kept, 0).value, 1e-3);
  }
}

TEST(SpectralDensity, AFloat32BasisAgrees) {
  const auto wide = spectral_density(banded(), kSize, {.probes = 4, .steps = 20});
  const auto narrow =
      spectral_density(banded(), kSize, {.probes = 4, .steps = 20, .basis = at::kFloat});
  EXPECT_NEAR(spectral_mean(narrow, square).value / spectral_mean(wide, square).value, 1, 1e-5);
  EXPECT_NEAR(share_below(narrow, 0).value, share_below(wide, 0).value, 1e-3);
}

TEST(SpectralDensity, KeepsTheFinishedProbesWhenStopped) {
  int asked = 0;
  const auto density = spectral_density(
      banded(), kSize, {.probes = 5, .steps = 10, .keep_going = [&] { return ++asked <= 25; }});
  EXPECT_FALSE(density.complete);
  EXPECT_EQ(density.nodes.size(0), 2);
  EXPECT_EQ(density.products, 25);
  const auto nothing = spectral_density(banded(), kSize, {.keep_going = [] { return false; }});
  tests::expect_error(ErrorKind::usage, {"one probe or more"}, [&] { share_below(nothing, 0); });
}

TEST(SpectralDensity, StaysWithinItsMemoryPlan) {
  constexpr std::int64_t kLarge = 100'000;
  const auto op = diagonal_operator(at::linspace(-1, 3, kLarge, at::kDouble));
  for (const bool reorthogonalise : {true, false}) {
    const DensityOptions options{.probes = 2, .steps = 15, .reorthogonalise = reorthogonalise};
    const auto planned = static_cast<double>(plan_spectral_density(kLarge, options).total());
    const tests::AllocationCounter counter;
    (void)spectral_density(op, kLarge, options);
    EXPECT_NEAR(static_cast<double>(counter.peak_bytes()) / planned, 1, 0.05);
  }
}

TEST(SpectralDensity, OptionsThatCannotWorkAreNamed) {
  tests::expect_error(ErrorKind::usage, {"spectral density:", "found 0 probes"}, [] {
    spectral_density(banded(), kSize, {.probes = 0});
  });
  const auto density = spectral_density(banded(), kSize, {.probes = 2, .steps = 3});
  tests::expect_error(
      ErrorKind::usage, {"positive width"}, [&] { broadened_density(density, at::zeros({1}), 0); });
}

}  // namespace
}  // namespace overparam::linalg
