// SPDX-License-Identifier: Apache-2.0
#include "overparam/kernel/infinite.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/net/catalogue.hpp"
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
