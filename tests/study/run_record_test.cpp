// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/run_record.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "overparam/base/files.hpp"
#include "support/files.hpp"

namespace overparam::study {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using tests::expect_error;
using tests::TemporaryFolder;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

RunRecord full_record() {
  RunRecord record{
      .name = "run",
      .created = "2019-06-10T00:00:00Z",
      .settings_toml = "[network]\nwidth = 64\n",
      .data_name = "digits",
      .data_source = "eight \"digits\"",
      .normalisation = "sphere",
      .closest_first = 2,
      .closest_second = 5,
      .num_duplicates = 1,
      .num_conflicting = 2,
      .stopped_by = "target_ratio",
      .reached_target = true,
      .train_accuracy = 0.875,
      .test_accuracy = 0.5,
      .seconds = 1.25,
      .num_parameters = 1234,
      .num_trained = 567,
      .peak_memory = 89,
      .predicted = {
          .ratio = 1e-3, .steps = 77, .uncertainty = 0.01, .step = {0, 10}, .objective = {2, 0.5}}};
  record.facts = {.n = 8,
                  .d = 10,
                  .m = 64,
                  .L = 2,
                  .input_size = 785,
                  .separation = 0.3,
                  .irreducible_objective = 0.25,
                  .method = "gd",
                  .loss = "squared",
                  .batch_size = 8,
                  .step_size = 0.1,
                  .lambda_max = 10,
                  .initial_objective = 5,
                  .final_objective = 0.1,
                  .steps = 70,
                  .initial = {.smallest_norm = {0.9, 0.8},
                              .largest_norm = {1.1, 1.2},
                              .smallest_separation = {0.3, 0.2},
                              .largest_backward = {2, 3},
                              .largest_product = 3.5,
                              .lambda_min = 0.5,
                              .num_samples = 8}};
  return record;
}

/// Writes a record as a run does, and reads it back.
RunRecord round_trip(const RunRecord& record) {
  const TemporaryFolder folder;
  base::write_file(folder / "run.json", to_json(record).dump(1) + '\n');
  std::string lines;
  for (const auto& point : record.facts.trajectory) lines += to_json(point).dump() + '\n';
  base::write_file(folder / "metrics.jsonl", lines);
  fs::create_directories(folder / "arrays");
  write_pictures(folder.path(), record.pictures);
  return read_run(folder.path());
}

TEST(RunRecord, EveryFieldIsReadBack) {
  const auto record = full_record();
  const auto copy = round_trip(record);
  EXPECT_EQ(to_json(copy), to_json(record));
  EXPECT_EQ(copy.settings_toml, record.settings_toml);
  EXPECT_EQ(copy.closest_second, 5);
  EXPECT_EQ(copy.predicted.steps, 77);
  EXPECT_EQ(copy.predicted.uncertainty, 0.01);
  EXPECT_EQ(copy.predicted.objective, record.predicted.objective);
  EXPECT_EQ(copy.facts.separation, 0.3);
  EXPECT_EQ(copy.facts.initial.largest_backward, record.facts.initial.largest_backward);
  EXPECT_EQ(copy.facts.initial.lambda_min, 0.5);
  EXPECT_EQ(copy.facts.initial.num_samples, 8);
  EXPECT_TRUE(copy.reached_target);
  EXPECT_EQ(copy.peak_memory, 89u);
}

TEST(RunRecord, WhatIsNoNumberStaysNone) {
  auto record = full_record();
  record.train_accuracy = record.test_accuracy = kNaN;
  record.facts.separation = kInfinity;
  record.facts.final_objective = kNaN;
  record.facts.initial.lambda_min = kNaN;
  record.facts.initial.smallest_separation = {kInfinity, kInfinity};
  record.facts.initial.largest_norm = {1, kNaN};
  record.facts.initial.largest_product = kInfinity;
  record.predicted.steps.reset();
  record.predicted.uncertainty = kNaN;
  record.predicted.objective = {2, kInfinity};
  const auto document = to_json(record);
  EXPECT_TRUE(document.at("train_accuracy").is_null());
  EXPECT_FALSE(document.contains("test_accuracy"));
  EXPECT_TRUE(document.at("predicted_steps").is_null());
  EXPECT_TRUE(document.at("separation").is_null());

  const auto copy = round_trip(record);
  for (const double number : {copy.train_accuracy,
                              copy.test_accuracy,
                              copy.facts.separation,
                              copy.facts.final_objective,
                              copy.facts.initial.lambda_min,
                              copy.facts.initial.largest_norm.at(1),
                              copy.facts.initial.largest_product,
                              copy.facts.initial.smallest_separation.at(1),
                              copy.predicted.uncertainty,
                              copy.predicted.objective.at(1)}) {
    EXPECT_FALSE(std::isfinite(number));
  }
  EXPECT_EQ(copy.facts.initial.largest_norm.at(0), 1);
  EXPECT_FALSE(copy.predicted.steps.has_value());
  EXPECT_EQ(to_json(copy).dump(), document.dump());
}

TEST(RunRecord, TheDocumentSaysWhatItIs) {
  const auto document = to_json(full_record());
  EXPECT_EQ(document.at("schema"), kSchema);
  EXPECT_EQ(document.at("kind"), "train");
  EXPECT_EQ(document.at("version"), version());
  EXPECT_EQ(document.at("objective"), 0.1);
  EXPECT_EQ(document.at("network").at("width"), 64);
  EXPECT_EQ(document.at("data").at("closest_pair"), (json{2, 5}));
  EXPECT_FALSE(document.at("certificate").empty());
  for (const auto& line : document.at("certificate")) {
    EXPECT_TRUE(line.at("kind") == "upper" || line.at("kind") == "lower");
    EXPECT_NEAR(line.at("constant").get<double>(),
                line.at("measured").get<double>() / line.at("bound").get<double>(),
                1e-12);
  }
}

TEST(RunRecord, KeepsTheMachineItWasMadeOn) {
  const auto here = environment_json();
  for (const char* name : {"overparam", "libtorch", "blas", "processor", "cores"}) {
    EXPECT_TRUE(here.contains(name)) << name;
  }
  auto record = full_record();
  record.environment = {{"processor", "another"}};
  EXPECT_EQ(to_json(record).at("environment"), record.environment);
}

TEST(TrajectoryPoint, IsReadBack) {
  const train::TrajectoryPoint full{.step = 12,
                                    .seconds = 0.5,
                                    .objective = 3,
                                    .accuracy = 0.75,
                                    .is_full = true,
                                    .squared_gradient = 7,
                                    .spectral_distance = {0.1, 0.2},
                                    .frobenius_distance = 0.3,
                                    .sign_changes = {0, 0.01}};
  const auto copy = point_from_json(to_json(full));
  EXPECT_EQ(to_json(copy), to_json(full));
  EXPECT_TRUE(copy.is_full);
  EXPECT_EQ(copy.radius(), 0.2);

  const train::TrajectoryPoint brief{.step = 13, .objective = 2, .accuracy = kNaN};
  const auto line = to_json(brief);
  EXPECT_FALSE(line.contains("frobenius_distance"));
  EXPECT_FALSE(point_from_json(line).is_full);
  EXPECT_TRUE(std::isnan(point_from_json(line).accuracy));
}

TEST(TrajectoryPoint, AWreckedRunIsReadBackToo) {
  const train::TrajectoryPoint wrecked{.step = 3,
                                       .objective = kNaN,
                                       .accuracy = kNaN,
                                       .is_full = true,
                                       .squared_gradient = kInfinity,
                                       .spectral_distance = {kNaN, 1},
                                       .frobenius_distance = kInfinity,
                                       .sign_changes = {0.5}};
  const auto copy = point_from_json(json::parse(to_json(wrecked).dump()));
  EXPECT_TRUE(copy.is_full);
  EXPECT_FALSE(std::isfinite(copy.squared_gradient));
  EXPECT_FALSE(std::isfinite(copy.frobenius_distance));
  ASSERT_EQ(copy.spectral_distance.size(), 2u);
  EXPECT_TRUE(std::isnan(copy.spectral_distance[0]));
  EXPECT_EQ(copy.spectral_distance[1], 1);
}

TEST(RunRecord, PicturesAreReadBack) {
  auto record = full_record();
  record.pictures = {.height = 2, .width = 3, .channels = 1};
  record.pictures.images = {{.pixels = {0, 0.25F, 0.5F, 0.75F, 1, 0}, .label = "7"},
                            {.pixels = {1, 1, 1, 0, 0, 0}, .label = "3"}};
  const auto copy = round_trip(record);
  ASSERT_EQ(copy.pictures.images.size(), 2u);
  EXPECT_EQ(copy.pictures.height, 2);
  EXPECT_EQ(copy.pictures.width, 3);
  EXPECT_EQ(copy.pictures.images[0].pixels, record.pictures.images[0].pixels);
  EXPECT_EQ(copy.pictures.images[1].label, "3");
}

/// A folder that holds a run with one picture, to be damaged.
class DamagedRun : public testing::Test {
 protected:
  void SetUp() override {
    auto record = full_record();
    record.pictures = {.height = 1, .width = 2, .channels = 1};
    record.pictures.images = {{.pixels = {0, 1}, .label = "7"}};
    document_ = to_json(record);
    fs::create_directories(folder_ / "arrays");
    write_pictures(folder_.path(), record.pictures);
    base::write_file(folder_ / "metrics.jsonl", to_json(train::TrajectoryPoint{}).dump() + '\n');
    store();
    static_cast<void>(read_run(folder_.path()));
  }

