// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/sweep.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "overparam/base/files.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/text.hpp"
#include "overparam/linalg/narrow.hpp"
#include "overparam/study/training.hpp"
#include "study/small_runs.hpp"
#include "support/files.hpp"
#include "support/tolerance.hpp"

namespace overparam::study {
namespace {

namespace fs = std::filesystem;
using tests::expect_error;
using tests::small_settings;
using tests::TemporaryFolder;

std::vector<SweepAxis> axes(std::initializer_list<const char*> texts) {
  std::vector<SweepAxis> result;
  for (const char* text : texts) result.push_back(parse_axis(text));
  return result;
}

/// Cuts a file to its first `count` bytes.
void cut(const fs::path& path, std::size_t count) {
  tests::write_bytes(path, base::read_file(path).substr(0, count));
}

TEST(ParseAxis, ReadsListsRangesAndFlags) {
  const auto list = parse_axis("network.width=64,128,256");
  EXPECT_EQ(list.key, "network.width");
  EXPECT_EQ(list.values, (std::vector<std::string>{"64", "128", "256"}));
  EXPECT_EQ(parse_axis("width=64").key, "network.width");
  EXPECT_EQ(parse_axis("max-steps=5").key, "train.max_steps");
  EXPECT_EQ(parse_axis("seed=0..3").values, (std::vector<std::string>{"0", "1", "2", "3"}));
  EXPECT_EQ(parse_axis("seed=7,0..1").values, (std::vector<std::string>{"7", "0", "1"}));
  EXPECT_EQ(parse_axis("seed=4..4").values, (std::vector<std::string>{"4"}));
  EXPECT_EQ(parse_axis("step=critical:0.5,0.1").values,
            (std::vector<std::string>{"critical:0.5", "0.1"}));
  EXPECT_EQ(parse_axis("data=../a.csv,../b.csv").values,
            (std::vector<std::string>{"../a.csv", "../b.csv"}));
}

TEST(ParseAxis, WhatIsNoAxisIsNamed) {
  for (const char* wrong : {"width", "width=", ""}) {
    expect_error(ErrorKind::usage, {"--over", "SETTING=VALUE"}, [&] { parse_axis(wrong); });
  }
  for (const char* wrong : {"seed=4..1", "seed=a..b", "seed=0..", "seed=0..999999"}) {
    expect_error(ErrorKind::usage, {"--over", "FIRST..LAST"}, [&] { parse_axis(wrong); });
  }
  expect_error(ErrorKind::usage,
               {"--over", "\"network.widht\"", "did you mean \"network.width\""},
               [] { parse_axis("network.widht=3"); });
}

TEST(ParseAxis, WhatMakesNoOtherRunIsRefused) {
  for (const char* wrong : {"out=a,b", "scale=quick,full", "threads=1,2", "memory=1GiB,2GiB"}) {
    expect_error(ErrorKind::usage, {"--over", "do not differ"}, [&] { parse_axis(wrong); });
  }
  EXPECT_EQ(parse_axis("precision=plain,int8").key, "run.precision");
}

TEST(Sweep, PrecisionsAreRunsOfTheirOwn) {
  if (!linalg::is_available(linalg::Products::int8)) GTEST_SKIP() << "no int8 here";
  const TemporaryFolder folder;
  const auto settings = small_settings({{"run.dtype", "float32"}, {"train.max_steps", "3"}});
  const auto both = run_sweep(settings, axes({"precision=plain,int8"}), folder.path(), {});
  ASSERT_EQ(both.rows.size(), 2u);
  EXPECT_NE(both.rows[0].numbers.at("objective"), both.rows[1].numbers.at("objective"));
  const auto plain = run_sweep(settings, axes({"seed=0"}), folder.path(), {});
  EXPECT_EQ(plain.reused, 1) << "the default's key does not depend on who asked for it";
}

TEST(Sweep, RunsTheGridAndFitsIt) {
  const TemporaryFolder folder;
  const auto result = run_sweep(small_settings({{"train.target_ratio", "0.5"}}),
                                axes({"width=16,32,64,128", "seed=1..3"}),
                                folder.path(),
                                {});
  ASSERT_EQ(result.rows.size(), 12u);
  EXPECT_EQ(result.run, 12);
  EXPECT_EQ(result.reused, 0);
  EXPECT_TRUE(result.failures.empty());
  EXPECT_EQ(result.rows[0].settings, (std::vector<std::string>{"16", "1"}));
  EXPECT_EQ(result.rows[4].settings, (std::vector<std::string>{"32", "2"}));
  EXPECT_EQ(result.rows[11].settings, (std::vector<std::string>{"128", "3"}));

  // One row is what `train` gives for its settings.
  const auto record =
      tests::run(small_settings({{"train.target_ratio", "0.5"}, {"run.seed", "2"}}));
  const auto relative = [&](const char* name, double expected) {
    return result.rows[4].numbers.at(name) / expected;
  };
  EXPECT_NEAR(relative("objective", record.facts.final_objective), 1, tests::kRounding);
  EXPECT_EQ(result.rows[4].numbers.at("steps"), static_cast<double>(record.facts.steps));
  EXPECT_NEAR(relative("lambda_min", record.facts.initial.lambda_min), 1, 1e-9);
  EXPECT_EQ(result.rows[4].stopped_by, record.stopped_by);

  // K grows as m (Theorem 3); a seed is a name, and nothing is a power of it.
  bool fitted = false;
  for (const auto& fit : result.fits) {
    EXPECT_EQ(fit.x, "network.width");
    if (fit.y != "lambda_max") continue;
    fitted = true;
    EXPECT_EQ(fit.left_out, 0);
    EXPECT_NEAR(fit.law.exponent, 1, 0.2);
    EXPECT_EQ(fit.law.levels, 4);
    EXPECT_EQ(fit.law.points, 12);
  }
  EXPECT_TRUE(fitted);
}

/// Rows at widths 8, 16, 32 with steps and lambda_max that are exact powers of the width.
SweepResult powers_of_width(const std::vector<std::string>& stopped_by) {
  SweepResult result{.axes = {{"network.width", {"8", "16", "32"}}}};
  for (std::size_t i = 0; i < stopped_by.size(); ++i) {
    const double m = std::exp2(3 + static_cast<double>(i % 3));
    result.rows.push_back({.settings = {fmt::format("{}", m)},
                           .stopped_by = stopped_by[i],
                           .numbers = {{"steps", 1000 / m}, {"lambda_max", 2 * m}}});
  }
  return result;
}

TEST(FitPoints, StepsAreThoseToATarget) {
  const auto result = powers_of_width({"target_ratio",
                                       "target_objective",
                                       "gradient_norm",
                                       "target_accuracy",
                                       "max_steps",
                                       "max_seconds",
                                       "diverged",
                                       "not_finite"});
  const auto steps = fit_points(result, "network.width", "steps");
  EXPECT_EQ(steps.x, (std::vector<double>{8, 16, 32, 8}));
  EXPECT_EQ(steps.y, (std::vector<double>{125, 62.5, 31.25, 125}));
  EXPECT_EQ(steps.left_out, 4);
  // Other numbers are those of a run that was cut off too, but not of one that diverged.
  const auto lambda = fit_points(result, "network.width", "lambda_max");
  EXPECT_EQ(lambda.x, (std::vector<double>{8, 16, 32, 8, 16, 32}));
  EXPECT_EQ(lambda.left_out, 2);
}

TEST(FitPoints, WhatIsNoPositiveNumberIsLeftOut) {
  auto result = powers_of_width({"max_steps", "max_steps", "max_steps", "max_steps"});
  result.rows[0].numbers.erase("lambda_max");
  result.rows[1].numbers["lambda_max"] = 0;
  result.rows[2].settings = {"wide"};
  const auto points = fit_points(result, "network.width", "lambda_max");
  EXPECT_EQ(points.x, (std::vector<double>{8}));
  EXPECT_EQ(points.left_out, 3);
}

TEST(Sweep, RunsThatWereCutOffHaveNoLawOfSteps) {
  const TemporaryFolder folder;
  const auto grid = axes({"width=16,32,64"});
  const auto cut_off = run_sweep(small_settings(), grid, folder.path(), {});
  ASSERT_EQ(cut_off.rows[0].stopped_by, "max_steps");
  EXPECT_FALSE(cut_off.fits.empty());
  for (const auto& fit : cut_off.fits) {
    EXPECT_NE(fit.y, "steps");
    EXPECT_EQ(fit.left_out, 0);
  }
  const auto diverged =
      run_sweep(small_settings({{"train.step", "critical:3000"}, {"train.max_steps", "500"}}),
                grid,
                folder.path(),
                {});
  EXPECT_EQ(diverged.rows.size(), 3u);
  EXPECT_TRUE(diverged.fits.empty());
}

TEST(Sweep, GoesOnWhereItWas) {
  const TemporaryFolder folder;
  const auto grid = axes({"width=16,32", "seed=0..1"});
  const auto first = run_sweep(small_settings(), grid, folder.path(), {});
  const auto second = run_sweep(small_settings(), grid, folder.path(), {});
  EXPECT_EQ(second.run, 0);
  EXPECT_EQ(second.reused, 4);

  // Killed within the last line.
  const auto text = base::read_file(folder / "rows.jsonl");
  cut(folder / "rows.jsonl", text.size() - 30);
  const auto third = run_sweep(small_settings(), grid, folder.path(), {});
  EXPECT_EQ(third.run, 1);
  EXPECT_EQ(third.reused, 3);
  for (const auto* again : {&second, &third}) {
    ASSERT_EQ(again->rows.size(), first.rows.size());
    for (std::size_t i = 0; i < first.rows.size(); ++i) {
      EXPECT_EQ(again->rows[i].settings, first.rows[i].settings);
      EXPECT_EQ(again->rows[i].numbers.at("objective"), first.rows[i].numbers.at("objective"));
    }
  }
  EXPECT_EQ(base::split(base::read_file(folder / "rows.jsonl"), '\n').size(), 5u);
}

TEST(Sweep, ALargerGridReusesTheSmaller) {
  const TemporaryFolder folder;
  run_sweep(small_settings(), axes({"width=16,32"}), folder.path(), {});
  const auto larger =
      run_sweep(small_settings(), axes({"width=16,32,48", "seed=0..1"}), folder.path(), {});
  EXPECT_EQ(larger.reused, 2);
  EXPECT_EQ(larger.run, 4);
  // Rows of other settings are not those of this sweep.
  const auto other = run_sweep(
      small_settings({{"train.max_steps", "61"}}), axes({"width=16,32"}), folder.path(), {});
  EXPECT_EQ(other.reused, 0);
  EXPECT_EQ(other.rows.size(), 2u);
}

TEST(Sweep, OneFailureDoesNotLoseTheOthers) {
  const TemporaryFolder folder;
  const auto settings = small_settings({{"train.method", "sgd"}});
  std::vector<std::string> warnings;
  const Voice voice{.warn = [&](const std::string& text) { warnings.push_back(text); }};
  const auto grid = axes({"batch=4,100,8"});
  const auto result = run_sweep(settings, grid, folder.path(), voice);
  ASSERT_EQ(result.rows.size(), 2u);
  EXPECT_EQ(result.rows[0].settings[0], "4");
  EXPECT_EQ(result.rows[1].settings[0], "8");
  EXPECT_EQ(result.run, 2);
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_TRUE(result.failures[0].starts_with("100: ")) << result.failures[0];
  EXPECT_NE(result.failures[0].find("8 samples"), std::string::npos) << result.failures[0];
  EXPECT_EQ(warnings, result.failures);

  const auto again = run_sweep(settings, grid, folder.path(), {});
  EXPECT_EQ(again.reused, 2);
  EXPECT_EQ(again.run, 0);
  EXPECT_EQ(again.failures.size(), 1u) << "what failed is tried again";
}

/// A CSV of `count` samples with two inputs and a number to fit.
void write_table(const fs::path& path, int count) {
  std::string text = "a,b,y\n";
  for (int i = 0; i < count; ++i) text += fmt::format("{},{},{}.5\n", i, i * i % 7, i % 3);
  tests::write_bytes(path, text);
}

Settings table_settings(const fs::path& path) {
  return small_settings({{"data.source", path.string()},
                         {"data.samples", "0"},
                         {"data.dim", "0"},
                         {"data.test", "10"},
                         {"train.max_steps", "2"}});
}

TEST(Sweep, PlansForTheSamplesThatThereAre) {
  const TemporaryFolder folder;
  write_table(folder / "table.csv", 310);
  const auto settings = table_settings(folder / "table.csv");
  const auto data = prepare_data(settings);
  const auto size = data_size(data);
  EXPECT_EQ(size.samples, 300);
  EXPECT_EQ(size.input.size, data.dataset.train.inputs.size(1));
  EXPECT_EQ(size.input.outputs, data.num_outputs);
  // Inputs and targets of both parts, as float64.
  const auto bytes = static_cast<std::uint64_t>(8 * 310 * (size.input.size + size.input.outputs));
  EXPECT_EQ(size.bytes, bytes);
  EXPECT_EQ(plan_point(settings, size).total(),
            bytes + plan_memory(settings, build_architecture(settings, size.input), 300).total());
}

TEST(Sweep, ReadsTheDataOnceForAllPoints) {
  const TemporaryFolder folder;
  write_table(folder / "table.csv", 20);
  // Said between planning, which reads the data, and the first run.
  const Voice voice{.say = [&](const std::string&) { fs::remove(folder / "table.csv"); }};
  const auto result = run_sweep(table_settings(folder / "table.csv"),
                                axes({"width=8,16", "seed=0..2"}),
                                folder / "sweep",
                                voice);
  EXPECT_FALSE(fs::exists(folder / "table.csv"));
  EXPECT_TRUE(result.failures.empty());
  EXPECT_EQ(result.rows.size(), 6u);
}

TEST(Sweep, APointWithoutDataCostsThatPoint) {
  const TemporaryFolder folder;
  write_table(folder / "table.csv", 20);
  auto grid = axes({"data=nowhere,there", "width=8,16"});
  grid[0].values[1] = (folder / "table.csv").string();
  const auto result = run_sweep(table_settings("unused"), grid, folder / "sweep", {});
  EXPECT_EQ(result.rows.size(), 2u);
  ASSERT_EQ(result.failures.size(), 2u);
  EXPECT_NE(result.failures[0].find("nowhere"), std::string::npos) << result.failures[0];
}

TEST(Sweep, SeedsHaveTheirOwnGeneratedData) {
  const TemporaryFolder folder;
  const auto result =
      run_sweep(small_settings(), axes({"width=16,32", "seed=0..1"}), folder.path(), {});
  ASSERT_EQ(result.rows.size(), 4u);
  const auto separation = [&](std::size_t i) { return result.rows[i].numbers.at("separation"); };
  EXPECT_NE(separation(0), separation(1));
  EXPECT_EQ(separation(0), separation(2));
  EXPECT_EQ(separation(1), separation(3));
}

TEST(Sweep, NothingThatWorksIsAnError) {
  const TemporaryFolder folder;
  expect_error(ErrorKind::usage, {"batch", "8 samples"}, [&] {
    run_sweep(
        small_settings({{"train.method", "sgd"}}), axes({"batch=100,200"}), folder.path(), {});
  });
  expect_error(ErrorKind::usage, {"--over", "network.width", "at least 1"}, [&] {
    run_sweep(small_settings(), axes({"width=0"}), folder.path(), {});
  });
}

TEST(Sweep, AnInterruptLeavesTheRestForLater) {
  const TemporaryFolder folder;
  base::set_interrupt(2);
  const auto stopped = run_sweep(small_settings(), axes({"width=16,32"}), folder.path(), {});
  base::set_interrupt(0);
  EXPECT_TRUE(stopped.interrupted);
  EXPECT_TRUE(stopped.rows.empty());
  EXPECT_EQ(run_sweep(small_settings(), axes({"width=16,32"}), folder.path(), {}).run, 2);
}

TEST(Sweep, ADamagedLineIsNamed) {
  const TemporaryFolder folder;
  for (const char* line : {"{}\n", "{\"key\": 3}\n", "[1]\n", "nonsense\n"}) {
    tests::write_bytes(folder / "rows.jsonl", line);
    expect_error(ErrorKind::data, {"rows.jsonl"}, [&] {
      run_sweep(small_settings(), axes({"width=16"}), folder.path(), {});
    });
  }
}

TEST(Sweep, TheDocumentNamesAxesAndNumbers) {
  const TemporaryFolder folder;
  const auto result = run_sweep(small_settings(), axes({"width=16,32,64"}), folder.path(), {});
  const auto document = to_json(result);
  EXPECT_EQ(document.at("kind"), "sweep");
  EXPECT_EQ(document.at("schema"), kSchema);
  ASSERT_EQ(document.at("rows").size(), 3u);
  EXPECT_EQ(document.at("rows")[1].at("settings").at("network.width"), "32");
  EXPECT_TRUE(document.at("rows")[1].at("numbers").at("test_accuracy").is_null());
  EXPECT_GT(document.at("rows")[1].at("numbers").at("objective"), 0);
  ASSERT_EQ(document.at("fits").size(), result.fits.size());
  ASSERT_FALSE(result.fits.empty());
  EXPECT_EQ(document.at("fits")[0].at("points"), 3);
  EXPECT_EQ(document.at("fits")[0].at("left_out"), 0);
  EXPECT_EQ(document.at("run"), 3);

  const auto table = sweep_table(result);
  EXPECT_EQ(table.rows.size(), 3u);
  EXPECT_EQ(table.columns.front().name, "network.width");
}

}  // namespace
}  // namespace overparam::study
