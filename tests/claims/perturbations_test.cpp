// SPDX-License-Identifier: Apache-2.0
#include "support/perturbations.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "support/experiment.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::claims {
namespace {

using net::Network;
using tests::kRounding;

/// The Lanczos process behind the scaling stops once it is this near to the norm, from below.
constexpr double kSpectralNorm = 1e-4;
constexpr double kRandomNorm = 5e-3;

Point point_of(double m, double L, double seed = 0) {
  return {.design = "test",
          .settings = {{"n", 10}, {"m", m}, {"L", L}, {"d", 1}, {"dx", 20}, {"seed", seed}}};
}

/// A network of the paper with its data.
struct Setting {
  explicit Setting(const Point& point)
      : problem(sphere_problem(point, at::kDouble)),
        network(fc_network(point, problem)),
        workspace(network.options()) {}

  net::Parameters gradient() {
    const net::Tape tape = network.record(problem.inputs, workspace);
    return gradient_direction(network, tape, tape.outputs() - problem.targets, workspace);
  }

  Network adversary(double omega, double boost) {
    return flip_adversary(network, problem.inputs.narrow(0, 0, 1), omega, boost, workspace);
  }

  /// Signs of a sample's layer L that differ from the start.
  std::int64_t flips(const Network& moved, std::int64_t sample = 0) {
    const int last = network.architecture().num_layers() - 2;
    const at::Tensor x = problem.inputs.narrow(0, sample, 1);
    const at::Tensor before = network.record(x, workspace).features(last) > 0;
    const at::Tensor after = moved.record(x, workspace).features(last) > 0;
    return (before != after).sum().item<std::int64_t>();
  }

  std::int64_t worst_flips(double omega) {
    const double L = network.architecture().num_layers() - 2;
    std::int64_t most = 0;
    for (const double boost : {1.0, 0.5 * L, 0.7 * L, L}) {
      most = std::max(most, flips(adversary(omega, boost)));
    }
    return most;
  }

