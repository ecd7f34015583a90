// SPDX-License-Identifier: Apache-2.0
// What is measured and told of a Gauss-Newton run, and of the demo that ends with one.
#include "newton_page.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "overparam/base/text.hpp"
#include "overparam/study/demo.hpp"
#include "overparam/study/pages.hpp"
#include "study/page_parts.hpp"
#include "study/small_runs.hpp"
#include "support/files.hpp"

namespace overparam::study {
namespace {

using tests::digit_settings;
using tests::figure_called;
using tests::figure_ids;
using tests::mentions;
using tests::names;
using tests::run;
using tests::small_settings;
using tests::table_called;
using tests::TemporaryFolder;

/// Gauss-Newton on eight drawn digits.
Settings newton_settings(std::map<std::string, std::string> changes = {}) {
  changes.insert({{"train.method", "gauss-newton"},
                  {"train.target_ratio", "1e-16"},
                  {"network.width", "128"}});
  return digit_settings(changes);
}

/// A run whose r = F^(1/2) goes 1, 0.09, 0.09^p, ... with whole steps solved well.
RunRecord record_of_order(double order, int steps) {
  RunRecord record{.settings_toml = "dtype = \"float64\"\n", .stopped_by = "target_ratio"};
  auto& facts = record.facts;
  facts.n = facts.batch_size = 8;
  facts.method = "gauss-newton";
  facts.loss = "squared";
  facts.initial_objective = 1;
  facts.steps = steps;
  double r = 1;
  for (int step = 0; step <= steps; ++step) {
    facts.trajectory.push_back({.step = step, .objective = r * r});
    if (step > 0) facts.trajectory.back().newton = {.predicted = r * r / 100};
    r = step == 0 ? 0.09 : std::pow(r, order);
  }
  return record;
}

TEST(ConvergenceOrder, IsThatOfTheSequence) {
  for (const double order : {1.3, 1.5, 2.0}) {
    const auto fitted = convergence_order(record_of_order(order, 5));
    ASSERT_TRUE(fitted.has_value()) << order;
    EXPECT_NEAR(fitted->order, order, 1e-9);
    EXPECT_LE(fitted->interval.low, fitted->order);
    EXPECT_GE(fitted->interval.high, fitted->order);
    EXPECT_EQ(fitted->first_step, 1);
  }
}

TEST(ConvergenceOrder, EndsAboveTheRounding) {
  // 0.09^(2^k): 8e-3, 7e-5, 4e-9, and 2e-17, which is below 40 u = 4e-15.
  const auto quadratic = convergence_order(record_of_order(2, 5));
  ASSERT_TRUE(quadratic.has_value());
  EXPECT_EQ(quadratic->pairs, 3);
  EXPECT_EQ(quadratic->last_step, 4);
  auto single = record_of_order(2, 5);
  single.settings_toml = "dtype = \"float32\"\n";
  EXPECT_FALSE(convergence_order(single).has_value()) << "40 u = 2e-6 leaves two pairs";
}

TEST(ConvergenceOrder, IsNotGivenWhereNothingShowsIt) {
  ASSERT_TRUE(convergence_order(record_of_order(1.5, 4)).has_value());
  EXPECT_FALSE(convergence_order(record_of_order(1.5, 3)).has_value()) << "two pairs";
  const std::map<std::string, std::function<void(RunRecord&)>> changes{
      {"method", [](auto& record) { record.facts.method = "gd"; }},
      {"loss", [](auto& record) { record.facts.loss = "cross-entropy"; }},
      {"batches", [](auto& record) { record.facts.batch_size = 4; }},
      {"least squares", [](auto& record) { record.stopped_by = "stationary"; }},
      {"never fast", [](auto& record) { record.facts.initial_objective = 1e-4; }},
      {"shortened", [](auto& record) { record.facts.trajectory[3].newton->length = 0.5; }},
      {"badly solved",
       [](auto& record) {
         auto& point = record.facts.trajectory[3];
         point.newton->predicted = 0.9 * point.objective;
       }},
      {"a gap", [](auto& record) {
         for (std::size_t i = 3; i < 5; ++i) ++record.facts.trajectory[i].step;
       }}};
  for (const auto& [name, change] : changes) {
    auto record = record_of_order(1.5, 4);
    change(record);
    EXPECT_FALSE(convergence_order(record).has_value()) << name;
  }
}

TEST(OrderText, ClaimsWhatTheIntervalShows) {
  const auto text = [](double low, double high, bool kinks) {
    return order_text({.order = (low + high) / 2, .interval = {low, high}, .pairs = 4}, kinks);
  };
  const auto has = [](const std::string& whole, const char* part) {
    return whole.find(part) != std::string::npos;
  };
  EXPECT_TRUE(has(text(1.9, 2.1, false), "This is quadratic convergence"));
  EXPECT_FALSE(has(text(1.9, 2.1, true), "ReLU"));
  for (const bool kinks : {false, true}) {
    EXPECT_TRUE(has(text(1.4, 1.6, kinks), "and not quadratic")) << kinks;
    EXPECT_FALSE(has(text(1.4, 1.6, kinks), "is quadratic")) << kinks;
    EXPECT_EQ(has(text(1.4, 1.6, kinks), "such as ReLU's 3/2"), kinks);
    EXPECT_TRUE(has(text(1.4, 2.1, kinks), "cannot tell")) << kinks;
    EXPECT_TRUE(has(text(0.8, 1.3, kinks), "not show more than a linear rate")) << kinks;
    EXPECT_TRUE(has(text(2.2, 2.4, kinks), "faster than quadratic")) << kinks;
  }
  EXPECT_TRUE(has(text(1.4, 1.6, true), "1.5 [1.4, 1.6]"));
}

TEST(NewtonPage, HoldsEachStepPredictedAndReal) {
  const auto record = run(newton_settings());
  ASSERT_TRUE(record.reached_target) << record.stopped_by;
  const auto page = run_page(record);
  EXPECT_EQ(page.title, "Gauss-Newton run");
  EXPECT_EQ(figure_ids(page), (std::vector<std::string>{"steps", "distance", "signs", "spectrum"}));

  const auto& trajectory = record.facts.trajectory;
  const auto& figure = figure_called(page, "steps");
  ASSERT_EQ(names(figure), (std::vector<std::string>{"measured", "predicted"}));
  EXPECT_TRUE(figure.y.logarithmic);
  EXPECT_EQ(figure.series[0].y.front(), record.facts.initial_objective);
  EXPECT_EQ(figure.series[0].y.back(), record.facts.final_objective);
  EXPECT_EQ(figure.series[1].x.front(), 1);
  EXPECT_EQ(figure.series[1].y.back(), trajectory.back().newton->predicted);

  const auto& table = table_called(page, "Steps");
  ASSERT_EQ(table.rows.size(), trajectory.size());
  const auto& last = table.rows.back();
  EXPECT_EQ(std::get<std::int64_t>(last[0]), record.facts.steps);
  EXPECT_EQ(std::get<double>(last[1]), record.facts.final_objective);
  EXPECT_EQ(std::get<double>(last[2]), trajectory.back().newton->predicted);
  EXPECT_EQ(std::get<std::int64_t>(last[4]), trajectory.back().newton->iterations);
  EXPECT_EQ(std::get<double>(last[8]), trajectory.back().radius());
  EXPECT_TRUE(std::holds_alternative<std::monostate>(table.rows.front()[2]));
  // Where the prediction is far below F, their ratio would tell of the linear solve alone.
  for (std::size_t i = 1; i < table.rows.size(); ++i) {
    const double ratio = trajectory[i].objective / trajectory[i].newton->predicted;
    EXPECT_EQ(std::holds_alternative<double>(table.rows[i][3]), ratio <= 1e3) << i;
  }
  EXPECT_TRUE(mentions(page, "Why it works"));
  EXPECT_TRUE(mentions(page,
                       base::format_number(record.facts.initial.spectrum.back() /
                                           record.facts.initial.spectrum.front()) +
                           " steps at the start"));
  EXPECT_NE(report::to_text(run_table(record)).find("products with K a step"), std::string::npos);
}

TEST(NewtonPage, IsTheSameFromTheFolder) {
  const TemporaryFolder folder;
  const auto record = run(newton_settings(), {.folder = folder / "run"});
  const auto copy = read_run(folder / "run");
  EXPECT_EQ(to_json(copy).dump(1), to_json(record).dump(1));
  ASSERT_EQ(copy.facts.trajectory.size(), record.facts.trajectory.size());
  for (std::size_t i = 0; i < copy.facts.trajectory.size(); ++i) {
    EXPECT_EQ(to_json(copy.facts.trajectory[i]), to_json(record.facts.trajectory[i])) << i;
  }
  EXPECT_EQ(report::to_html(run_page(copy)), report::to_html(run_page(record)));
}

TEST(NewtonPage, EachStepKeepsWhatItPredicted) {
  // Damped so much that it lasts, past the steps at which all is measured.
  const auto record = run(newton_settings(
      {{"train.damping", "10"}, {"train.target_ratio", "0"}, {"train.max_steps", "41"}}));
  ASSERT_EQ(record.facts.steps, 41);
  for (const auto& point : record.facts.trajectory) {
    EXPECT_EQ(point.newton.has_value(), point.step > 0) << point.step;
  }
  EXPECT_TRUE(record.facts.trajectory.back().is_full);
}

TEST(NewtonPage, AResumedRunKeepsItsFormerSteps) {
  const TemporaryFolder folder;
  const auto whole = run(newton_settings(), {.folder = folder / "whole"});
  run(newton_settings({{"train.max_steps", "2"}}), {.folder = folder / "parts"});
  const auto parts = run(newton_settings(), {.folder = folder / "parts", .resume = true});
  ASSERT_EQ(parts.facts.trajectory.size(), whole.facts.trajectory.size());
  const auto without_clock = [](const train::TrajectoryPoint& point) {
    auto line = to_json(point);
    line.erase("seconds");
    return line;
  };
  for (std::size_t i = 0; i < whole.facts.trajectory.size(); ++i) {
    EXPECT_EQ(without_clock(parts.facts.trajectory[i]), without_clock(whole.facts.trajectory[i]));
  }
}

TEST(NewtonPage, TheRecordKeepsTheOrder) {
  const auto record = record_of_order(1.5, 5);
  const auto document = to_json(record).at("newton");
  EXPECT_NEAR(document.at("order").get<double>(), 1.5, 1e-9);
  EXPECT_EQ(document.at("pairs"), convergence_order(record)->pairs);
  EXPECT_LE(document.at("low"), document.at("order"));
  EXPECT_GE(document.at("high"), document.at("order"));
  EXPECT_FALSE(to_json(record_of_order(1.5, 3)).contains("newton"));
}

TEST(NewtonPage, AnHonestEndIsExplained) {
  const auto record = run(small_settings({{"data.source", "duplicates"},
                                          {"train.method", "gauss-newton"},
                                          {"train.target_ratio", "1e-12"},
                                          {"network.width", "128"}}));
  ASSERT_EQ(record.stopped_by, "stationary");
  const auto page = run_page(record);
  EXPECT_TRUE(mentions(page, "Why it ends above 0"));
  EXPECT_FALSE(mentions(page, "Why it works"));
  EXPECT_FALSE(mentions(page, "Order of convergence"));
  const auto& floor = figure_called(page, "steps").series.back();
  EXPECT_TRUE(floor.reference);
  EXPECT_EQ(floor.y.front(), record.facts.irreducible_objective);
}

TEST(NewtonPage, BatchesHoldNoPredictionAgainstTheWhole) {
  const auto record = run(newton_settings({{"train.batch", "4"}, {"train.target_ratio", "1e-3"}}));
  const auto page = run_page(record);
  EXPECT_EQ(figure_ids(page).front(), "objective");
  for (const auto& row : table_called(page, "Steps").rows) {
    EXPECT_TRUE(std::holds_alternative<std::monostate>(row[3]));
  }
  EXPECT_TRUE(mentions(page, "samples of its batch"));
}

TEST(NewtonPage, ALossOfClassesHasItsOwnReason) {
  const auto record =
      run(newton_settings({{"train.loss", "cross-entropy"}, {"train.target_ratio", "1e-2"}}));
  const auto page = run_page(record);
  EXPECT_TRUE(mentions(page, "minimum lies at infinity"));
  EXPECT_FALSE(mentions(page, "lands where the linearised"));
  EXPECT_FALSE(mentions(page, "Order of convergence"));
}

TEST(NewtonPage, ALongTableIsFolded) {
  const auto record = record_of_order(1.02, 60);
  const auto blocks = newton_blocks(record);
  ASSERT_TRUE(std::holds_alternative<report::Details>(blocks.front()));
  const auto& table = std::get<report::Table>(std::get<report::Details>(blocks.front()).blocks[0]);
  EXPECT_EQ(table.rows.size(), 61u);
}

/// A small demo in memory, or below a folder.
Demo small_demo(const std::filesystem::path& folder = {}) {
  const auto below = [&](const char* name) {
    return RunOutput{.folder = folder.empty() ? folder : folder / name};
  };
  Demo demo{.main = run(digit_settings({{"network.width", "64"}}), {.folder = folder})};
  demo.narrow.push_back(run(digit_settings({{"network.width", "4"}}), below("narrow/m-4")));
  demo.exact = run(newton_settings(), below("exact"));
  return demo;
}

TEST(DemoWithExact, PutsGaussNewtonBesideGradientDescent) {
  auto demo = small_demo();
  const auto page = demo_page(demo);
  EXPECT_EQ(figure_ids(page),
            (std::vector<std::string>{"objective", "distance", "signs", "spectrum", "exact"}));
  const auto& figure = figure_called(page, "exact");
  ASSERT_EQ(names(figure), (std::vector<std::string>{"gradient descent", "Gauss-Newton"}));
  EXPECT_EQ(figure.series[0].y.back(), demo.main.facts.final_objective);
  EXPECT_EQ(figure.series[1].y.back(), demo.exact->facts.final_objective);
  EXPECT_EQ(figure.series[1].x.back(), demo.exact->facts.trajectory.back().seconds);
  EXPECT_EQ(table_called(page, "Steps").rows.size(), demo.exact->facts.trajectory.size());
  EXPECT_TRUE(mentions(page, "The exact minimum"));
  EXPECT_TRUE(mentions(page, "Why it works"));
  EXPECT_TRUE(mentions(page, "--method gauss-newton --dtype float64"));

  const auto document = to_json(demo).at("exact");
  EXPECT_EQ(document.at("steps"), demo.exact->facts.steps);
  EXPECT_EQ(document.at("objective"), demo.exact->facts.final_objective);
  EXPECT_EQ(document.at("seconds"), demo.exact->seconds);
  EXPECT_LE(document.at("ratio").get<double>(), 1e-16);
  EXPECT_NE(report::to_text(demo_table(demo)).find("the exact minimum"), std::string::npos);

  // Both targets count.
  demo.main.reached_target = demo.exact->reached_target = true;
  EXPECT_TRUE(demo.reached_targets());
  demo.exact->reached_target = false;
  EXPECT_FALSE(demo.reached_targets());
  demo.exact.reset();
  EXPECT_TRUE(demo.reached_targets());
  demo.main.reached_target = false;
  EXPECT_FALSE(demo.reached_targets());
}

TEST(DemoWithExact, IsReadBackWithItAndWithout) {
  const TemporaryFolder folder;
  auto demo = small_demo(folder.path());
  write_demo(demo, folder.path());
  const auto again = read_demo(folder.path());
  ASSERT_TRUE(again.exact.has_value());
  EXPECT_EQ(report::to_html(demo_page(again)), report::to_html(demo_page(demo)));
  EXPECT_EQ(to_json(again).at("exact"), to_json(demo).at("exact"));

  demo.exact.reset();
  write_demo(demo, folder.path());
  const auto older = read_demo(folder.path());
  EXPECT_FALSE(older.exact.has_value());
  EXPECT_FALSE(to_json(older).contains("exact"));
  EXPECT_FALSE(mentions(demo_page(older), "The exact minimum"));
}

TEST(DemoWithExact, AMissingRunIsNamed) {
  const TemporaryFolder folder;
  write_demo(small_demo(folder.path()), folder.path());
  std::filesystem::remove(folder / "exact/run.json");
  tests::expect_error(ErrorKind::data, {"exact", "run.json"}, [&] { read_demo(folder.path()); });
}

TEST(DemoWithExact, ChangesTheMethodTheTypeAndTheTargetAlone) {
  const Settings demo = demo_settings(Settings());
  const Settings exact = exact_settings(demo);
  EXPECT_EQ(exact.text("train.method"), "gauss-newton");
  EXPECT_EQ(exact.text("run.dtype"), "float64");
  EXPECT_EQ(exact.number("train.target_ratio"), 1e-20);
  Settings back = exact;
  for (const char* key : {"train.method", "run.dtype", "train.target_ratio"}) {
    back.set(key, demo.text(key), "test");
  }
  const std::vector<std::string> sections{"data", "network", "train", "run"};
  EXPECT_EQ(back.to_toml(sections), demo.to_toml(sections));
}

}  // namespace
}  // namespace overparam::study
