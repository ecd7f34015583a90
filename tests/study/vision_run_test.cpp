// SPDX-License-Identifier: Apache-2.0
// A run of a network of images and its folder.
#include "overparam/study/vision_run.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "overparam/base/array_files.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/base/threads.hpp"
#include "study/page_parts.hpp"
#include "study/small_vision.hpp"
#include "support/allocations.hpp"
#include "support/files.hpp"
#include "support/tolerance.hpp"

namespace overparam::study {
namespace {

namespace fs = std::filesystem;
using tests::expect_error;
using tests::run_vision;
using tests::TemporaryFolder;
using tests::vision_settings;

class VisionRuns : public testing::Test {
 protected:
  TemporaryFolder folder_;
  // Convolutions of two threads wait for each other at full speed, beside other tests for long.
  base::ThreadGuard one_thread_{1};
};

std::set<std::string> files_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) names.insert(fs::relative(entry.path(), folder).string());
  }
  return names;
}

TEST_F(VisionRuns, FillTheirFolder) {
  const auto record = run_vision(vision_settings(), {.folder = folder_ / "run"});
  EXPECT_EQ(record.stopped_by, "epochs");
  EXPECT_EQ(files_in(folder_ / "run"),
            (std::set<std::string>{"run.json",
                                   "config.toml",
                                   "metrics.jsonl",
                                   "weights-initial.safetensors",
                                   "weights.safetensors",
                                   "snapshots/epoch-001.safetensors",
                                   "snapshots/epoch-002.safetensors",
                                   "arrays/labels.npy",
                                   "arrays/pictures.npy",
                                   "checkpoint/state.safetensors"}));
  ASSERT_EQ(record.epochs.size(), 3u);
  for (const auto& epoch : record.epochs) {
    EXPECT_EQ(epoch.step_size, 0.1);
    EXPECT_TRUE(std::isfinite(epoch.test_objective));
    EXPECT_GT(epoch.radius, 0);
    EXPECT_GT(epoch.step_length, 0);
    EXPECT_GT(epoch.squared_gradient, 0) << "first, snapshot or last";
  }
  EXPECT_EQ(record.snapshots, (std::vector<std::int64_t>{1, 2}));
  EXPECT_TRUE(at::equal(base::read_npy(folder_ / "run/arrays/labels.npy"),
                        prepare_vision(vision_settings()).train.labels));
}

TEST_F(VisionRuns, AreReadBackAsTheyWere) {
  auto record =
      run_vision(vision_settings({{"data.labels", "noisy:0.3"}}), {.folder = folder_ / "run"});
  EXPECT_TRUE(is_vision_run(folder_ / "run"));
  const auto copy = read_vision_run(folder_ / "run");
  EXPECT_EQ(to_json(copy).dump(1), to_json(record).dump(1));
  ASSERT_EQ(copy.epochs.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(to_json(copy.epochs[i]), to_json(record.epochs[i]));
  EXPECT_GT(copy.num_changed_labels, 0);
  EXPECT_EQ(report::to_html(vision_page(copy)), report::to_html(vision_page(record)));
  expect_error(ErrorKind::data, {"run.json", "network of images", "landscape"}, [&] {
    read_run(folder_ / "run");
  });
}

TEST_F(VisionRuns, MeasureWhatTheirWeightsAre) {
  const auto settings = vision_settings();
  const auto record = run_vision(settings, {.folder = folder_ / "run"});
  const auto problem = prepare_vision(settings);
  const auto snapshot = load_snapshot(folder_ / "run", 2);
  const train::VisionState state{.weights = snapshot.weights, .statistics = snapshot.statistics};
  const auto test =
      train::score(snapshot.architecture, state, problem.test_images, problem.test_labels);
  EXPECT_NEAR(test.objective, record.epochs[1].test_objective, tests::kRoundingSingle);
  EXPECT_EQ(test.accuracy, record.epochs[1].test_accuracy);
  // Forty images are the fixed subset.
  const auto train =
      train::score(snapshot.architecture, state, problem.train.images, problem.train.labels);
  EXPECT_NEAR(train.objective, record.epochs[1].measured_objective, 10 * tests::kRoundingSingle);
  EXPECT_EQ(record.test_accuracy, record.epochs.back().test_accuracy);
}

TEST_F(VisionRuns, TheirConfigurationRepeatsThem) {
  const auto record = run_vision(vision_settings(), {.folder = folder_ / "run"});
  Settings again;
  again.load_file(folder_ / "run/config.toml");
  EXPECT_EQ(again.text("train.momentum"), "0.9");
  EXPECT_EQ(run_vision(again).train_objective, record.train_objective);
}

/// The bits that two runs must share.
void expect_same(const fs::path& first, const fs::path& second) {
  for (const char* name : {"weights.safetensors",
                           "weights-initial.safetensors",
                           "snapshots/epoch-001.safetensors",
                           "snapshots/epoch-002.safetensors"}) {
    EXPECT_EQ(base::read_file(first / name), base::read_file(second / name)) << name;
  }
  const auto a = read_vision_run(first).epochs;
  const auto b = read_vision_run(second).epochs;
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto line = to_json(a[i]);
    line["seconds"] = b[i].seconds;
    EXPECT_EQ(line, to_json(b[i]));
  }
}

