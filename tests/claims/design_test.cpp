// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>

#include "overparam/claims/claim.hpp"
#include "support/files.hpp"

namespace overparam::claims {
namespace {

using tests::expect_error;

TEST(Design, PointsAreTheProductOfAxesAndSeeds) {
  const Design design{.name = "grid",
                      .fixed = {{"L", 2}},
                      .axes = {{"m", {64, 128}}, {"delta", {0.1, 0.2, 0.4}}},
                      .seeds = 4};
  const auto points = points_of(design, 10);
  ASSERT_EQ(points.size(), 2u * 3 * 4);
  std::set<std::string> names;
  for (const auto& point : points) {
    EXPECT_EQ(point.design, "grid");
    EXPECT_EQ(point.integer("L"), 2);
    EXPECT_GE(point.seed(), 10u);
    EXPECT_LT(point.seed(), 14u);
    names.insert(point.describe());
  }
  EXPECT_EQ(names.size(), points.size());
  EXPECT_EQ(points.front().describe(), "L=2 delta=0.1 m=64 seed=10");
}

TEST(Design, WithoutAxesThereIsOnePointASeed) {
  EXPECT_EQ(points_of({.name = "one"}).size(), 1u);
  EXPECT_EQ(points_of({.name = "three", .seeds = 3}).size(), 3u);
  EXPECT_TRUE(points_of({.name = "none", .axes = {{"m", {}}}}).empty());
}

TEST(Design, NamesTellPointsApartThatDifferInTheLastBit) {
  const Point one{.design = "d", .settings = {{"delta", 0.1}}};
  const Point other{.design = "d", .settings = {{"delta", 0.1 + 1e-17 * 2}}};
  EXPECT_NE(one.describe(), other.describe());
}

TEST(Design, AMissingSettingIsOurOwnFault) {
  const Point point{.design = "d", .settings = {{"m", 64}}};
  EXPECT_EQ(point.get("n", 7), 7);
  EXPECT_EQ(point.get("m", 7), 64);
  expect_error(ErrorKind::internal, {"d:", "\"n\""}, [&] { static_cast<void>(point.at("n")); });
  const Row row{.design = "d"};
  expect_error(ErrorKind::internal, {"\"y\""}, [&] { static_cast<void>(row.at("y")); });
}

TEST(Design, ScalesAreRead) {
  for (const Scale scale : {Scale::quick, Scale::standard, Scale::full}) {
    EXPECT_EQ(parse_scale(to_string(scale)), scale);
  }
  expect_error(ErrorKind::usage,
               {"scale \"standart\"", "did you mean \"standard\"", "quick, standard, full"},
               [] { parse_scale("standart"); });
}

}  // namespace
}  // namespace overparam::claims
