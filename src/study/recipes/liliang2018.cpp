// SPDX-License-Identifier: Apache-2.0
// Li, Liang 2018, the experiments on generated data: a two-layer ReLU network learns classes that
// are mixtures of separated components, its test accuracy does not suffer from the width, and the
// wider it is the less its weights and activation patterns change. With step size 10/m each neuron
// moves by O(1/m) where its weights are of size O(1/sqrt(m)), so both changes fall as m^(-1/2).
#include <cmath>
#include <map>

#include "overparam/base/text.hpp"
#include "overparam/study/recipe.hpp"
#include "support/clusters_run.hpp"

namespace overparam::study {

namespace {

using base::format_number;
using claims::Point;
using claims::Row;

constexpr const char* kName = "liliang2018";
constexpr double kStepTimesWidth = 10;
constexpr std::size_t kDirections = 60;  ///< singular values that the chart shows

/// Fitted exponents of the changes are held against -1/2.
constexpr double kExponent = -0.5;
constexpr double kExponentTolerance = 0.1;

ClustersSetting setting_of(const Point& point) {
  return {.width = point.integer("m"),
          .step_size = kStepTimesWidth / point.at("m"),
          .seed = point.seed()};
}

std::vector<Row> measure(const Point& point) {
  const auto result = run_clusters(setting_of(point));
  std::vector<Row> rows{{.design = "end",
                         .values = {{"m", point.at("m")},
                                    {"seed", point.at("seed")},
                                    {"train_accuracy", result.train_accuracy},
                                    {"test_accuracy", result.test_accuracy},
                                    {"changed_signs", result.changed_signs},
                                    {"relative_distance", result.relative_distance}}}};
  for (std::size_t i = 0; i < std::min(kDirections, result.energy_shares.size()); ++i) {
    rows.push_back({.design = "spectrum",
                    .values = {{"m", point.at("m")},
                               {"seed", point.at("seed")},
                               {"direction", static_cast<double>(i + 1)},
                               {"share", result.energy_shares[i]}}});
  }
  return rows;
}

std::vector<Measurement> plan(const ReproduceOptions& options) {
  std::vector<double> widths{2000, 1000, 500};
  if (options.scale != claims::Scale::quick) widths.insert(widths.begin(), {8000, 4000});
  if (options.scale == claims::Scale::full) widths.insert(widths.begin(), {32'000, 16'000});
  const claims::Design design{.name = "clusters",
                              .axes = {{"m", widths}},
                              .seeds = options.scale == claims::Scale::quick ? 2 : 5};
  std::vector<Measurement> measurements;
  for (const auto& point : claims::points_of(design, options.seed)) {
    measurements.push_back(
        measurement_of(kName, 1, point, plan_clusters(setting_of(point)).total(), measure));
  }
  return measurements;
}

/// Values of all seeds by width, or by direction.
using Levels = std::map<double, std::vector<double>>;

Levels levels_of(const std::vector<Row>& rows, const std::string& column) {
  Levels levels;
  for (const auto& row : rows) {
    if (row.design == "end") levels[row.at("m")].push_back(row.at(column));
  }
  return levels;
}

report::Series series_of(const std::string& name, const Levels& levels) {
  report::Series series{.name = name, .mark = report::Mark::line_and_points};
  for (const auto& [x, values] : levels) {
    const auto interval = interval_of_mean(values);
    series.x.push_back(x);
    series.y.push_back(linalg::mean(values));
    if (values.size() < 3) continue;
    series.low.push_back(interval.low);
    series.high.push_back(interval.high);
  }
  return series;
}

/// The power law with the expected exponent through the first point.
report::Series slope_of(const Levels& levels) {
  report::Series series{.name = "exponent -1/2", .dashed = true};
  const double first = levels.begin()->first, value = linalg::mean(levels.begin()->second);
  for (const double x : {first, levels.rbegin()->first}) {
    series.x.push_back(x);
    series.y.push_back(value * std::pow(x / first, kExponent));
  }
  return series;
}

Comparison exponent_of(const std::string& name, const Levels& levels) {
  std::vector<double> x, y;
  for (const auto& [width, values] : levels) {
    for (const double value : values) {
      x.push_back(width);
      y.push_back(value);
    }
  }
  const auto law = linalg::fit_power_law(x, y);
  return {.group = "Exponents in m",
          .quantity = name,
          .against = "O(1/m) a neuron beside O(1/sqrt(m))",
          .published = kExponent,
          .measured = law.exponent,
          .interval = law.interval,
          .criterion = fmt::format("within {:g}", kExponentTolerance),
          .met = std::abs(law.exponent - kExponent) <= kExponentTolerance};
}

report::Figure spectrum_figure(const std::vector<Row>& rows) {
  report::Figure figure{
      .id = "spectrum",
      .title = "The update has low rank",
      .caption =
          "Shares of ‖W − W(0)‖² by singular direction, largest first, mean over the seeds. The "
          "data have 20 components; beyond that many directions there is noise.",
      .x = {.label = "singular direction"},
      .y = {.label = "share of the squared norm", .logarithmic = true}};
  std::map<double, Levels> by_width;
  for (const auto& row : rows) {
    if (row.design != "spectrum") continue;
    by_width[row.at("m")][row.at("direction")].push_back(row.at("share"));
  }
  for (const auto& [width, levels] : by_width) {
    auto series = series_of(fmt::format("m = {}", width), levels);
    series.mark = report::Mark::line;
    series.low.clear();
    series.high.clear();
    figure.series.push_back(std::move(series));
  }
  return figure;
}

double share_of_first(const std::vector<Row>& rows, double directions) {
  double sum = 0;
  std::int64_t runs = 0;
  for (const auto& row : rows) {
    if (row.design == "end") ++runs;
    if (row.design == "spectrum" && row.at("direction") <= directions) sum += row.at("share");
  }
  return sum / static_cast<double>(runs);
}

Conclusion conclude(const ReproduceOptions&, const std::vector<Measured>& measured) {
  const auto rows = rows_of(measured, kName);
  const auto accuracy = levels_of(rows, "test_accuracy");
  const auto distance = levels_of(rows, "relative_distance");
  const auto signs = levels_of(rows, "changed_signs");
  Conclusion conclusion;
  for (const auto& [width, values] : accuracy) {
    conclusion.comparisons.push_back(compare("Test accuracy after 400 steps",
                                             fmt::format("m = {}", width),
                                             "test error at most epsilon",
                                             1,
                                             values,
                                             Tolerance{.relative = 0.05}));
  }
  conclusion.comparisons.push_back(exponent_of("|W - W(0)|_F / |W(0)|_F", distance));
  conclusion.comparisons.push_back(exponent_of("share of changed signs", signs));

  const auto& [least, narrow] = *distance.begin();
  const auto& [most, wide] = *distance.rbegin();
  conclusion.findings = {fmt::format(
      "From m = {} to m = {} the test accuracy goes from {} to {}, while the relative distance of "
      "the "
      "weights goes from {} to {} and the share of changed signs from {} to {}: the wider network "
      "learns the same with less change. Of the update's squared norm {} lies in 20 directions, as "
      "many as the data have components.",
      least,
      most,
      format_number(linalg::mean(accuracy.begin()->second)),
      format_number(linalg::mean(accuracy.rbegin()->second)),
      format_number(linalg::mean(narrow)),
      format_number(linalg::mean(wide)),
      format_number(linalg::mean(signs.begin()->second)),
      format_number(linalg::mean(signs.rbegin()->second)),
      format_number(share_of_first(rows, 20)))};

  report::Figure changes{
      .id = "changes",
      .title = "Wider networks change less",
      .caption =
          "Mean over the seeds, with its 95 % interval from three seeds on; dashed, the power "
          "law with exponent -1/2 through the narrowest network.",
      .x = {.label = "width m", .logarithmic = true},
      .y = {.label = "relative change", .logarithmic = true}};
  changes.series = {series_of("‖W − W(0)‖ / ‖W(0)‖", distance),
                    series_of("share of changed signs", signs)};
  for (const auto& [name, levels] :
       {std::pair("‖W − W(0)‖ / ‖W(0)‖", distance), std::pair("share of changed signs", signs)}) {
    changes.series.push_back(series_of(name, levels));
    changes.series.push_back(slope_of(levels));
  }
  conclusion.blocks = {std::move(changes), spectrum_figure(rows)};

  conclusion.data = {.title = "Runs",
                     .columns = {{"m", ""},
                                 {"seed", ""},
                                 {"train_accuracy", ""},
                                 {"test_accuracy", ""},
                                 {"changed_signs", ""},
                                 {"relative_distance", ""}}};
  for (const auto& row : rows) {
    if (row.design != "end") continue;
    std::vector<report::Cell> cells;
    for (const auto& column : conclusion.data.columns) cells.emplace_back(row.at(column.name));
    conclusion.data.add_row(std::move(cells));
  }
  return conclusion;
}

}  // namespace

Recipe liliang2018() {
  return {
      .name = kName,
      .title = "Li, Liang 2018: structured data and wide networks",
      .source =
          "Li, Liang: Learning Overparameterized Neural Networks via Stochastic Gradient Descent "
          "on Structured Data (arXiv 1808.01204), the experiments on generated data: ten "
          "classes of two components in R^1000, 400 steps of SGD",
      .cost = "quick 20 s, standard 2 min, full 10 min",
      .plan = plan,
      .conclude = conclude,
  };
}

}  // namespace overparam::study