TEST_F(VisionRuns, ResumeToTheSameBits) {
  run_vision(vision_settings(), {.folder = folder_ / "whole"});
  run_vision(vision_settings({{"train.epochs", "1"}}), {.folder = folder_ / "parts"});
  run_vision(vision_settings(), {.folder = folder_ / "parts", .resume = true});
  expect_same(folder_ / "parts", folder_ / "whole");
}

TEST_F(VisionRuns, AnInterruptedOneLeavesWhatResumeNeeds) {
  run_vision(vision_settings(), {.folder = folder_ / "whole"});
  const auto problem = prepare_vision(vision_settings());
  base::set_interrupt(2);
  const auto stopped = run_vision_training(problem, {.folder = folder_ / "parts"}, {});
  base::set_interrupt(0);
  EXPECT_EQ(stopped.stopped_by, "interrupted");
  EXPECT_TRUE(stopped.epochs.empty());
  EXPECT_FALSE(fs::exists(folder_ / "parts/run.json"));
  EXPECT_FALSE(is_vision_run(folder_ / "parts"));
  run_vision(vision_settings(), {.folder = folder_ / "parts", .resume = true});
  expect_same(folder_ / "parts", folder_ / "whole");
}

TEST_F(VisionRuns, LinesPastTheCheckpointAreMeasuredAgain) {
  run_vision(vision_settings(), {.folder = folder_ / "whole"});
  run_vision(vision_settings({{"train.epochs", "1"}}), {.folder = folder_ / "parts"});
  // As a killed run leaves it: an epoch was recorded that no checkpoint holds.
  const auto lines = base::read_file(folder_ / "whole/metrics.jsonl");
  tests::write_bytes(folder_ / "parts/metrics.jsonl", lines.substr(0, lines.size() - 5));
  fs::remove(folder_ / "parts/run.json");
  run_vision(vision_settings(), {.folder = folder_ / "parts", .resume = true});
  expect_same(folder_ / "parts", folder_ / "whole");
}

TEST_F(VisionRuns, AreReplacedOnlyWhenAskedTo) {
  run_vision(vision_settings(), {.folder = folder_ / "run"});
  const auto other = vision_settings({{"network.width", "3"}});
  expect_error(ErrorKind::usage, {"other settings", "--overwrite"}, [&] {
    run_vision(other, {.folder = folder_ / "run"});
  });
  expect_error(ErrorKind::usage, {"a finished run", "--resume"}, [&] {
    run_vision(vision_settings({{"train.epochs", "4"}}), {.folder = folder_ / "run"});
  });
  expect_error(ErrorKind::data, {"cannot resume", "state.safetensors"}, [&] {
    run_vision(other, {.folder = folder_ / "new", .resume = true});
  });
  const auto fewer = vision_settings({{"network.width", "3"}, {"train.snapshots", "3"}});
  run_vision(fewer, {.folder = folder_ / "run", .overwrite = true});
  EXPECT_EQ(read_vision_run(folder_ / "run").width, 3);
  EXPECT_FALSE(fs::exists(folder_ / "run/snapshots/epoch-001.safetensors"));
}

