// SPDX-License-Identifier: Apache-2.0
#include "overparam/curvature/plane.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "curvature/problems.hpp"
#include "support/files.hpp"

namespace overparam::curvature {
namespace {

using tests::normal;
using tests::Quadratic;

struct Setting {
  Quadratic objective{at::diag(at::linspace(1, 4, 6, at::kDouble)), normal({6}, "weights")};
  Plane plane{.centre = normal({6}, "centre"),
              .x_axis = normal({6}, "a"),
              .y_axis = normal({6}, "b"),
              .x = spread_evenly(-1, 1, 5),
              .y = spread_evenly(-2, 3, 4)};
};

TEST(Planes, CellsAreTheObjectiveAtTheirPoints) {
  const Setting setting;
  const auto values = evaluate_plane(setting.objective, setting.plane);
  ASSERT_EQ(values.objective.sizes(), at::IntArrayRef({4, 5}));
  for (std::int64_t i = 0; i < 4; ++i) {
    for (std::int64_t j = 0; j < 5; ++j) {
      const at::Tensor point = setting.plane.centre +
                               setting.plane.x[static_cast<std::size_t>(j)] * setting.plane.x_axis +
                               setting.plane.y[static_cast<std::size_t>(i)] * setting.plane.y_axis;
      EXPECT_NEAR(values.objective[i][j].item<double>(),
                  setting.objective.value(point).objective,
                  1e-12);
    }
  }
}

TEST(Planes, OnlyMissingCellsAreEvaluated) {
  const Setting setting;
  std::set<std::int64_t> done{0, 7, 19};
  std::set<std::int64_t> kept;
  const auto result = evaluate_cells(
      setting.objective,
      setting.plane,
      {.is_done = [&](std::int64_t cell) { return done.contains(cell); },
       .keep = [&](std::int64_t cell, const Value&) { kept.insert(cell); }});
  EXPECT_TRUE(result.complete);
  EXPECT_EQ(result.evaluated, 17);
  EXPECT_EQ(kept.size(), 17);
  for (const auto cell : done) EXPECT_FALSE(kept.contains(cell));
}

TEST(Planes, ALineHasOneAxis) {
  Setting setting;
  setting.plane.y_axis = at::Tensor();
  setting.plane.y = {0};
  const auto values = evaluate_plane(setting.objective, setting.plane);
  EXPECT_EQ(values.objective.sizes(), at::IntArrayRef({1, 5}));
  EXPECT_NEAR(values.objective[0][2].item<double>(),
              setting.objective.value(setting.plane.centre).objective,
              1e-12);
}

TEST(Planes, WhatIsNotFiniteStaysSo) {
  Setting setting;
  setting.plane.x = {-1e300, -1, 0, 1, 1e300};
  const auto values = evaluate_plane(setting.objective, setting.plane);
  EXPECT_FALSE(values.objective[0][0].isfinite().item<bool>());
  EXPECT_TRUE(values.objective[0][2].isfinite().item<bool>());
}

TEST(Planes, WrongOnesAreNamed) {
  const auto refused = [](std::initializer_list<std::string_view> parts, const auto& change) {
    Setting setting;
    change(setting.plane);
    tests::expect_error(ErrorKind::usage, parts, [&] { evaluate_plane(setting.objective, setting.plane); });
  };
  refused({"first axis", "length 0"}, [](Plane& plane) { plane.x_axis.zero_(); });
  refused({"second axis", "5 numbers", "6 weights"}, [](Plane& plane) { plane.y_axis = at::ones({5}, at::kDouble); });
  refused({"centre", "7 numbers"}, [](Plane& plane) { plane.centre = at::ones({7}, at::kDouble); });
  refused({"two points", "1 x 4"}, [](Plane& plane) { plane.x = {0}; });
  refused({"x coordinates", "ascend"}, [](Plane& plane) { plane.x = {0, 0, 1}; });
  refused({"y coordinates", "finite"}, [](Plane& plane) { plane.y = {0, INFINITY}; });
}

TEST(Planes, ProjectionIsByLeastSquares) {
  const Setting setting;
  const auto& plane = setting.plane;
  at::Tensor beside = normal({6}, "beside");
  const at::Tensor basis = std::get<0>(at::linalg_qr(at::stack({plane.x_axis, plane.y_axis}, 1)));
  beside -= at::mv(basis, at::mv(basis.t(), beside));
  const auto found = project(plane, plane.centre + 0.3 * plane.x_axis - 1.7 * plane.y_axis + beside);
  EXPECT_NEAR(found.x, 0.3, 1e-9);
  EXPECT_NEAR(found.y, -1.7, 1e-9);
  EXPECT_NEAR(found.residual, beside.norm().item<double>(), 1e-9);
}

TEST(Lines, TrajectoriesHaveAlphaAndBeta) {
  const at::Tensor start = normal({20}, "start");
  at::Tensor along = normal({20}, "along");
  at::Tensor beside = normal({20}, "beside");
  beside -= at::dot(beside, along) / at::dot(along, along) * along;
  const auto found = along_line({start, start + 0.25 * along + 2 * beside, start + along});
  const double length = along.norm().item<double>();
  EXPECT_NEAR(found.length, length, 1e-9);
  EXPECT_NEAR(found.alpha[1], 0.25 * length, 1e-9);
  EXPECT_NEAR(found.beta[1], 2 * beside.norm().item<double>(), 1e-9);
  EXPECT_NEAR(found.beta[2], 0, 1e-9);
  tests::expect_error(ErrorKind::data, {"ends where it began"}, [&] { along_line({start, start}); });
}

TEST(QuadraticFit, IsOneOnAQuadraticAndLessOnAKink) {
  const Setting setting;
  const auto all = [](double, double) { return true; };
  const auto values = evaluate_plane(setting.objective, setting.plane);
  EXPECT_NEAR(quadratic_fit(setting.plane, values.objective, all), 1, 1e-9);
  const at::Tensor x = at::tensor(setting.plane.x, at::kDouble);
  const at::Tensor kink = x.abs().unsqueeze(0).expand({4, 5}).contiguous();
  EXPECT_LT(quadratic_fit(setting.plane, kink, all), 0.97);
  EXPECT_TRUE(std::isnan(quadratic_fit(setting.plane, at::ones({4, 5}, at::kDouble), all)));
  EXPECT_TRUE(std::isnan(
      quadratic_fit(setting.plane, values.objective, [](double, double y) { return y < 0; })) == false);
}

}  // namespace
}  // namespace overparam::curvature
