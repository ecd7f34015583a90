// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/training.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "overparam/base/array_files.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/linalg/narrow.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/net/loss.hpp"
#include "study/small_runs.hpp"
#include "support/allocations.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::study {
namespace {

namespace fs = std::filesystem;
using tests::digit_settings;
using tests::expect_error;
using tests::run;
using tests::small_settings;
using tests::TemporaryFolder;

/// Every file below a folder, by its path from there.
std::set<std::string> files_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) names.insert(fs::relative(entry.path(), folder).string());
  }
  return names;
}

/// Asks the process to stop as soon as a run has said what it predicts.
Voice interrupting() {
  return {.say = [](const std::string& text) {
    if (text.starts_with("predicted")) base::set_interrupt(2);
  }};
}

TEST(Training, FillsItsFolder) {
  const TemporaryFolder folder;
  const auto settings = digit_settings({{"train.target_ratio", "0.5"}, {"train.max_steps", "500"}});
  const auto record = run(settings, {.folder = folder / "run"});
  EXPECT_EQ(record.stopped_by, "target_ratio");
  EXPECT_TRUE(record.reached_target);
  EXPECT_EQ(files_in(folder / "run"),
            (std::set<std::string>{"run.json",
                                   "config.toml",
                                   "metrics.jsonl",
                                   "weights-initial.safetensors",
                                   "weights.safetensors",
                                   "arrays/inputs.npy",
                                   "arrays/targets.npy",
                                   "arrays/outputs.npy",
                                   "arrays/pictures.npy"}));
  EXPECT_EQ(record.name, "run");
  const at::Tensor inputs = base::read_npy(folder / "run/arrays/inputs.npy");
  const at::Tensor targets = base::read_npy(folder / "run/arrays/targets.npy");
  const at::Tensor outputs = base::read_npy(folder / "run/arrays/outputs.npy");
  EXPECT_EQ(inputs.size(0), 8);
  EXPECT_EQ(inputs.size(1), record.facts.input_size);
  EXPECT_NEAR((outputs - targets).pow(2).sum().item<double>() / 2,
              record.facts.final_objective,
              tests::kRounding * record.facts.final_objective);
  EXPECT_EQ(base::read_npy(folder / "run/arrays/pictures.npy").size(0), 8);

  // The stored weights give the stored outputs.
  const auto stored = base::read_safetensors(folder / "run/weights.safetensors");
  at::Tensor h = inputs;
  for (const char* name : {"A", "W.1"}) h = at::relu(at::matmul(h, stored.find(name)->t()));
  EXPECT_LT(tests::relative_difference(at::matmul(h, stored.find("B")->t()), outputs),
            tests::kRounding);
  const auto initial = base::read_safetensors(folder / "run/weights-initial.safetensors");
  EXPECT_TRUE(at::equal(*initial.find("A"), *stored.find("A")));
  EXPECT_FALSE(at::equal(*initial.find("W.1"), *stored.find("W.1")));
}

TEST(Training, IsReadBackAsItWas) {
  const TemporaryFolder folder;
  const auto record = run(digit_settings(), {.folder = folder / "run"});
  const auto copy = read_run(folder / "run");
  EXPECT_EQ(to_json(copy).dump(1), to_json(record).dump(1));
  ASSERT_EQ(copy.facts.trajectory.size(), record.facts.trajectory.size());
  for (std::size_t i = 0; i < copy.facts.trajectory.size(); ++i) {
    EXPECT_EQ(to_json(copy.facts.trajectory[i]), to_json(record.facts.trajectory[i]));
  }
  ASSERT_EQ(copy.pictures.images.size(), 8u);
  EXPECT_EQ(copy.pictures.images[3].pixels, record.pictures.images[3].pixels);
  EXPECT_EQ(copy.pictures.images[3].label, record.pictures.images[3].label);
  EXPECT_EQ(copy.pictures.height, 28);
}