TEST_F(VisionRuns, SaysWhichSnapshotsAreGone) {
  run_vision(vision_settings({{"train.epochs", "2"}, {"train.snapshots", ""}}),
             {.folder = folder_ / "run"});
  std::string warned;
  run_vision(vision_settings({{"train.snapshots", "all"}}),
             {.folder = folder_ / "run", .resume = true},
             {.warn = [&](const std::string& text) { warned += text; }});
  EXPECT_NE(warned.find("epochs 1, 2 were not kept"), std::string::npos) << warned;
  EXPECT_EQ(read_vision_run(folder_ / "run").snapshots, std::vector<std::int64_t>{3});
}

TEST_F(VisionRuns, EndAtTheirTargetOrTheirTime) {
  const auto target = run_vision(vision_settings({{"train.target_accuracy", "0.001"}}),
                                 {.folder = folder_ / "target"});
  EXPECT_EQ(target.stopped_by, "target_accuracy");
  EXPECT_TRUE(target.reached_target);
  EXPECT_EQ(target.epochs.size(), 1u);
  EXPECT_FALSE(fs::exists(folder_ / "target/checkpoint"));
  const auto time =
      run_vision(vision_settings({{"train.max_seconds", "1e-9"}}), {.folder = folder_ / "time"});
  EXPECT_EQ(time.stopped_by, "max_seconds");
  EXPECT_TRUE(time.epochs.empty());
  EXPECT_TRUE(fs::exists(folder_ / "time/checkpoint"));
  EXPECT_EQ(read_vision_run(folder_ / "time").epochs.size(), 0u);
  EXPECT_NO_THROW(report::to_html(vision_page(time)));
}

TEST_F(VisionRuns, AStepTooLargeIsAResult) {
  for (const char* step : {"1e30", "1e6"}) {
    std::string warned;
    const auto record = run_vision(
        vision_settings({{"train.step", step}, {"train.epochs", "30"}, {"train.schedule", ""}}),
        {.folder = folder_ / "run", .overwrite = true},
        {.warn = [&](const std::string& text) { warned += text; }});
    if (record.stopped_by == "not_finite") {
      EXPECT_NE(warned.find("diverged in epoch"), std::string::npos);
      EXPECT_FALSE(std::isfinite(record.epochs.back().objective));
      EXPECT_FALSE(fs::exists(folder_ / "run/checkpoint"));
    } else {
      EXPECT_STREQ(step, "1e6") << "normalised weights may be of any size";
    }
    const auto copy = read_vision_run(folder_ / "run");
    EXPECT_EQ(to_json(copy).dump(), to_json(record).dump());
    EXPECT_NO_THROW(report::to_html(vision_page(copy)));
  }
}