  train::Problem problem;
  Network network;
  net::Workspace workspace;
};

/// Singular values of W - W^(0) of one block, largest first.
std::vector<double> singular_values(const Network& moved, const Network& start, int block) {
  const at::Tensor difference = moved.parameters()[block] - start.parameters()[block];
  const at::Tensor values = at::linalg_svdvals(difference).contiguous();
  return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
}

class Radius : public testing::TestWithParam<double> {};

TEST_P(Radius, OfARandomDirectionIsThatOfEveryLayer) {
  const double omega = GetParam();
  const Setting setting(point_of(96, 3));
  const Network moved = perturbed(setting.network, random_direction(setting.network, 5), omega);
  for (int layer = 1; layer <= 3; ++layer) {
    EXPECT_NEAR(singular_values(moved, setting.network, layer).front() / omega, 1, kRandomNorm);
  }
}

TEST_P(Radius, OfAGradientDirectionIsThatOfTheLargestLayer) {
  const double omega = GetParam();
  Setting setting(point_of(96, 3));
  const Network moved = perturbed(setting.network, setting.gradient(), omega);
  double largest = 0;
  for (int layer = 1; layer <= 3; ++layer) {
    largest = std::max(largest, singular_values(moved, setting.network, layer).front());
  }
  EXPECT_NEAR(largest / omega, 1, kSpectralNorm);
}

TEST_P(Radius, OfAnAdversaryIsThatOfEveryLayerAndItsRankIsOne) {
  const double omega = GetParam();
  Setting setting(point_of(96, 3));
  const Network moved = setting.adversary(omega, 3);
  for (int layer = 1; layer <= 3; ++layer) {
    const auto values = singular_values(moved, setting.network, layer);
    // W' is the difference of two matrices of size 1.
    EXPECT_NEAR(values[0] / omega, 1, kRounding / omega);
    EXPECT_LE(values[1], kRounding);
  }
}

TEST_P(Radius, FrozenBlocksStay) {
  const double omega = GetParam();
  Setting setting(point_of(64, 2));
  const Network random = perturbed(setting.network, random_direction(setting.network, 5), omega);
  const Network gradient = perturbed(setting.network, setting.gradient(), omega);
  const Network adversary = setting.adversary(omega, 2);
  for (const Network* moved : {&random, &gradient, &adversary}) {
    for (const int frozen : {0, 3}) {
      EXPECT_TRUE(at::equal(moved->parameters()[frozen], setting.network.parameters()[frozen]));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Radius, testing::Values(1e-3, 1e-2, 0.1), [](const auto& tested) {
  return "omega_1_in_" + std::to_string(std::lround(1 / tested.param));
});

TEST(Perturbations, AreFunctionsOfTheSeed) {
  const Setting setting(point_of(64, 2));
  const auto one = random_direction(setting.network, 1);
  const auto same = random_direction(setting.network, 1);
  const auto other = random_direction(setting.network, 2);
  EXPECT_TRUE(at::equal(one[1], same[1]));
  EXPECT_TRUE(at::equal(one[2], same[2]));
  // Independent Gaussian matrices have a cosine of 1/64 in size; 0.1 is six standard deviations.
  const auto cosine = [](const at::Tensor& a, const at::Tensor& b) {
    return std::abs((a * b).sum().item<double>()) / (a.norm() * b.norm()).item<double>();
  };
  EXPECT_LT(cosine(one[1], other[1]), 0.1);
  EXPECT_LT(cosine(one[1], one[2]), 0.1);
  // The weights themselves are drawn from another stream of the same seed.
  const Setting seeded(point_of(64, 2, 1));
  EXPECT_LT(cosine(one[1], seeded.network.parameters()[1]), 0.1);
}

TEST(Perturbations, TheStartIsLeftAlone) {
  Setting setting(point_of(64, 2));
  const Network before = setting.network.clone();
  static_cast<void>(perturbed(setting.network, setting.gradient(), 0.1));
  static_cast<void>(setting.adversary(0.1, 1));
  for (int block = 0; block < 4; ++block) {
    EXPECT_TRUE(at::equal(before.parameters()[block], setting.network.parameters()[block]));
  }
}

TEST(Perturbations, TheGradientDirectionGoesDownhillAlongTheGradient) {
  Setting setting(point_of(64, 2));
  const auto direction = setting.gradient();
  const net::Tape tape = setting.network.record(setting.problem.inputs, setting.workspace);
  const at::Tensor residual = tape.outputs() - setting.problem.targets;
  auto gradient =
      net::Parameters::trained_zeros(setting.network.architecture(), setting.network.options());
  setting.network.add_gradient(tape, residual, 1, gradient, setting.workspace);
  EXPECT_NEAR(direction.dot(gradient) / (direction.norm() * gradient.norm()), -1, kRounding);

  const auto objective = [&](const Network& network) {
    const at::Tensor y = network.forward(setting.problem.inputs, setting.workspace);
    return (y - setting.problem.targets).pow(2).sum().item<double>() / 2;
  };
  EXPECT_LT(objective(perturbed(setting.network, direction, 1e-3)), objective(setting.network));
}

TEST(Perturbations, TheAdversaryIsTheWorstOfTheThree) {
  for (const double seed : {0, 1}) {
    Setting setting(point_of(256, 4, seed));
    const auto random = random_direction(setting.network, 7);
    const auto gradient = setting.gradient();
    for (const double omega : {2e-3, 1e-2, 5e-2}) {
      const auto worst = setting.worst_flips(omega);
      EXPECT_GT(worst, setting.flips(perturbed(setting.network, random, omega))) << omega;
      EXPECT_GT(worst, setting.flips(perturbed(setting.network, gradient, omega))) << omega;
    }
  }
}

TEST(Perturbations, OneLayersAdversaryReachesTheClosedForm) {
  // A budget |g'| = r flips the m (3 r^2 / pi)^(1/3) smallest of m pre-activations N(0, 2/m); the
  // adversary goes 2 % beyond zero. The mean of four networks fluctuates by 2 %: 10 % are five
  // standard errors.
  constexpr double m = 2048;
  for (const double omega : {0.01, 0.03}) {
    double mean = 0;
    for (const double seed : {0, 1, 2, 3}) {
      Setting setting(point_of(m, 1, seed));
      mean += static_cast<double>(setting.flips(setting.adversary(omega, 1))) / 4;
    }
    const double reached = omega / 1.02;
    EXPECT_NEAR(mean / (m * std::cbrt(3 * reached * reached / std::numbers::pi)), 1, 0.1) << omega;
  }
}

TEST(Perturbations, ARandomDirectionFlipsLikeTheArcTangent) {
  // The Gaussian W' of norm omega has entries N(0, omega^2 / (4m)), so g' / g has the ratio
  // omega / (2 sqrt 2) of standard deviations, and a sign changes with probability arctan of it
  // over pi. Of 3 * 10 * 1024 signs about 350 change: 25 % are five standard errors.
  constexpr double kOmega = 0.1;
  double flips = 0;
  for (const double seed : {0, 1, 2}) {
    Setting setting(point_of(1024, 1, seed));
    const Network moved = perturbed(setting.network, random_direction(setting.network, 9), kOmega);
    for (std::int64_t i = 0; i < 10; ++i) flips += static_cast<double>(setting.flips(moved, i));
  }
  const double expected =
      3 * 10 * 1024 * std::atan(kOmega / (2 * std::numbers::sqrt2)) / std::numbers::pi;
  EXPECT_NEAR(flips / expected, 1, 0.25);
}

}  // namespace
}  // namespace overparam::claims