TEST(Training, MeasuresWhatTheTheoremsSpeakOf) {
  const auto record =
      run(small_settings({{"train.target_ratio", "1e-2"}, {"train.max_steps", "5000"}}));
  const auto& facts = record.facts;
  EXPECT_EQ(facts.n, 8);
  EXPECT_EQ(facts.d, 1);
  EXPECT_EQ(facts.m, 32);
  EXPECT_EQ(facts.L, 1);
  EXPECT_EQ(facts.input_size, 6);
  EXPECT_EQ(record.normalisation, "sphere");
  EXPECT_NEAR(facts.step_size * facts.lambda_max, 1, 1e-3);
  EXPECT_LE(facts.final_objective, 1e-2 * facts.initial_objective);
  ASSERT_GE(facts.trajectory.size(), 2u);
  EXPECT_EQ(facts.trajectory.front().step, 0);
  EXPECT_EQ(facts.trajectory.front().objective, facts.initial_objective);
  EXPECT_EQ(facts.trajectory.front().radius(), 0);
  EXPECT_EQ(facts.trajectory.back().step, facts.steps);
  EXPECT_TRUE(facts.trajectory.back().is_full);
  EXPECT_GT(facts.trajectory.back().radius(), 0);
  // 2 lambda_min F <= |grad F|^2 <= 2 lambda_max F at the start, where K is the one measured.
  const double ratio = facts.trajectory.front().squared_gradient / facts.initial_objective;
  EXPECT_GE(ratio, 2 * facts.initial.lambda_min);
  EXPECT_LE(ratio, 2 * facts.lambda_max * (1 + 1e-3));
  ASSERT_TRUE(record.predicted.steps.has_value());
  EXPECT_EQ(record.predicted.ratio, 1e-2);
  EXPECT_EQ(record.predicted.step.size(), record.predicted.objective.size());
  EXPECT_NEAR(record.predicted.objective.front() / facts.initial_objective, 1, 1e-6);
}

TEST(Training, AFolderDoesNotChangeTheNumbers) {
  const TemporaryFolder folder;
  const auto with = run(small_settings(), {.folder = folder / "run"});
  const auto without = run(small_settings());
  EXPECT_EQ(with.facts.final_objective, without.facts.final_objective);
  EXPECT_EQ(with.facts.lambda_max, without.facts.lambda_max);
  EXPECT_EQ(with.facts.initial.lambda_min, without.facts.initial.lambda_min);
  EXPECT_EQ(with.facts.trajectory.size(), without.facts.trajectory.size());
  EXPECT_EQ(without.name, "");
}

TEST(Training, AFinishedRunIsReplacedOnlyWhenAskedTo) {
  const TemporaryFolder folder;
  const auto first = run(digit_settings(), {.folder = folder / "run"});
  const auto other = small_settings({{"network.width", "16"}});
  expect_error(ErrorKind::usage, {"run", "other settings", "--overwrite"}, [&] {
    run(other, {.folder = folder / "run"});
  });
  // Rules that only end a run are no other settings, but a shorter run would replace a longer one.
  const auto shorter = digit_settings({{"train.max_steps", "2"}});
  expect_error(ErrorKind::usage, {"run", "a finished run;", "--overwrite"}, [&] {
    run(shorter, {.folder = folder / "run"});
  });
  const auto kept = read_run(folder / "run");
  EXPECT_EQ(kept.facts.m, 32) << "a refused run touches nothing";
  EXPECT_EQ(kept.facts.steps, first.facts.steps);
  EXPECT_EQ(run(other, {.folder = folder / "run", .overwrite = true}).facts.m, 16);
  const auto copy = read_run(folder / "run");
  EXPECT_EQ(copy.facts.m, 16);
  EXPECT_TRUE(copy.pictures.images.empty());
}

TEST(Training, NarrowStochasticRunsGoOnInTheirFormat) {
  if (!linalg::is_available(linalg::Products::bfloat16)) GTEST_SKIP() << "no bfloat16 here";
  const TemporaryFolder folder;
  const auto settings = [](const char* steps) {
    return small_settings({{"run.dtype", "float32"},
                           {"run.precision", "bfloat16"},
                           {"network.width", "128"},
                           {"network.depth", "2"},
                           {"train.method", "sgd"},
                           {"train.batch", "4"},
                           {"train.measure_every", "100"},
                           {"train.max_steps", steps}});
  };
  const auto whole = run(settings("3000"), {.folder = folder / "whole"});
  const auto first = run(settings("2000"), {.folder = folder / "parts"});
  ASSERT_LT(first.facts.final_objective, 1e-3 * first.facts.initial_objective)
      << "by then products take two terms";
  const auto parts = run(settings("3000"), {.folder = folder / "parts", .resume = true});
  EXPECT_EQ(parts.facts.final_objective, whole.facts.final_objective);
}