  void store() { base::write_file(folder_ / "run.json", document_.dump()); }

  void expect_damage(std::initializer_list<std::string_view> parts) {
    expect_error(ErrorKind::data, parts, [&] { read_run(folder_.path()); });
  }

  TemporaryFolder folder_;
  json document_;
};

TEST_F(DamagedRun, WithoutSummary) {
  fs::remove(folder_ / "run.json");
  expect_damage({"not a finished run", "run.json"});
}

TEST_F(DamagedRun, WithATornSummary) {
  tests::write_bytes(folder_ / "run.json", document_.dump().substr(0, 200));
  expect_damage({"run.json", "damaged"});
}

TEST_F(DamagedRun, OfAnotherKind) {
  document_["kind"] = "sweep";
  store();
  expect_damage({"run.json", "not a training run"});
  tests::write_bytes(folder_ / "run.json", "[1, 2]");
  expect_damage({"run.json"});
}

TEST_F(DamagedRun, WithoutAField) {
  document_["network"].erase("width");
  store();
  expect_damage({"run.json", "damaged", "width"});
}

TEST_F(DamagedRun, WithAFieldOfAnotherType) {
  document_["initial"]["largest_norm"] = "high";
  store();
  expect_damage({"run.json", "damaged"});
}

TEST_F(DamagedRun, WithoutMetrics) {
  fs::remove(folder_ / "metrics.jsonl");
  expect_damage({"metrics.jsonl"});
}

TEST_F(DamagedRun, WithALineThatIsNoMetric) {
  tests::write_bytes(folder_ / "metrics.jsonl", "{\"step\": 0}\n");
  expect_damage({"metrics.jsonl", "damaged"});
  tests::write_bytes(folder_ / "metrics.jsonl", "not json\n");
  expect_damage({"metrics.jsonl", "line 1"});
}

TEST_F(DamagedRun, WithoutPictures) {
  fs::remove(folder_ / "arrays/pictures.npy");
  expect_damage({"pictures.npy"});
}

TEST_F(DamagedRun, WithOtherPictures) {
  document_["picture_labels"] = {"1", "2"};
  store();
  expect_damage({"pictures.npy", "2 pictures"});
}

}  // namespace
}  // namespace overparam::study
