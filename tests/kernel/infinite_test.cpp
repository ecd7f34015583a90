// SPDX-License-Identifier: Apache-2.0
#include "overparam/kernel/infinite.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "overparam/base/random.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/net/catalogue.hpp"
#include "support/allocations.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"

namespace overparam::kernel {
namespace {

using std::numbers::pi;

double distance_of(double cosine) { return std::sqrt(2 - 2 * cosine); }

TEST(InfiniteKernel, OneLayerIsItsFormula) {
  // Theta_1 = k0(k1(rho)) k1(rho).
  for (const double rho : {0.0, 0.3, 0.7, 0.99}) {
    const double k1 = (std::sqrt(1 - rho * rho) + (pi - std::acos(rho)) * rho) / pi;
    const double expected = (pi - std::acos(k1)) / pi * k1;
    EXPECT_NEAR(infinite_kernel_at(distance_of(rho), 1), expected, 1e-13) << rho;
  }
}

TEST(InfiniteKernel, DiagonalIsTheDepth) {
  for (const std::int64_t depth : {1, 3, 30}) {
    EXPECT_EQ(infinite_kernel_at(0, depth), static_cast<double>(depth));
    EXPECT_EQ(infinite_kernel_at(0, depth, DenseTrained::hidden_and_first),
              static_cast<double>(depth) + 1);
  }
}

TEST(InfiniteKernel, DeepKernelsTendToAQuarter) {
  const double distance = distance_of(0.35);
  EXPECT_NEAR(infinite_kernel_at(distance, 1000) / 1000, 0.2531, 5e-5);
  EXPECT_NEAR(infinite_kernel_at(distance, 10000) / 10000, 0.2504, 5e-5);
}

TEST(InfiniteKernel, NearPairsKeepTheirDigits) {
  // Two points at a small distance: lambda_min d / m = (Theta(0) - Theta(delta)) / 2 tends to
  // delta L (L + 1) / (4 pi).
  for (const double delta : {1e-4, 1e-6, 1e-8}) {
    for (const std::int64_t depth : {1, 4}) {
      const double L = static_cast<double>(depth);
      const double gap = (L - infinite_kernel_at(delta, depth)) / 2;
      EXPECT_NEAR(gap / (delta * L * (L + 1) / (4 * pi)), 1, 20 * L * delta + 1e-14 / delta);
    }
  }
}

TEST(InfiniteKernel, MatrixEqualsPairsAndScales) {
  at::Tensor x = tests::normal({5, 4}, "x");
  x[1] = x[0] + 1e-7 * x[2];  // a near pair
  const at::Tensor norms = x.norm(2, 1);
  const at::Tensor kernel = infinite_kernel(x, 3);
  for (std::int64_t i = 0; i < 5; ++i) {
    for (std::int64_t j = 0; j < 5; ++j) {
      const double distance = (x[i] / norms[i] - x[j] / norms[j]).norm().item<double>();
      const double scale = (norms[i] * norms[j]).item<double>();
      EXPECT_NEAR(kernel[i][j].item<double>(),
                  scale * (i == j ? 3 : infinite_kernel_at(distance, 3)),
                  1e-12 * scale);
    }
  }
  x[3].zero_();
  tests::expect_error(ErrorKind::data, {"sample 3 is zero"}, [&] { infinite_kernel(x, 3); });
}

TEST(InfiniteKernel, FeatureDistancesFollowTheAngleRecursion) {
  // theta_{l+1} ~ theta_l - theta_l^2 / (3 pi), so |h_l - h'_l| ~ delta / (1 + delta (l + 1) / (3
  // pi)).
  const auto distances = feature_distances(0.01, 48);
  EXPECT_NEAR(distances[48] / 0.01, 1 / (1 + 0.01 * 49 / (3 * pi)), 2e-3);
  EXPECT_NEAR(feature_distances(1, 48)[48], 0.15, 0.01);
}

double k0(double c) { return (pi - std::acos(c)) / pi; }
double k1(double c) { return (std::sqrt(1 - c * c) + (pi - std::acos(c)) * c) / pi; }

/// Branches s W with W of variance 2 / m: tau^2 = 2 s^2, and derivatives in W carry another s^2.
net::Architecture one_residual_layer(double tau, const std::string& trained) {
  auto shape = net::make_architecture("resnet",
                                      {.input_size = 4,
                                       .width = 64,
                                       .depth = 1,
                                       .tau = fmt::format("{:.17g}", tau / std::sqrt(2.0)),
                                       .last = "residual"});
  net::select_trained(shape, trained);
  return shape;
}

/// Of the particles' values, as the closed forms ask for.
constexpr double kParticles = 3e-4;

TEST(InfiniteKernel, OneResidualLayerIsItsFormula) {
  for (const double tau : {0.25, 0.5, 2.0}) {
    const double t = std::acos(std::sqrt(2 / (2 + tau * tau)));
    const InfiniteKernel hidden(one_residual_layer(tau, "W.1"));
    const double zeta = hidden.at_distance(0) / (tau * tau / 2);
    EXPECT_NEAR(zeta / ((pi - t) / (2 * pi) + 0.25), 1, kParticles) << tau;
    EXPECT_LT(hidden.standard_error(), 2 * kParticles);
    const InfiniteKernel features(one_residual_layer(tau, "last"));
    const double square =
        (2 + tau * tau) * ((pi - t) + std::sin(t) * std::cos(t)) / (2 * pi) + tau * tau / 4;
    EXPECT_NEAR(features.at_distance(0) / square, 1, kParticles) << tau;
    EXPECT_EQ(features.scale(), 1);
  }
}

TEST(InfiniteKernel, WeakBranchesTurnOnWhatTheirSkipLeavesOff) {
  // tau -> 0: a neuron that is off below both inputs follows the sign of its branch alone.
  constexpr double kTau = 1e-4;
  const InfiniteKernel kernel(one_residual_layer(kTau, "W.1"));
  for (const double rho : {-0.5, 0.0, 0.3, 0.8, 1.0}) {
    const double zeta = k0(rho) / 2 + (1 - k0(rho)) / 2 + k0(rho) * k0(k1(rho)) / 4;
    const double found = kernel.at_distance(distance_of(rho)) / (kTau * kTau / 2);
    EXPECT_NEAR(found / (zeta * k1(rho)), 1, 4 * kParticles) << rho;
  }
}

TEST(InfiniteKernel, SinglePrecisionKeepsTheDiagonal) {
  at::Tensor x = tests::normal({60, 20}, "x");
  x /= x.norm(2, 1, true);
  const auto shape = net::make_architecture("fc", {.input_size = 20, .width = 64, .depth = 30});
  const at::Tensor exact = InfiniteKernel(shape)(x);
  const at::Tensor single = InfiniteKernel(shape, {.type = at::kFloat})(x);
  EXPECT_EQ(single.scalar_type(), at::kFloat);
  EXPECT_LT(((single.diagonal() - 30) / 30).abs().max().item<double>(), 1e-6);
  EXPECT_LT(((single - exact) / exact).abs().max().item<double>(), 2e-6);
}

/// Theta_L of two points of the circle below, in extended precision and without the library.
long double theta_on_circle(long double between, int depth) {
  const long double half_chord = std::sin(between / 2) / std::sqrt(2.0L);
  long double t = 2 * std::asin(std::fabs(half_chord));
  long double gap = 2 * half_chord * half_chord;
  long double theta = 0;
  for (int l = 0; l < depth; ++l) {
    // sin t - t cos t, by its series where the two are close
    const long double lost = t < 0.01L ? t * t * t * (1 / 3.0L - t * t / 30 + t * t * t * t / 840)
                                       : std::sin(t) - t * std::cos(t);
    gap -= lost / std::numbers::pi_v<long double>;
    t = 2 * std::asin(std::sqrt(gap / 2));
    theta = (1 - t / std::numbers::pi_v<long double>)*(theta + 1 - gap);
  }
  return theta;
}

TEST(InfiniteKernel, ManyPointsOnACircleStayPositive) {
  // Closest pairs are 1e-6 apart: naive arccosines in float32 give a negative least eigenvalue.
  constexpr std::int64_t kPoints = 2000;
  constexpr int kDepth = 3;
  base::Random random({7, "circle"});
  at::Tensor angle = at::empty({kPoints}, at::kDouble);
  for (std::int64_t i = 0; i < kPoints; ++i) angle[i] = 2 * pi * random.uniform();
  const at::Tensor x =
      at::stack({angle.cos(), angle.sin(), at::ones_like(angle)}, 1) / std::sqrt(2.0);
  const at::Tensor kernel = infinite_kernel(x, kDepth);
  EXPECT_TRUE(at::equal(kernel, kernel.t()));

  const auto [values, vectors] = at::linalg_eigh(kernel);
  const double least = values[0].item<double>();
  EXPECT_GT(least, 0);
  // Its Rayleigh quotient with the exact kernel is the exact eigenvalue to second order.
  const at::Tensor vector = vectors.select(1, 0).contiguous();
  const double* v = vector.data_ptr<double>();
  const double* t = angle.data_ptr<double>();
  long double exact = 0;
  for (std::int64_t i = 0; i < kPoints; ++i) {
    exact += static_cast<long double>(v[i]) * v[i] * kDepth;
    for (std::int64_t j = 0; j < i; ++j) {
      const auto between = static_cast<long double>(t[i]) - t[j];
      exact += 2.0L * v[i] * v[j] * theta_on_circle(between, kDepth);
    }
  }
  EXPECT_NEAR(least / static_cast<double>(exact), 1, 1e-3) << least;
  const auto [factor, failed] = at::linalg_cholesky_ex(kernel);
  EXPECT_EQ(failed.item<int>(), 0);
}

TEST(InfiniteKernel, ConvolutionsFollowTheirPatches) {
  // One layer of q-patches, a dense one and B, W.1 alone trained: K d / m = P k0(c) / 2 G with c
  // the cosine behind the mean over patches of |z| |z'| k1, by hand.
  const std::int64_t P = 6;
  auto shape =
      net::make_architecture("cnn", {.input_size = P, .width = 32, .depth = 1, .input_shape = {P}});
  const at::Tensor x = tests::normal({2, P}, "x");
  const InfiniteKernel kernel(shape);
  const auto patch = [&](std::int64_t i, std::int64_t p) {
    return at::stack({x[i][(p + P - 1) % P], x[i][p], x[i][(p + 1) % P]});
  };
  const auto gram = [&](std::int64_t i, std::int64_t j) {
    double sum = 0;
    for (std::int64_t p = 0; p < P; ++p) {
      const double norms = (patch(i, p).norm() * patch(j, p).norm()).item<double>();
      const double cosine = at::dot(patch(i, p), patch(j, p)).item<double>() / norms;
      sum += norms / 3 * k1(std::fmin(1, cosine));
    }
    return sum;
  };
  const at::Tensor theta = kernel(x);
  const double cosine = gram(0, 1) / std::sqrt(gram(0, 0) * gram(1, 1));
  EXPECT_NEAR(
      theta[0][1].item<double>(), static_cast<double>(P) * k0(cosine) / 2 * gram(0, 1), 1e-12);
  EXPECT_NEAR(theta[1][1].item<double>(), static_cast<double>(P) / 2 * gram(1, 1), 1e-12);
}

TEST(InfiniteKernel, PartsOfANetworkAddUp) {
  at::Tensor x = tests::normal({4, 6}, "x");
  for (const char* network : {"fc", "resnet"}) {
    auto shape =
        net::make_architecture(network, {.input_size = 6, .width = 16, .depth = 3, .tau = "0.5"});
    net::select_trained(shape, "A,W.1,W.2,W.3");
    const InfiniteOptions few{.particles = 4096};
    const at::Tensor whole = InfiniteKernel(shape, few)(x);
    at::Tensor sum = at::zeros_like(whole);
    for (const char* block : {"A", "W.1", "W.2", "W.3"}) {
      net::select_trained(shape, block);
      sum += InfiniteKernel(shape, few)(x);
    }
    EXPECT_LT(tests::relative_difference(sum, whole), 1e-12) << network;
  }
}

TEST(InfiniteKernel, TwoDataSetsAreOneCutInTwo) {
  const at::Tensor x = tests::normal({9, 6}, "x");
  for (const char* network : {"fc", "resnet", "cnn"}) {
    const auto shape = net::make_architecture(
        network, {.input_size = 6, .width = 16, .depth = 2, .input_shape = {6}, .tau = "0.5"});
    const InfiniteKernel kernel(shape, {.particles = 4096});
    const at::Tensor whole = kernel(x);
    EXPECT_LT(tests::relative_difference(kernel(x.narrow(0, 0, 5), x.narrow(0, 5, 4)),
                                         whole.narrow(0, 0, 5).narrow(1, 5, 4)),
              1e-12)
        << network;
    EXPECT_GT(linalg::symmetric_eigenvalues(whole)[0].item<double>(), 0) << network;
  }
}

TEST(InfiniteKernel, MemoryStaysWithinThePlan) {
  // Convolutions keep the norms of every cell, which are more than the inputs and the kernel here.
  const auto shape = net::make_architecture(
      "cnn", {.input_size = 100, .width = 8, .depth = 4, .input_shape = {100}});
  const at::Tensor x = tests::normal({70, 100}, "x");
  const at::Tensor others = tests::normal({30, 100}, "others");
  for (const auto type : {at::kDouble, at::kFloat}) {
    const InfiniteKernel kernel(shape, {.type = type});
    const tests::AllocationCounter counter;
    (void)kernel(x, others);
    EXPECT_LT(counter.peak_bytes(), static_cast<std::int64_t>(kernel.plan(70, 30).total()));
    EXPECT_LT(kernel.plan(70, 30, false).total(), kernel.plan(70, 30).total());
  }
  tests::expect_error(ErrorKind::capacity, {"infinite kernel", "norms of cells"}, [&] {
    (void)InfiniteKernel(shape, {.memory_limit = 1 << 17})(x);
  });
}

TEST(InfiniteKernel, TheConjugateKernelIsTheCovarianceAtTheStart) {
  at::Tensor x = tests::normal({2, 5}, "x");
  x /= x.norm(2, 1, true);
  const auto shape =
      net::make_architecture("fc", {.input_size = 5, .num_outputs = 3, .width = 64, .depth = 2});
  const at::Tensor covariance = InfiniteKernel(shape, {.conjugate = true})(x);
  const double rho = at::dot(x[0], x[1]).item<double>();
  EXPECT_NEAR(covariance[0][0].item<double>(), 1.0 / 3, 1e-12);
  EXPECT_NEAR(covariance[0][1].item<double>(), k1(k1(k1(rho))) / 3, 1e-12);
}

TEST(InfiniteKernel, NetworksWithoutALimitAreRefused) {
  const auto refuse = [](const std::string& name, const std::string& reason) {
    const auto shape =
        net::make_architecture(name, {.input_size = 6, .num_outputs = 2, .width = 16, .depth = 3});
    tests::expect_error(ErrorKind::usage, {name, reason}, [&] { InfiniteKernel kernel(shape); });
  };
  refuse("rnn", "more than once");
  refuse("three-layer", "more than once");
  refuse("smooth-resnet", "skip");
}

TEST(InfiniteKernel, FiniteNetworksApproachItAsTheRootOfTheWidth) {
  // The relative distance of one draw times sqrt m was measured at 4.2 to 5.1 for L = 3.
  at::Tensor x = tests::normal({5, 10}, "x");
  x = x / x.norm(2, 1, true);
  constexpr std::int64_t kDepth = 3;
  const at::Tensor limit = infinite_kernel(x, kDepth);
  for (const std::int64_t width : {256, 1024}) {
    const auto shape = net::make_architecture(
        "fc", {.input_size = 10, .num_outputs = 1, .width = width, .depth = kDepth});
    constexpr int kSeeds = 8;
    double squared = 0;
    at::Tensor mean = at::zeros_like(limit);
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      const net::Network network(shape, seed, at::kDouble);
      const at::Tensor kernel = tangent_kernel(network, x) * (2.0 / static_cast<double>(width));
      const double difference = tests::relative_difference(kernel, limit);
      squared += difference * difference;
      mean += kernel / kSeeds;
    }
    const double scaled = std::sqrt(squared / kSeeds * static_cast<double>(width));
    EXPECT_GT(scaled, 2.5) << width;
    EXPECT_LT(scaled, 8) << width;
    // The mean of eight draws: a third of one draw's deviation, three times over.
    EXPECT_LT(tests::relative_difference(mean, limit),
              3 * 5 / std::sqrt(8.0 * static_cast<double>(width)));
  }
}

}  // namespace
}  // namespace overparam::kernel