TEST(Training, WhatCannotBeTrainedReplacesNothing) {
  const TemporaryFolder folder;
  const RunOutput output{.folder = folder / "run", .overwrite = true};
  run(digit_settings(), output);
  const auto before = files_in(folder / "run");
  // Known only once there is a network; a step size only once it is computed.
  expect_error(ErrorKind::usage, {"narrow products", "momentum"}, [&] {
    run(digit_settings(
            {{"run.precision", "int8"}, {"run.dtype", "float32"}, {"train.momentum", "0.9"}}),
        output);
  });
  expect_error(ErrorKind::usage, {"step size", "range"}, [&] {
    run(digit_settings({{"train.step", "1e308"}}), output);
  });
  EXPECT_EQ(files_in(folder / "run"), before);
}

TEST(Training, WhatIsNotOfARunIsLeftAlone) {
  const TemporaryFolder folder;
  const auto weights = folder / "weights.safetensors";
  tests::write_bytes(weights, "somebody's");
  for (const bool overwrite : {false, true}) {
    expect_error(ErrorKind::usage, {"weights.safetensors", "config.toml", "--out"}, [&] {
      run(small_settings(), {.folder = folder.path(), .overwrite = overwrite});
    });
  }
  tests::write_bytes(folder / "config.toml", "[server]\nport = 80\n");
  expect_error(ErrorKind::usage, {"config.toml", "not of a run", "server"}, [&] {
    run(small_settings(), {.folder = folder.path()});
  });
  EXPECT_EQ(base::read_file(weights), "somebody's");
}

TEST(Training, ResumesToTheSameBits) {
  const TemporaryFolder folder;
  const auto whole = run(small_settings({{"train.max_steps", "50"}}), {.folder = folder / "whole"});
  run(small_settings({{"train.max_steps", "20"}}), {.folder = folder / "parts"});
  EXPECT_TRUE(fs::exists(folder / "parts/checkpoint"));
  const auto parts = run(small_settings({{"train.max_steps", "50"}}),
                         {.folder = folder / "parts", .resume = true});
  EXPECT_EQ(parts.facts.steps, 50);
  EXPECT_EQ(parts.facts.final_objective, whole.facts.final_objective);
  EXPECT_EQ(parts.facts.initial_objective, whole.facts.initial_objective);
  EXPECT_EQ(parts.facts.initial.lambda_min, whole.facts.initial.lambda_min);
  std::set<std::int64_t> steps;
  for (const auto& point : read_run(folder / "parts").facts.trajectory) {
    EXPECT_TRUE(steps.insert(point.step).second) << "step " << point.step << " twice";
  }
  EXPECT_TRUE(steps.contains(0));
  EXPECT_TRUE(steps.contains(50));
}

TEST(Training, AnInterruptedRunLeavesWhatResumeNeeds) {
  const TemporaryFolder folder;
  const auto whole = run(small_settings());
  const auto stopped = run(small_settings(), {.folder = folder / "run"}, interrupting());
  base::set_interrupt(0);
  EXPECT_EQ(stopped.stopped_by, "interrupted");
  EXPECT_LT(stopped.facts.steps, 60);
  EXPECT_FALSE(fs::exists(folder / "run/run.json"));
  const auto resumed = run(small_settings(), {.folder = folder / "run", .resume = true});
  EXPECT_EQ(resumed.facts.final_objective, whole.facts.final_objective);
  EXPECT_EQ(read_run(folder / "run").facts.steps, 60);
}

TEST(Training, AnInterruptedRepetitionIsNoFinishedRun) {
  // What an earlier run left must not stand beside the metrics of the one that was stopped.
  const TemporaryFolder folder;
  run(small_settings(), {.folder = folder / "run"});
  const auto other = small_settings({{"network.width", "16"}});
  run(other, {.folder = folder / "run", .overwrite = true}, interrupting());
  base::set_interrupt(0);
  expect_error(ErrorKind::data, {"not a finished run"}, [&] { read_run(folder / "run"); });
}

