// SPDX-License-Identifier: Apache-2.0
#include "overparam/curvature/path.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "curvature/problems.hpp"
#include "overparam/curvature/network_objective.hpp"
#include "overparam/net/catalogue.hpp"
#include "support/files.hpp"

namespace overparam::curvature {
namespace {

using tests::expect_error;
using tests::normal;
using tests::Quadratic;

constexpr double kRounding = 1e-9;

/// f as a function of the share.
LineCurve curve_of(const std::function<double(double)>& f, int intervals = 50) {
  LineCurve curve{.shares = line_shares(intervals)};
  for (const double a : curve.shares) curve.objective.push_back(f(a));
  return curve;
}

TEST(LineShares, HoldTheEndsExactly) {
  const auto shares = line_shares(50);
  ASSERT_EQ(shares.size(), 71u);
  EXPECT_EQ(shares.front(), -0.2);
  EXPECT_EQ(shares[10], 0);
  EXPECT_EQ(shares[60], 1);
  EXPECT_EQ(shares.back(), 1.2);
  expect_error(ErrorKind::usage, {"multiple of 5", "found 12"}, [] { line_shares(12); });
  expect_error(ErrorKind::usage, {"multiple of 5", "found 0"}, [] { line_shares(0); });
}

TEST(Lines, AQuadraticStaysOne) {
  const at::Tensor hessian = at::diag(at::linspace(-1, 4, 6, at::kDouble));
  const Quadratic objective(hessian, normal({6}, "weights"));
  const at::Tensor from = normal({6}, "from"), to = normal({6}, "to");
  const auto curve = evaluate_line(objective, from, to, line_shares());
  const at::Tensor d = to - from;
  const double second = at::dot(d, at::mv(hessian, d)).item<double>();
  const double first = at::dot(d, at::mv(hessian, from)).item<double>();
  for (std::size_t i = 0; i < curve.shares.size(); ++i) {
    const double a = curve.shares[i];
    EXPECT_NEAR(curve.objective[i],
                objective.value(from).objective + a * first + a * a * second / 2,
                kRounding);
  }
  const auto shape = line_shape(curve);
  EXPECT_NEAR(shape.least_curvature, second, 1e-6);
  EXPECT_NEAR(shape.largest_curvature, second, 1e-6);
  EXPECT_NEAR(shape.start, objective.value(from).objective, kRounding);
  EXPECT_NEAR(shape.end, objective.value(to).objective, kRounding);
}

TEST(Lines, ANetworksEndsAreItsOwn) {
  const auto shape = net::make_architecture("fc", {.input_size = 4, .width = 6, .depth = 1});
  const auto options = at::TensorOptions(at::kDouble);
  const net::Network first(shape, 1, options), last(shape, 2, options);
  const auto objective =
      network_objective(first,
                        {.inputs = normal({5, 4}, "x"), .targets = normal({5, 1}, "y")},
                        net::find_loss("squared"));
  EXPECT_TRUE(at::equal(objective->weights(), trained_weights(first)));
  const auto curve =
      evaluate_line(*objective, trained_weights(first), trained_weights(last), {0, 0.5, 1});
  EXPECT_EQ(curve.objective.front(), objective->value(trained_weights(first)).objective);
  EXPECT_NEAR(curve.objective.back(), objective->value(trained_weights(last)).objective, kRounding);
  EXPECT_TRUE(std::isnan(curve.accuracy.front()));
}

TEST(Lines, WrongEndsAreNamed) {
  const at::Tensor point = normal({6}, "point");
  const auto between = [](const at::Tensor& from, const at::Tensor& to) {
    line_between(from, to, line_shares());
  };
  expect_error(
      ErrorKind::usage, {"6 and 5 weights"}, [&] { between(point, normal({5}, "other")); });
  expect_error(ErrorKind::data, {"ends where it began"}, [&] { between(point, point); });
  expect_error(ErrorKind::data, {"not finite"}, [&] { between(point, point + INFINITY); });
}

TEST(LineShapes, AFallingConvexCurveHasNothingToShow) {
  const auto shape = line_shape(curve_of([](double a) { return (1 - a) * (1 - a); }));
  EXPECT_EQ(shape.rise, 0);
  EXPECT_EQ(shape.rise_at, 0);
  EXPECT_EQ(shape.barrier, 0);
  EXPECT_NEAR(shape.dent, 0, kRounding);
  EXPECT_NEAR(shape.least_curvature, 2, kRounding);
  // (1 - a)^2 > 0.9 up to a = 1 - sqrt(0.9), and f is taken as linear between the shares.
  EXPECT_NEAR(shape.plateau_share, 1 - std::sqrt(0.9), 1e-3);
  EXPECT_NEAR(
      line_shape(curve_of([](double a) { return 1 - a; }), 0.25).plateau_share, 0.75, kRounding);
}

TEST(LineShapes, AConcaveCurveStandsAboveItsChord) {
  const auto shape = line_shape(curve_of([](double a) { return 1 - a * a; }));
  EXPECT_EQ(shape.rise, 0);
  EXPECT_NEAR(shape.dent, 0.25, kRounding);
  EXPECT_NEAR(shape.barrier, 0.25, kRounding);
  EXPECT_NEAR(shape.least_curvature, -2, kRounding);
  EXPECT_NEAR(shape.largest_curvature, -2, kRounding);
}

TEST(LineShapes, AHillIsABarrier) {
  const auto hill = [](double a) { return std::pow(std::sin(std::numbers::pi * a), 2); };
  const auto shape = line_shape(curve_of(hill));
  EXPECT_NEAR(shape.rise, 1, kRounding);
  EXPECT_NEAR(shape.rise_at, 0.5, kRounding);
  EXPECT_NEAR(shape.barrier, 1, kRounding);
  EXPECT_NEAR(shape.dent, 1, kRounding);
  // A rise after a fall counts from the bottom of the fall.
  const auto valley = line_shape(curve_of([&](double a) { return 3 - hill(a); }));
  EXPECT_NEAR(valley.rise, 1, kRounding);
  EXPECT_NEAR(valley.rise_at, 1, kRounding);
  EXPECT_EQ(valley.barrier, 0);
}

TEST(LineShapes, TheDentIsBelowTheCurveAlone) {
  // Convex, a bump between a = 0.4 and 0.6, convex again: its height over the chord below it.
  const auto bump = [](double a) {
    return std::abs(a - 0.5) < 0.1 ? 0.5 - 5 * std::abs(a - 0.5) : 0;
  };
  const auto shape = line_shape(curve_of([&](double a) { return (a - 2) * (a - 2) + bump(a); }));
  // On (a - 2)^2 a chord of width 0.2 lies 0.01 above the middle; the hull's corners move outwards
  // by less than that.
  EXPECT_NEAR(shape.dent, 0.5 - 0.01, 2e-3);
}

TEST(LineShapes, WhatIsBeyondTheEndsDoesNotCount) {
  const auto shape = line_shape(curve_of([](double a) { return a < 0 || a > 1 ? NAN : 1 - a; }));
  EXPECT_EQ(shape.rise, 0);
  EXPECT_NEAR(shape.dent, 0, kRounding);
  EXPECT_TRUE(std::isnan(line_shape(curve_of([](double a) { return 1 / (a - 0.5); })).rise));
}

TEST(LineShapes, WrongSharesAreNamed) {
  const auto refused = [](std::initializer_list<std::string_view> parts, const LineCurve& curve) {
    expect_error(ErrorKind::usage, parts, [&] { line_shape(curve); });
  };
  refused({"3 shares and 2 values"}, {.shares = {0, 0.5, 1}, .objective = {1, 0}});
  refused({"must ascend"}, {.shares = {0, 0.5, 0.5, 1}, .objective = {1, 1, 1, 0}});
  refused({"shares 0 and 1"}, {.shares = {0, 0.5, 0.9}, .objective = {1, 1, 0}});
  refused({"one between"}, {.shares = {0, 1}, .objective = {1, 0}});
}

TEST(AlongLine, AStraightTrajectoryStaysOnIt) {
  const at::Tensor from = normal({30}, "from"), d = normal({30}, "d");
  const double length = d.norm().item<double>();
  std::vector<at::Tensor> trajectory;
  for (const double a : {0.0, 0.1, 0.7, 1.3, 1.0}) trajectory.push_back(from + a * d);
  const auto found = along_line(trajectory);
  for (const double beta : found.beta) EXPECT_NEAR(beta, 0, kRounding);
  EXPECT_NEAR(found.alpha[3], 1.3 * length, kRounding);
}

TEST(AlongLine, ACircleIsACircle) {
  // Half a circle of radius 2 in a plane of R^30: alpha = 2 (1 - cos t), beta = 2 sin t.
  const at::Tensor basis = std::get<0>(at::linalg_qr(normal({30, 2}, "plane")));
  const at::Tensor centre = normal({30}, "centre");
  constexpr int kSteps = 24;
  std::vector<at::Tensor> trajectory;
  for (int i = 0; i <= kSteps; ++i) {
    const double t = std::numbers::pi * i / kSteps;
    trajectory.push_back(centre + 2 * std::cos(t) * basis.select(1, 0) +
                         2 * std::sin(t) * basis.select(1, 1));
  }
  const auto found = along_line(trajectory);
  EXPECT_NEAR(found.length, 4, kRounding);
  for (std::size_t i = 0; i < trajectory.size(); ++i) {
    const double t = std::numbers::pi * static_cast<double>(i) / kSteps;
    EXPECT_NEAR(found.alpha[i], 2 * (1 - std::cos(t)), kRounding);
    EXPECT_NEAR(found.beta[i], 2 * std::sin(t), 1e-7);
  }
}

}  // namespace
}  // namespace overparam::curvature
