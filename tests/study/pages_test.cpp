// SPDX-License-Identifier: Apache-2.0
// The pages hold the charts and words that they should.
#include "overparam/study/pages.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "overparam/base/text.hpp"
#include "overparam/study/demo.hpp"
#include "overparam/study/verification.hpp"
#include "study/page_parts.hpp"
#include "study/small_runs.hpp"
#include "support/files.hpp"

namespace overparam::study {
namespace {

using tests::count;
using tests::digit_settings;
using tests::figure_called;
using tests::figure_ids;
using tests::mentions;
using tests::names;
using tests::run;
using tests::small_settings;
using tests::TemporaryFolder;

TEST(RunPage, HoldsItsChartsTheCertificateAndTheData) {
  const auto record = run(digit_settings({{"network.depth", "2"}}));
  const auto page = run_page(record);
  EXPECT_EQ(figure_ids(page),
            (std::vector<std::string>{"objective", "distance", "signs", "spectrum"}));
  EXPECT_EQ(count<report::Table>(page), 1u);
  EXPECT_EQ(count<report::ImageGrid>(page), 1u);
  EXPECT_EQ(count<report::Details>(page), 1u);

  const auto& objective = figure_called(page, "objective");
  EXPECT_TRUE(objective.y.logarithmic);
  EXPECT_EQ(names(objective), (std::vector<std::string>{"measured", "linear model at W⁽⁰⁾"}));
  EXPECT_EQ(objective.series[0].y.front(), record.facts.initial_objective);
  EXPECT_EQ(objective.series[0].y.back(), record.facts.final_objective);
  EXPECT_TRUE(objective.series[1].dashed);
  EXPECT_LE(objective.series[1].x.back(), static_cast<double>(record.facts.steps));

  // One line for each hidden layer; A is frozen, so the first features never change.
  EXPECT_EQ(names(figure_called(page, "distance")),
            (std::vector<std::string>{"layer 1", "layer 2"}));
  EXPECT_EQ(names(figure_called(page, "signs")), (std::vector<std::string>{"layer 1", "layer 2"}));
  EXPECT_EQ(figure_called(page, "distance").series[1].y.front(), 0);
  EXPECT_TRUE(mentions(page, "the step limit was reached"));
  EXPECT_TRUE(mentions(page, "width = 32"));

  const auto& spectrum = figure_called(page, "spectrum").series[0];
  EXPECT_EQ(spectrum.y.back(), record.facts.initial.lambda_min);
  EXPECT_NEAR(spectrum.y.front() / record.facts.lambda_max, 1, 1e-2);
  EXPECT_TRUE(mentions(page, "Kernel regime: " + record.regime.answer()));
}

TEST(RunPage, IsTheSameFromTheFolder) {
  const TemporaryFolder folder;
  const auto record = run(digit_settings(), {.folder = folder / "run"});
  EXPECT_EQ(report::to_html(run_page(read_run(folder / "run"))), report::to_html(run_page(record)));
}

TEST(RunPage, AFloorIsDrawn) {
  const auto record = run(small_settings({{"data.source", "duplicates"}}));
  ASSERT_GT(record.facts.irreducible_objective, 0);
  const auto figure = objective_figure(record);
  EXPECT_EQ(figure.series.back().name, "floor of conflicting samples");
  EXPECT_TRUE(figure.series.back().reference);
  EXPECT_EQ(figure.series.back().y.front(), record.facts.irreducible_objective);
}

TEST(RunPage, AWreckedRunHasAPageToo) {
  for (const char* step : {"critical:3000", "1e200"}) {
    const auto record = run(small_settings({{"train.step", step}, {"train.max_steps", "500"}}));
    const auto page = run_page(record);
    EXPECT_TRUE(mentions(page, "the step size is too large")) << step;
    EXPECT_FALSE(certificate_holds(record)) << step;
  }
}

TEST(RunTable, SaysHowTheRunEnded) {
  const auto record = run(digit_settings({{"data.test", "10"}}));
  const std::string text = report::to_text(run_table(record));
  for (const char* part : {"the step limit was reached",
                           "training accuracy",
                           "test accuracy",
                           "lambda_max(K)",
                           "lambda_min(K)",
                           "sphere inputs",
                           "Frobenius"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
}

TEST(CertificateTable, HoldsALineOfEveryCertificate) {
  auto record = run(small_settings());
  const auto lines = claims::certify(record.facts);
  const auto table = certificate_table(record);
  ASSERT_EQ(table.rows.size(), lines.size());
  EXPECT_GE(lines.size(), 8u);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(std::get<std::string>(table.rows[i][0]), lines[i].claim);
    EXPECT_EQ(std::get<double>(table.rows[i][4]), lines[i].constant());
    EXPECT_EQ(std::get<std::string>(table.rows[i][6]), "overparam verify --only " + lines[i].claim);
  }
  EXPECT_TRUE(certificate_holds(record));
  EXPECT_EQ(certificate_json(record).at("holds"), true);

  record.facts.initial.largest_product = 1e6;
  EXPECT_FALSE(certificate_holds(record));
  EXPECT_EQ(certificate_json(record).at("holds"), false);
  EXPECT_NE(report::to_text(certificate_table(record), 200).find("outside"), std::string::npos);
}

TEST(DemoPage, ComparesTheWideNetworkWithTheNarrowOnes) {
  Demo demo{.main = run(digit_settings({{"network.width", "64"}}))};
  for (const char* width : {"4", "16"}) {
    demo.narrow.push_back(run(digit_settings({{"network.width", width}})));
  }
  const auto page = demo_page(demo);
  EXPECT_EQ(page.title, "Over-parameterisation at work");
  EXPECT_EQ(figure_ids(page),
            (std::vector<std::string>{"objective", "distance", "signs", "spectrum"}));
  EXPECT_EQ(names(figure_called(page, "objective")),
            (std::vector<std::string>{"m = 64", "linear model, m = 64", "m = 16", "m = 4"}));
  EXPECT_GE(count<report::Command>(page), 3u);
  EXPECT_TRUE(mentions(page, "overparam verify"));

  const auto document = to_json(demo);
  EXPECT_EQ(document.at("kind"), "demo");
  ASSERT_EQ(document.at("narrow").size(), 2u);
  EXPECT_EQ(document.at("narrow")[1].at("width"), 16);
  EXPECT_EQ(document.at("narrow")[1].at("objective"), demo.narrow[1].facts.final_objective);
}

TEST(Demo, LeavesOtherRunsAlone) {
  const TemporaryFolder folder;
  run(digit_settings(), {.folder = folder / "mine"});
  tests::expect_error(ErrorKind::usage, {"mine", "no demo's", "--out"}, [&] {
    run_demo(Settings(), folder / "mine", {});
  });
  EXPECT_EQ(read_run(folder / "mine").facts.m, 32);
}

/// A small demo as `run_demo` leaves it, without demo.json.
Demo demo_in(const std::filesystem::path& folder) {
  Demo demo{.main = run(digit_settings({{"network.width", "64"}}), {.folder = folder})};
  for (const char* width : {"4", "16"}) {
    demo.narrow.push_back(run(digit_settings({{"network.width", width}}),
                              {.folder = folder / "narrow" / (std::string("m-") + width)}));
  }
  return demo;
}

TEST(DemoPage, IsTheSameFromTheFolder) {
  const TemporaryFolder folder;
  const auto demo = demo_in(folder / "demo");
  EXPECT_FALSE(is_demo(folder / "demo"));
  write_demo(demo, folder / "demo");
  EXPECT_TRUE(is_demo(folder / "demo"));
  const auto again = read_demo(folder / "demo");
  ASSERT_EQ(again.narrow.size(), 2u);
  EXPECT_EQ(again.narrow[1].name, "m-16");
  EXPECT_EQ(report::to_html(demo_page(again)), report::to_html(demo_page(demo)));
  EXPECT_EQ(to_json(again).at("narrow"), to_json(demo).at("narrow"));
}

TEST(DemoPage, WhatIsMissingIsNamed) {
  const TemporaryFolder folder;
  write_demo(demo_in(folder.path()), folder.path());
  std::filesystem::remove(folder / "narrow/m-4/run.json");
  tests::expect_error(ErrorKind::data, {"m-4", "run.json"}, [&] { read_demo(folder.path()); });
  for (const char* text : {"", "[]", "{}", R"({"narrow": 3})"}) {
    tests::write_bytes(folder / "demo.json", text);
    tests::expect_error(
        ErrorKind::data, {"demo.json", "damaged"}, [&] { read_demo(folder.path()); });
  }
}

TEST(DemoSettings, OnlySeedThreadsAndFolderAreTheUsers) {
  Settings given;
  given.set("run.seed", "7", "--seed");
  given.set("run.threads", "1", "--threads");
  given.set("run.out", "elsewhere", "--out");
  Settings foreign = given;
  for (const auto& [key, value] :
       std::map<std::string, std::string>{{"train.loss", "cross-entropy"},
                                          {"train.method", "sgd"},
                                          {"data.labels", "random"},
                                          {"network.width", "8"},
                                          {"run.dtype", "float64"}}) {
    foreign.set(key, value, "OVERPARAM_");
  }
  const std::vector<std::string> sections{"data", "network", "train", "run"};
  const auto settings = demo_settings(foreign);
  EXPECT_EQ(settings.to_toml(sections), demo_settings(given).to_toml(sections));
  EXPECT_EQ(settings.text("train.loss"), "squared");
  EXPECT_EQ(settings.integer("run.seed"), 7);
  EXPECT_EQ(settings.origin("run.seed"), "--seed");
  EXPECT_EQ(settings.text("run.out"), "elsewhere");
}

TEST(SweepPage, HoldsAChartForEachFit) {
  const TemporaryFolder folder;
  const auto result = run_sweep(
      small_settings(), {parse_axis("width=16,32,64"), parse_axis("seed=0..1")}, folder.path(), {});
  ASSERT_FALSE(result.fits.empty());
  const auto page = sweep_page(result);
  const auto ids = figure_ids(page);
  ASSERT_EQ(ids.size(), result.fits.size());
  EXPECT_NE(std::ranges::find(ids, "fit-network-width-lambda-max"), ids.end());
  EXPECT_EQ(count<report::Table>(page), 2u);
  EXPECT_EQ(fit_table(result).rows.size(), result.fits.size());

  // The line drawn is the fit: at both ends constant * x^exponent.
  const auto& figure = figure_called(page, "fit-network-width-lambda-max");
  ASSERT_EQ(names(figure), (std::vector<std::string>{"runs", "fit"}));
  EXPECT_EQ(figure.series[0].x.size(), 6u);
  EXPECT_EQ(figure.series[1].x, (std::vector<double>{16, 64}));
  const auto fit = std::ranges::find_if(
      result.fits, [](const auto& candidate) { return candidate.y == "lambda_max"; });
  EXPECT_NEAR(figure.series[1].y[1] / figure.series[1].y[0], std::pow(4, fit->law.exponent), 1e-9);
}

TEST(SweepPage, ShowsTheRowsOfTheFitAndCountsTheOthers) {
  SweepResult result{.axes = {{"network.width", {"8", "16", "32"}}}};
  for (const double m : {8, 16, 32}) {
    for (const char* reason : {"target_ratio", "max_steps", "diverged"}) {
      result.rows.push_back({.settings = {fmt::format("{}", m)},
                             .stopped_by = reason,
                             .numbers = {{"steps", 1000 / m}}});
    }
  }
  const auto points = fit_points(result, "network.width", "steps");
  result.fits = {{.x = "network.width",
                  .y = "steps",
                  .law = linalg::fit_power_law(points.x, points.y),
                  .left_out = points.left_out}};
  const auto page = sweep_page(result);
  EXPECT_EQ(figure_called(page, "fit-network-width-steps").series[0].x,
            (std::vector<double>{8, 16, 32}));
  EXPECT_TRUE(mentions(page, "over 3 runs; 6 left out"));
  const auto table = fit_table(result);
  EXPECT_EQ(table.columns.back().name, "left out");
  EXPECT_NE(report::to_text(table).find("left out"), std::string::npos);
}

TEST(SweepPage, FailuresAreTold) {
  SweepResult result{.axes = {{"train.batch", {"100"}}}, .failures = {"100: too large"}};
  EXPECT_TRUE(mentions(sweep_page(result), "100: too large"));
}

/// A claim with one law and one check, judged on an exact power of 2 that its bound allows.
claims::Claim quadratic() {
  return {.id = "quadratic",
          .statement = "y <= C x^2",
          .source = "nowhere",
          .quantity = "y",
          .window = "everywhere",
          .inside_window = [](const auto& row) { return row.at("x") > 1; },
          .expected = {claims::VerdictKind::tight},
          .laws = {{.name = "y in x", .design = "d", .x = "x", .y = "y", .predicted = 2}},
          .checks = {{.name = "largest y",
                      .meaning = "worked by hand",
                      .value = [](const auto& rows) { return rows.back().at("y"); },
                      .low = 0,
                      .high = 100}},
          .negative_control = {.description = "none needed"}};
}

Verification verification_of(const claims::Claim& claim, const std::vector<claims::Row>& rows) {
  Verification result;
  result.outcomes.push_back({.claim = &claim,
                             .verdict = claims::judge(claim, rows),
                             .rows = rows,
                             .repeat = "overparam verify --only quadratic"});
  result.outcomes[0].expected = claims::is_expected(claim, result.outcomes[0].verdict);
  return result;
}

TEST(VerificationPage, HoldsAChartForEachLawAndATableOfChecks) {
  const auto claim = quadratic();
  std::vector<claims::Row> rows;
  for (const double x : {1, 2, 4}) {
    rows.push_back({.design = "d", .values = {{"x", x}, {"y", 3 * x * x}, {"seed", 0}}});
  }
  const auto result = verification_of(claim, rows);
  EXPECT_TRUE(result.all_expected());
  const auto page = verification_page(result);
  EXPECT_EQ(figure_ids(page), (std::vector<std::string>{"quadratic-0"}));
  EXPECT_EQ(count<report::Table>(page), 2u);
  EXPECT_EQ(count<report::Command>(page), 1u);
  const auto& figure = figure_called(page, "quadratic-0");
  ASSERT_EQ(figure.series.size(), 3u);
  EXPECT_EQ(figure.series[0].y, (std::vector<double>{3, 12, 48}));
  EXPECT_NEAR(figure.series[1].y[1], 48, 1e-9);
  // The predicted slope is reached, so its line is the fit.
  EXPECT_NEAR(figure.series[2].y[0], 3, 1e-9);
  EXPECT_TRUE(figure.series[2].reference);
  EXPECT_TRUE(mentions(page, "quadratic · nowhere · tight"));
  EXPECT_TRUE(mentions(page, "worked by hand"));

  const auto table = verdict_table(result.outcomes);
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(std::get<std::string>(table.rows[0][1]), "tight");
  EXPECT_EQ(std::get<std::string>(table.rows[0][3]), "upper 2");
  EXPECT_EQ(std::get<std::string>(table.rows[1][7]), "holds");
  EXPECT_EQ(std::get<std::string>(table.rows[0][8]), "2 of 3");
}

TEST(VerificationPage, WhatWasNotMeasuredHasNoChart) {
  const auto claim = quadratic();
  const auto result = verification_of(claim, {});
  EXPECT_FALSE(result.all_expected());
  const auto page = verification_page(result);
  EXPECT_TRUE(figure_ids(page).empty());
  EXPECT_TRUE(mentions(page, "inconclusive"));
  // A claim of which nothing was measured still has its row.
  const auto table = verdict_table(result.outcomes);
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(std::get<std::string>(table.rows[0][1]), "inconclusive (unexpected)");
}

TEST(VerificationPage, PointsThatAreNoPowersAreDrawnAsTheyAre) {
  const auto claim = quadratic();
  const std::vector<claims::Row> rows{
      {.design = "d", .values = {{"x", 1}, {"y", 0}}},
      {.design = "d", .values = {{"x", 2}, {"y", std::numeric_limits<double>::quiet_NaN()}}}};
  EXPECT_NO_THROW(report::to_html(verification_page(verification_of(claim, rows))));
}

}  // namespace
}  // namespace overparam::study