TEST(Training, ResumeNeedsACheckpoint) {
  const TemporaryFolder folder;
  expect_error(ErrorKind::data, {"cannot resume", "state.safetensors"}, [&] {
    run(small_settings(), {.folder = folder / "new", .resume = true});
  });
}

TEST(Training, ItsConfigurationRepeatsTheRun) {
  const TemporaryFolder folder;
  tests::write_bytes(folder / "points.csv", "a,b,y\n1,2,0.5\n3,1,-1\n-1,2,0\n4,-2,1\n");
  struct Case {
    std::string name;
    Settings settings;
  };
  Settings csv;
  csv.set("data.source", (folder / "points.csv").string(), "test");
  csv.set("network.width", "16", "test");
  csv.set("train.max_steps", "20", "test");
  for (const auto& [name, settings] :
       {Case{"gd", small_settings({{"train.momentum", ".5"}})},
        Case{"sgd", small_settings({{"train.method", "sgd"}})},  // fewer samples than the batch
        Case{"csv", csv}}) {
    const auto record = run(settings, {.folder = folder / name});
    Settings again;
    again.load_file(folder / name / "config.toml");
    EXPECT_EQ(again.fingerprint(), settings.fingerprint()) << name;
    EXPECT_EQ(run(again).facts.final_objective, record.facts.final_objective) << name;
  }
}

TEST(Training, AStepTooLargeIsAResult) {
  const TemporaryFolder folder;
  for (const char* step : {"critical:3000", "1e200"}) {
    const auto settings = small_settings(
        {{"train.step", step}, {"train.max_steps", "2000"}, {"data.labels", "true"}});
    const auto record = run(settings, {.folder = folder / "run", .overwrite = true});
    EXPECT_TRUE(record.stopped_by == "diverged" || record.stopped_by == "not_finite")
        << record.stopped_by;
    EXPECT_FALSE(record.reached_target);
    const auto copy = read_run(folder / "run");
    EXPECT_EQ(copy.stopped_by, record.stopped_by);
    EXPECT_EQ(copy.facts.trajectory.size(), record.facts.trajectory.size());
    EXPECT_EQ(to_json(copy).dump(), to_json(record).dump());
  }
}

TEST(Training, OneSampleHasNoSeparation) {
  const TemporaryFolder folder;
  const auto record = run(small_settings({{"data.samples", "1"}}), {.folder = folder / "run"});
  const auto copy = read_run(folder / "run");
  EXPECT_FALSE(std::isfinite(copy.facts.separation));
  EXPECT_EQ(copy.facts.final_objective, record.facts.final_objective);
}

TEST(Training, WhatWouldNotFitIsRefusedBeforeItStarts) {
  const TemporaryFolder folder;
  expect_error(ErrorKind::capacity, {"training", "weights", "1.0 KiB"}, [&] {
    run(small_settings({{"run.memory", "1KiB"}}), {.folder = folder / "run"});
  });
  EXPECT_FALSE(fs::exists(folder / "run"));
  expect_error(ErrorKind::usage, {"run.memory", "4GiB", "\"much\""}, [&] {
    run(small_settings({{"run.memory", "much"}}));
  });
}

TEST(Training, SettingsThatCannotWorkAreNamed) {
  expect_error(ErrorKind::usage, {"batch", "8 samples", "100"}, [] {
    run(small_settings({{"train.method", "sgd"}, {"train.batch", "100"}}));
  });
  expect_error(ErrorKind::data, {"\"spere\"", "did you mean \"sphere\""}, [] {
    run(small_settings({{"data.source", "spere"}}));
  });
  const TemporaryFolder folder;
  tests::write_bytes(folder / "points.csv", "1,2,0.5\n3,1,-1\n");
  expect_error(ErrorKind::usage, {"test: data.dim", "generated data", "points.csv"}, [&] {
    run(small_settings({{"data.source", (folder / "points.csv").string()}}));
  });
}

TEST(Training, OtherLossesHaveNoPrediction) {
  const auto record = run(digit_settings({{"train.loss", "cross-entropy"}}));
  EXPECT_FALSE(record.predicted.steps.has_value());
  EXPECT_TRUE(record.predicted.step.empty());
  EXPECT_LT(record.facts.final_objective, record.facts.initial_objective);
}

