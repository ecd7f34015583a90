// SPDX-License-Identifier: Apache-2.0
// What the recipe goodfellow2015 is made of, on a network of images small enough for a test.
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <cmath>
#include <filesystem>

#include "measuring.hpp"
#include "overparam/study/recipe.hpp"
#include "overparam/study/vision_run.hpp"
#include "recipes/support/lines.hpp"
#include "recipes/support/vision_path.hpp"
#include "support/files.hpp"

namespace overparam::study {
namespace {

using claims::Row;
using tests::TemporaryFolder;

/// Forty digits of 7 x 7 and three epochs; eleven points between start and end.
VisionPathArm small_arm() {
  return {.network = "resnet8",
          .samples = 40,
          .epochs = 3,
          .batch = 20,
          .images = 30,
          .intervals = 10,
          .settings = {{"data.image_size", "7"}, {"network.width", "2"}}};
}

TEST(VisionPath, IsMeasuredFromStartToEnd) {
  const TemporaryFolder folder;
  const ReproduceOptions options{.threads = 1, .folder = folder.path()};
  const auto arm = small_arm();
  ASSERT_TRUE(train_vision_path(arm, options, {}));
  const auto result = measure_all(
      plan_vision_path(arm, options), {.folder = folder.path(), .threads = 1}, "line", {});
  const auto rows = rows_of(result.measured, vision_path_owner(arm, options));

  const auto trajectories = trajectories_of(rows);
  ASSERT_EQ(trajectories.size(), 1u);
  const auto& trajectory = trajectories.begin()->second;
  EXPECT_EQ(trajectory.epoch, (std::vector<double>{0, 1, 2, 3}));
  EXPECT_NEAR(trajectory.alpha.front(), 0, 1e-9);
  EXPECT_NEAR(trajectory.alpha.back(), 1, 1e-9);
  EXPECT_NEAR(trajectory.beta.back(), 0, 1e-6);
  EXPECT_GT(largest_residual(trajectories), 0);

  const auto own = lines_of("resnet8", kReestimated, rows);
  const auto frozen = lines_of("resnet8", kFrozen, rows);
  const auto fresh = lines_of("resnet8", kFresh, rows);
  for (const auto* lines : {&own, &frozen, &fresh}) {
    ASSERT_EQ(lines->curves.size(), 1u);
    EXPECT_EQ(lines->curves[0].shares.size(), 15u);
    EXPECT_TRUE(std::isfinite(lines->shapes[0].rise)) << lines->name;
  }
  // The line begins and ends where training did; both lines of one mode end alike.
  EXPECT_NEAR(own.shapes[0].start, trajectory.f.front(), 1e-5);
  EXPECT_NEAR(own.shapes[0].end, trajectory.f.back(), 1e-5);
  EXPECT_NEAR(own.shapes[0].end, fresh.shapes[0].end, 1e-5);
  EXPECT_GT(std::abs(own.shapes[0].start - fresh.shapes[0].start), 1e-5);
  EXPECT_GT(std::abs(own.shapes[0].start - frozen.shapes[0].start), 1e-5);
  EXPECT_EQ(shapes_table({&own, &frozen, &fresh}).rows.size(), 3u);
  EXPECT_EQ(points_table({&own, &frozen}).rows.size(), 30u);

  // What is there stays: neither the run nor a point is made again.
  ASSERT_TRUE(train_vision_path(arm, options, {}));
  const auto again = measure_all(
      plan_vision_path(arm, options), {.folder = folder.path(), .threads = 1}, "line", {});
  EXPECT_EQ(again.now, 0);
}

TEST(VisionPath, AnotherSeedIsAnotherRun) {
  const TemporaryFolder folder;
  auto arm = small_arm();
  arm.epochs = 1;
  for (const std::uint64_t seed : {0, 1}) {
    ASSERT_TRUE(train_vision_path(arm, {.seed = seed, .threads = 1, .folder = folder.path()}, {}));
  }
  int runs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    runs += is_vision_run(entry.path()) ? 1 : 0;
  }
  EXPECT_EQ(runs, 2);
}

TEST(VisionPath, ADivergedRunIsRefusedEveryTime) {
  const TemporaryFolder folder;
  const ReproduceOptions options{.threads = 1, .folder = folder.path()};
  auto arm = small_arm();
  arm.settings["train.step"] = "1e30";
  for (const char* when : {"trained now", "trained before"}) {
    SCOPED_TRACE(when);
    tests::expect_error(ErrorKind::numeric, {"resnet8", "diverged"}, [&] {
      (void)train_vision_path(arm, options, {});
    });
  }
}

TEST(VisionPath, MissingSnapshotsAreNamed) {
  const TemporaryFolder folder;
  const ReproduceOptions options{.threads = 1, .folder = folder.path()};
  const auto plan = plan_vision_path(small_arm(), options);
  tests::expect_error(ErrorKind::data, {"resnet8"}, [&] { plan.front().run(); });
}

TEST(LineRows, BecomeCurvesBySeed) {
  std::vector<Row> rows;
  for (const double seed : {0.0, 1.0}) {
    for (const double a : {0.0, 0.5, 1.0}) {
      const double f = (1 - a) * (1 + seed);
      rows.push_back(
          {.design = "line",
           .family = "own",
           .values = {{"seed", seed}, {"a", a}, {"f", f}, {"accuracy", a}, {"test_f", f + 1}}});
    }
  }
  const auto lines = lines_of("net", "own", rows);
  EXPECT_EQ(lines.each(&curvature::LineShape::start), (std::vector<double>{1, 2}));
  EXPECT_EQ(objective_series("f", lines).y, (std::vector<double>{1.5, 0.75, 0}));
  const auto held_out = held_out_series("test", lines);
  EXPECT_EQ(held_out.y, (std::vector<double>{2.5, 1.75, 1}));
  EXPECT_TRUE(held_out.dashed);
  EXPECT_TRUE(lines_of("net", "another", rows).curves.empty());
}

}  // namespace
}  // namespace overparam::study
