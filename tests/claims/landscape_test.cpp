// SPDX-License-Identifier: Apache-2.0
// What Figure 1's criteria say where the answer is known: towards a saddle, along a random
// direction, and far out.
#include "support/landscape.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

namespace overparam::claims {
namespace {

Row only_row(const Values& settings) {
  Values all = settings;
  all["snapshots"] = 1;
  const auto points = points_of(small_paper_design(all));
  const auto rows = landscape_rows(points.at(0));
  EXPECT_EQ(rows.size(), 1u);
  return rows.at(0);
}

TEST(Landscape, TowardsASaddleTheGradientVanishesAndCurvatureStays) {
  // Two trained layers: at factor t the gradient goes with t and curvature to a constant, so that
  // the second-order term outgrows the first-order one as 1/t.
  const Row near = only_row({{"shrunk", 1e-2}});
  const Row nearer = only_row({{"shrunk", 1e-3}});
  EXPECT_NEAR(std::sqrt(near.at("gradient") / nearer.at("gradient")), 10, 0.5);
  EXPECT_LT(near.at("curvature"), 0);
  EXPECT_NEAR(near.at("curvature") / nearer.at("curvature"), 1, 0.1);
  EXPECT_NEAR(near.at("f") / nearer.at("f"), 1, 0.01);
  EXPECT_GT(nearer.at("share"), 0.1);
}

TEST(Landscape, ARandomDirectionOfTheGradientsLengthLeadsNowhere) {
  EXPECT_GT(only_row({}).at("drop"), 0.01);
  EXPECT_LT(only_row({{"random", 1}}).at("drop"), 0.01);
}

TEST(Landscape, FarOutTheSurfaceIsNoQuadratic) {
  EXPECT_GT(only_row({}).at("quadratic"), 0.9);
  EXPECT_LT(only_row({{"reach", 50}}).at("quadratic"), 0.9);
}

TEST(Landscape, APointIsMeasuredOnceHoweverManyAsk) {
  const Point point = points_of(small_paper_design({{"snapshots", 1}}), 7).at(0);
  std::vector<Row> here;
  std::vector<Row> there;
  std::thread other([&] { there = landscape_rows(point); });
  here = landscape_rows(point);
  other.join();
  ASSERT_EQ(here.size(), 1u);
  EXPECT_EQ(here[0].values, there.at(0).values);
}

}  // namespace
}  // namespace overparam::claims