TEST(Training, TheTestPartIsEvaluated) {
  const auto record = run(digit_settings({{"data.test", "20"}}));
  EXPECT_GE(record.test_accuracy, 0);
  EXPECT_LE(record.test_accuracy, 1);
  EXPECT_TRUE(std::isnan(run(digit_settings()).test_accuracy));
  EXPECT_TRUE(std::isnan(run(small_settings()).train_accuracy));
}

TEST(Training, TakesEveryNetworkLossAndActivation) {
  const TemporaryFolder folder;
  const auto train = [&](const std::map<std::string, std::string>& changes) {
    auto all = changes;
    all.insert({{"train.max_steps", "30"}, {"data.classes", "2"}});
    const auto record = run(digit_settings(all), {.folder = folder / "run", .overwrite = true});
    EXPECT_LT(record.facts.final_objective, record.facts.initial_objective);
    EXPECT_EQ(to_json(read_run(folder / "run")).dump(), to_json(record).dump());
    return record;
  };
  for (const auto& family : net::networks()) {
    const bool has_depth = std::ranges::find(family.reads, "depth") != family.reads.end();
    const auto record = train({{"network.kind", family.name},
                               {"network.depth", has_depth ? "4" : "2"},
                               {"network.width", "8"},
                               {"data.image_size", "4"}});
    EXPECT_EQ(record.facts.network, family.name);
    EXPECT_EQ(claims::certify(record.facts).empty(), family.name != "fc");
  }
  for (const auto& loss : net::losses()) train({{"train.loss", loss.name}});
  for (const auto& activation : net::activations()) {
    const auto record = train({{"network.activation", activation.name}});
    const auto& signs = record.facts.trajectory.back().sign_changes;
    EXPECT_EQ(signs.size(), activation.has_sign_pattern ? 2u : 0u) << activation.name;
  }
  const auto widths = train({{"network.widths", "24,16,8"}});
  EXPECT_EQ(widths.facts.m, 24);
  EXPECT_EQ(widths.facts.L, 2);
  EXPECT_EQ(widths.facts.network, "fc, widths 24,16,8");
}

TEST(BuildArchitecture, SettingsThatTheNetworkLacksAreRefused) {
  const auto refuse = [](const std::map<std::string, std::string>& changes,
                         const std::initializer_list<std::string_view>& parts) {
    const auto settings = small_settings(changes);
    expect_error(ErrorKind::usage, parts, [&] { build_architecture(settings, {.size = 6}); });
  };
  refuse({{"network.tau", "0.5"}}, {"network fc has no tau", "0.5"});
  refuse({{"network.kind", "two-layer"}, {"network.depth", "2"}, {"network.widths", "3,4"}},
         {"two-layer has no widths"});
  refuse({{"network.kind", "two-layer"}}, {"two-layer has no depth", "\"1\""});
  refuse({{"network.kind", "cnn"}, {"network.filter", "7"}}, {"filter of 7", "1 x 6 positions"});
  refuse({{"network.kind", "cnn"}, {"network.depth", "0"}}, {"cnn", "depth of at least 1"});
  refuse({{"network.filter", "5"}}, {"network fc has no filter", "5"});
  refuse({{"network.trained", "W.9"}}, {"no block \"W.9\"", "W.1"});
  refuse({{"network.widths", "3,x"}}, {"whole numbers such as", "3,x"});
  refuse({{"network.kind", "resnet"}, {"network.block_layers", "4"}}, {"1, 2 or 3", "4"});
  refuse({{"network.kind", "two-layer"}, {"network.depth", "2"}, {"network.activation", "erf"}},
         {"own scaling", "erf"});
}

TEST(BuildArchitecture, ADenseLayerBeyondAnyMemoryIsRefused) {
  const auto settings = small_settings({{"network.kind", "cnn"}, {"network.width", "1000000"}});
  expect_error(ErrorKind::capacity, {"block W.1 of 784000000 x 784000000"}, [&] {
    build_architecture(settings, {.size = 784, .outputs = 10, .shape = {28, 28}});
  });
}