TEST_F(VisionRuns, HaveAPage) {
  const auto record =
      run_vision(vision_settings({{"train.schedule", "2:0.5"}}), {.folder = folder_ / "run"});
  const auto page = vision_page(record);
  EXPECT_EQ(tests::figure_ids(page),
            (std::vector<std::string>{"loss", "accuracy", "distance", "gradient", "gap"}));
  EXPECT_EQ(tests::names(tests::figure_called(page, "loss")),
            (std::vector<std::string>{"training", "test", "step size x 0.5 after epoch 2"}));
  EXPECT_EQ(tests::figure_called(page, "gap").series[1].y[2],
            std::abs(record.epochs[2].step_linear));
  EXPECT_EQ(tests::table_called(page, "Snapshots").rows.size(), 2u);
  EXPECT_TRUE(tests::mentions(page, "all epochs were done"));
  EXPECT_TRUE(tests::mentions(page, "epochs = 3"));
  const std::string text = report::to_text(vision_table(record), 200);
  for (const char* part :
       {"training accuracy", "test accuracy", "resnet8", "momentum 0.9", "1, 2"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
}

TEST_F(VisionRuns, KeepSnapshotsThatCanBeLoaded) {
  run_vision(vision_settings(), {.folder = folder_ / "run"});
  std::vector<std::int64_t> epochs;
  for (const auto& file : snapshots_of(folder_ / "run")) epochs.push_back(file.epoch);
  EXPECT_EQ(epochs, (std::vector<std::int64_t>{0, 1, 2, 3}));
  const auto problem = prepare_vision(vision_settings());
  const auto initial = load_snapshot(folder_ / "run", 0);
  EXPECT_TRUE(
      at::equal(initial.weights, net::initial_weights(problem.architecture, 0, at::kFloat)));
  EXPECT_EQ(load_snapshot(folder_ / "run", 3).epoch, 3);
  EXPECT_EQ(load_snapshot(folder_ / "run", 1).statistics.size(0),
            problem.architecture.num_statistics());
}

TEST_F(VisionRuns, NameTheSnapshotThatIsMissingOrWrong) {
  const fs::path run = folder_ / "run";
  run_vision(vision_settings(), {.folder = run});
  expect_error(ErrorKind::data, {"after epoch 40", "0, 1, 2, 3"}, [&] { load_snapshot(run, 40); });
  run_vision(vision_settings({{"network.width", "3"}}), {.folder = folder_ / "other"});
  fs::copy_file(folder_ / "other/snapshots/epoch-001.safetensors",
                run / "snapshots/epoch-001.safetensors",
                fs::copy_options::overwrite_existing);
  expect_error(
      ErrorKind::data, {"epoch-001", "width 3", "width 2"}, [&] { load_snapshot(run, 1); });
  fs::rename(run / "snapshots/epoch-002.safetensors", run / "snapshots/epoch-007.safetensors");
  expect_error(ErrorKind::data, {"epoch-007", "after epoch 2", "expected 7"}, [&] {
    load_snapshot(run, 7);
  });
  expect_error(
      ErrorKind::data, {"nowhere", "no weights"}, [&] { snapshots_of(folder_ / "nowhere"); });
  fs::remove(run / "metrics.jsonl");
  expect_error(ErrorKind::data, {"metrics.jsonl", "missing"}, [&] { read_vision_run(run); });
  tests::write_bytes(run / "run.json", R"({"kind": "vision-run"})");
  expect_error(ErrorKind::data, {"run.json", "damaged"}, [&] { read_vision_run(run); });
}

TEST_F(VisionRuns, TakeNoMoreMemoryThanPlanned) {
  for (const std::map<std::string, std::string>& changes : {std::map<std::string, std::string>{},
                                                            {{"network.activation", "softplus"}},
                                                            {{"run.dtype", "float64"}},
                                                            {{"network.kind", "resnet20"}}}) {
    auto all = changes;
    all.insert({{"data.image_size", "14"},
                {"network.width", "8"},
                {"data.samples", "64"},
                {"train.batch", "64"},
                {"train.epochs", "1"}});
    const auto problem = prepare_vision(vision_settings(all));
    const auto planned = plan_vision_memory(problem.settings, problem.architecture, 84).total();
    const tests::AllocationCounter counter;
    run_vision_training(problem, {.folder = folder_ / "run", .overwrite = true}, {});
    const auto taken = static_cast<std::uint64_t>(counter.peak_bytes());
    EXPECT_LE(taken, planned) << to_json(read_vision_run(folder_ / "run")).dump();
    EXPECT_GE(taken, planned / 4);
  }
}

TEST_F(VisionRuns, TakeDoublePrecision) {
  const auto record =
      run_vision(vision_settings({{"run.dtype", "float64"}}), {.folder = folder_ / "run"});
  EXPECT_EQ(load_snapshot(folder_ / "run", 2).weights.scalar_type(), at::kDouble);
  EXPECT_TRUE(std::isfinite(record.train_objective));
}

TEST_F(VisionRuns, TakeCifar) {
  const char* root = std::getenv("OVERPARAM_TEST_DATA");
  if (root == nullptr) {
    GTEST_SKIP() << "OVERPARAM_TEST_DATA is not set; the twins on generated digits still run";
  }
  const auto record = run_vision(
      vision_settings({{"data.source", (fs::path(root) / "cifar-10-batches-bin").string()},
                       {"data.samples", "200"},
                       {"data.test", "100"},
                       {"data.image_size", "0"},
                       {"data.labels", "noisy:0.2"},
                       {"network.width", "16"},
                       {"train.batch", "50"},
                       {"train.epochs", "1"}}),
      {.folder = folder_ / "run"});
  EXPECT_EQ(record.num_samples, 200);
  EXPECT_EQ(record.num_test, 100);
  EXPECT_EQ(record.channels, 3);
  EXPECT_EQ(record.scale.mean[0], 0.4914);
  EXPECT_NEAR(static_cast<double>(record.num_changed_labels), 200 * 0.2 * 0.9, 25);
  EXPECT_TRUE(std::isfinite(record.epochs.at(0).test_objective));
}

}  // namespace
}  // namespace overparam::study
