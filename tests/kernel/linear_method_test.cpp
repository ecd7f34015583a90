// SPDX-License-Identifier: Apache-2.0
#include "overparam/kernel/linear_method.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/files.hpp"
#include "support/tolerance.hpp"

namespace overparam::kernel {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// rho_t and phi_t by the recursion itself: phi is what the weights have moved, per residual.
struct Recursion {
  double rho = 1;
  double phi = 0;

  Recursion(const LinearMethod& method, double eigenvalue, int steps) {
    long double velocity = 0;
    long double moved = 0;
    for (int t = 0; t < steps; ++t) {
      velocity = method.momentum * velocity + (1 - eigenvalue * moved);
      moved += method.step_size * velocity;
    }
    phi = static_cast<double>(moved);
    rho = static_cast<double>(1 - eigenvalue * moved);
  }
};

struct Case {
  double step_size;
  double momentum;
  double eigenvalue;
};

class Modes : public testing::TestWithParam<Case> {};

// Plain steps: slow, fast, one step, signed. Momentum: two positive roots, nearly and exactly equal
// ones, complex ones on either side, two negative ones; eigenvalues from rounding.
INSTANTIATE_TEST_SUITE_P(Linear,
                         Modes,
                         testing::Values(Case{0.1, 0, 1e-6},
                                         Case{0.1, 0, 3},
                                         Case{0.1, 0, 10},
                                         Case{0.1, 0, 17},
                                         Case{0.1, 0, -1e-15},
                                         Case{0.1, 0, 0},
                                         Case{0.1, 0.9, 0},
                                         Case{0.1, 0.9, 1e-9},
                                         Case{0.1, 0.9, -1e-15},
                                         Case{0.1, 0.9, 0.02},
                                         Case{1, 0.25, 0.25},
                                         Case{1, 0.25, 0.25 - 1e-9},
                                         Case{1, 0.25, 0.25 + 1e-9},
                                         Case{0.1, 0.9, 1},
                                         Case{0.1, 0.9, 19},
                                         Case{0.1, 0.9, 30},
                                         Case{0.1, 0.5, 28},
                                         Case{1, 0.25, 2.25},
                                         Case{1, 0.25, 2.25 - 1e-9},
                                         Case{1, 0.25, 2.25 + 1e-9},
                                         Case{1, 0.25, 2.4}));

TEST_P(Modes, EqualTheirRecursion) {
  const auto [step_size, momentum, eigenvalue] = GetParam();
  const auto method = LinearMethod::descent(step_size, momentum);
  for (const int t : {0, 1, 2, 3, 10, 57, 300}) {
    const Recursion expected(method, eigenvalue, t);
    // Roots that meet lose digits to their distance: sizes are compared, not each zero crossing.
    const double scale = std::max(1.0, std::abs(expected.rho));
    EXPECT_NEAR(residual_factor(method, eigenvalue, t), expected.rho, tests::kRounding * scale)
        << "t = " << t;
    EXPECT_NEAR(response_factor(method, eigenvalue, t),
                expected.phi,
                tests::kRounding * std::max(std::abs(expected.phi), step_size))
        << "t = " << t;
  }
}

TEST(LinearMethod, ResponseKeepsItsDigitsNearZero) {
  // (1 - (1 - eta lambda)^t) / lambda as written gives 0 here.
  const auto plain = LinearMethod::descent(0.1);
  EXPECT_NEAR(response_factor(plain, 1e-18, 3000) / 300, 1, tests::kRounding);
  EXPECT_DOUBLE_EQ(response_factor(plain, 0, 3000), 300);
  EXPECT_NEAR(response_factor(LinearMethod::flow(), 1e-18, 300) / 300, 1, tests::kRounding);
  EXPECT_EQ(response_factor(LinearMethod::flow(), 0, 300), 300);
  const auto heavy = LinearMethod::descent(0.1, 0.9);
  EXPECT_NEAR(
      response_factor(heavy, 1e-18, 3000) / response_factor(heavy, 0, 3000), 1, tests::kRounding);
}

TEST(LinearMethod, PowersKeepTheirSignAndGrow) {
  const auto plain = LinearMethod::descent(1);
  EXPECT_DOUBLE_EQ(residual_factor(plain, 1.5, 3), -0.125);
  EXPECT_DOUBLE_EQ(residual_factor(plain, 1.5, 4), 0.0625);
  EXPECT_DOUBLE_EQ(residual_factor(plain, 3, 3), -8);
  EXPECT_EQ(residual_factor(plain, 1, 5), 0);
}

TEST(LinearMethod, FlowIsTheLimitOfSmallSteps) {
  constexpr double kTime = 2;
  const auto error = [](double eigenvalue, double steps) {
    return std::abs(response_factor(LinearMethod::descent(kTime / steps), eigenvalue, steps) -
                    response_factor(LinearMethod::flow(), eigenvalue, kTime));
  };
  for (const double eigenvalue : {0.3, 4.0}) {
    EXPECT_LT(error(eigenvalue, 1e6), 1e-5);
    EXPECT_NEAR(error(eigenvalue, 1e4) / error(eigenvalue, 1e5), 10, 0.1);
  }
  EXPECT_LT(error(0, 100), tests::kRounding);
}

TEST(LinearMethod, LimitsAreReachedOnlyBelowTheLargestStep) {
  for (const double momentum : {0.0, 0.5, 0.9}) {
    constexpr double kEigenvalue = 3;
    const double edge = largest_stable_step(kEigenvalue, momentum);
    const auto stable = LinearMethod::descent(0.99 * edge, momentum);
    const auto unstable = LinearMethod::descent(1.01 * edge, momentum);
    EXPECT_EQ(residual_factor(stable, kEigenvalue, kInfinity), 0);
    EXPECT_LT(std::abs(residual_factor(stable, kEigenvalue, 20000)), 1e-6);
    EXPECT_DOUBLE_EQ(response_factor(stable, kEigenvalue, kInfinity), 1 / kEigenvalue);
    EXPECT_EQ(residual_factor(unstable, kEigenvalue, kInfinity), kInfinity);
    EXPECT_GT(std::abs(residual_factor(unstable, kEigenvalue, 20000)), 1e6);
    EXPECT_EQ(residual_factor(stable, 0, kInfinity), 1);
  }
}

TEST(LinearMethod, BadSettingsAreNamed) {
  tests::expect_error(ErrorKind::usage, {"step size", "-1"}, [] { LinearMethod::descent(-1); });
  tests::expect_error(ErrorKind::usage, {"momentum", "1"}, [] { LinearMethod::descent(1, 1); });
}

}  // namespace
}  // namespace overparam::kernel