TEST(PrepareData, NetworksThatAskForUnitInputsGetThem) {
  for (const auto& [kind, columns] : {std::pair{"cnn", 784}, {"two-layer", 784}, {"fc", 785}}) {
    const auto data = prepare_data(digit_settings({{"network.kind", kind}}));
    EXPECT_EQ(data.dataset.train.inputs.size(1), columns) << kind;
  }
  const auto data =
      prepare_data(digit_settings({{"network.kind", "cnn"}, {"data.normalise", "sphere"}}));
  expect_error(ErrorKind::usage, {"28 x 28 = 784", "inputs of 785"}, [&] {
    build_architecture(digit_settings({{"network.kind", "cnn"}}), network_input(data));
  });
}

TEST(PlanMemory, CountsAtLeastWeightsAndFeatures) {
  const auto settings = small_settings({{"network.width", "512"}, {"network.depth", "3"}});
  const auto shape = build_architecture(settings, {.size = 6});
  EXPECT_EQ(shape.num_parameters(), 6 * 512 + 3 * 512 * 512 + 512);
  EXPECT_EQ(shape.num_trained_parameters(), 3 * 512 * 512);
  const auto bytes = plan_memory(settings, shape, 1000).total();
  const std::uint64_t least =
      8 * (static_cast<std::uint64_t>(shape.num_parameters()) + 1000 * 4 * 512);
  EXPECT_GE(bytes, least);
  EXPECT_LE(bytes, 4 * least);
  auto single = settings;
  single.set("run.dtype", "float32", "test");
  // Signs are bytes and Lanczos vectors float64 in both.
  const std::uint64_t in_both = 1000 * (4 * 512 + 1) + 8 * 322 * 1000 + 8 * 3 * 320 * 320;
  EXPECT_EQ(plan_memory(single, shape, 1000).total() - in_both, (bytes - in_both) / 2);
}

TEST(OutputFolder, IsTheSettingOrNamedByTheFingerprint) {
  EXPECT_EQ(output_folder(small_settings({{"run.out", "here"}}), "x"), "here");
  const auto settings = small_settings();
  EXPECT_EQ(output_folder(settings, "train").string(), "runs/train-" + settings.fingerprint());
}

TEST(PlanMemory, CoversWhatARunTakes) {
  const auto expect_covered = [](const std::string& what,
                                 const std::map<std::string, std::string>& changes) {
    std::map<std::string, std::string> all{{"data.samples", "60"},
                                           {"data.dim", "0"},
                                           {"data.source", "digits"},
                                           {"network.width", "512"},
                                           {"network.depth", "3"},
                                           {"train.max_steps", "6"},
                                           {"run.dtype", "float32"}};
    for (const auto& [key, value] : changes) all[key] = value;
    auto settings = small_settings(all);
    const auto data = prepare_data(settings);
    const auto shape = build_architecture(settings, network_input(data));
    const auto planned = plan_memory(settings, shape, 60).total();
    settings.set("run.memory", std::to_string(planned), "test");
    const TemporaryFolder folder;
    const tests::AllocationCounter counter;
    run_training(settings, data, {.folder = folder / "run"}, {});
    const auto taken = static_cast<std::uint64_t>(counter.peak_bytes());
    EXPECT_LE(taken, planned) << what;
    EXPECT_GE(taken, planned / 4) << what;
  };
  expect_covered("gd", {});
  expect_covered("gd, momentum", {{"train.momentum", "0.9"}});
  expect_covered("sgd", {{"train.method", "sgd"}, {"train.batch", "16"}});
  expect_covered("gd, numeric step", {{"train.step", "1e-5"}});
  expect_covered("cross-entropy", {{"train.loss", "cross-entropy"}});
  expect_covered("few neurons", {{"network.width", "64"}});
  const std::map<std::string, std::string> cnn{
      {"network.kind", "cnn"}, {"network.width", "12"}, {"data.image_size", "7"}};
  expect_covered("cnn", cnn);
  auto more = cnn;
  more.insert({{"train.method", "sgd"}, {"train.batch", "16"}, {"network.filters", "unshared"}});
  expect_covered("cnn, sgd, unshared", more);
  expect_covered("rnn", {{"network.kind", "rnn"}, {"network.depth", "4"}});
  expect_covered("resnet", {{"network.kind", "resnet"}});
  expect_covered("float64", {{"run.dtype", "float64"}});
}

}  // namespace
}  // namespace overparam::study
