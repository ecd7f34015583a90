// SPDX-License-Identifier: Apache-2.0
// Figure 1 of Du, Zhai, Poczos, Singh 2018: training error, changed signs and largest distance from
// initialisation of two-layer networks of several widths, over 100 epochs of gradient descent.
//
// The paper fixes "one step size" without naming it. Two arms answer what it was:
//
//     dropped   W <- W - 0.001 sum_i (f(x_i) - y_i) a_r x_i 1[w_r^T x_i > 0], the gradient without
//               its factor 1/sqrt(m): in the stated network the step size 0.001 sqrt(m)
//     fixed     the step size 0.1 at every width
//
// The first gives the figure's numbers at all widths, with the natural logarithm of the mean
// squared error in panel (a) and the square of the distance in panel (c).
#include <algorithm>
#include <cmath>
#include <map>

#include "overparam/base/catalogue.hpp"
#include "overparam/base/text.hpp"
#include "overparam/study/recipe.hpp"
#include "support/two_layer_run.hpp"

namespace overparam::study {

namespace {

using base::format_number;
using claims::Point;
using claims::Row;

constexpr const char* kName = "du2018-fig1";
constexpr double kDroppedStep = 0.001;
constexpr double kFixedStep = 0.1;
constexpr std::int64_t kEpochs = 100;

enum Panel { kError, kSigns, kDistance, kNumPanels };

/// What the figure shows in one of its panels.
struct PanelShape {
  const char* letter;
  const char* id;
  const char* column;  ///< of the rows
  const char* name;
  const char* label;
  double tolerance;  ///< relative, for the mean over seeds at the last epoch
};

/// The largest of m distances scatters more over the seeds than a mean does.
constexpr PanelShape kPanels[kNumPanels] = {
    {"a", "error", "log_error", "ln of the mean squared error", "ln (2F / n)", 0.1},
    {"b", "signs", "changed_signs", "share of changed signs", "share of (i, r)", 0.1},
    {"c",
     "distance",
     "squared_distance",
     "squared distance of the neuron that moved most",
     "max ‖w_r(k) − w_r(0)‖²",
     0.2}};

/// Numbers at epoch 100, one a panel; NaN where there is none.
struct Published {
  double width;
  double figure[kNumPanels];    ///< read off the curves
  double separate[kNumPanels];  ///< of a separate plain implementation of the first arm
  bool decides;                 ///< whether the acceptance rests on this width
};

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

constexpr Published kPublished[] = {
    {500, {-1.6, 0.0185, 2.8}, {-1.60, 0.0178, 2.83}, true},
    {1000, {-2.15, 0.0152, 2.08}, {-2.18, 0.0144, 1.94}, true},
    {2000, {-3.0, 0.0117, 1.35}, {-2.99, 0.0116, 1.27}, true},
    {4000, {-4.05, 0.0097, 0.97}, {-4.15, 0.0087, 0.70}, false},
    {8000, {-5.65, 0.0067, 0.46}, {kNone, kNone, kNone}, false},
};

struct Arm {
  const char* family;
  const char* title;
  double (*step_size)(double width);
};

constexpr Arm kArms[] = {
    {"dropped",
     "Without the factor 1/√m: η = 0.001 √m",
     [](double width) { return kDroppedStep * std::sqrt(width); }},
    {"fixed", "The same step size for all widths: η = 0.1", [](double) { return kFixedStep; }},
};

const Arm& arm_of(const std::string& family) {
  return *std::ranges::find(kArms, family, [](const Arm& arm) { return std::string(arm.family); });
}

TwoLayerSetting setting_of(const Point& point) {
  const double width = point.at("m");
  return {.samples = point.integer("n"),
          .dimension = point.integer("dx"),
          .width = point.integer("m"),
          .epochs = point.integer("epochs"),
          .step_size = arm_of(point.design).step_size(width),
          .seed = point.seed()};
}

/// One row an epoch.
std::vector<Row> measure(const Point& point) {
  const auto curves = run_two_layer(setting_of(point));
  std::vector<Row> rows;
  for (std::size_t epoch = 0; epoch < curves.squared_error.size(); ++epoch) {
    rows.push_back({.design = point.design,
                    .values = {{"m", point.at("m")},
                               {"seed", point.at("seed")},
                               {"epoch", static_cast<double>(epoch)},
                               {"log_error", std::log(curves.squared_error[epoch])},
                               {"limit_log_error", std::log(curves.limit_error[epoch])},
                               {"changed_signs", curves.changed_signs[epoch]},
                               {"squared_distance", curves.squared_distance[epoch]},
                               {"lambda_min", curves.least_eigenvalue},
                               {"lambda_max", curves.largest_eigenvalue}}});
  }
  return rows;
}

std::vector<double> widths_at(claims::Scale scale) {
  switch (scale) {
    case claims::Scale::quick:
      return {1000, 500};
    case claims::Scale::standard:
      return {2000, 1000, 500};
    case claims::Scale::full:
      break;
  }
  return {8000, 4000, 2000, 1000, 500};
}

/// Wide networks first: the last measurements to end are then the short ones.
std::vector<Measurement> plan(const ReproduceOptions& options) {
  std::vector<Measurement> measurements;
  for (const double width : widths_at(options.scale)) {
    for (const auto& arm : kArms) {
      const claims::Design design{
          .name = arm.family,
          .fixed = {{"n", 1000}, {"dx", 1000}, {"m", width}, {"epochs", kEpochs}},
          .seeds = options.scale == claims::Scale::quick ? 2 : 5};
      for (const auto& point : claims::points_of(design, options.seed)) {
        auto measurement =
            measurement_of(kName, 1, point, plan_two_layer(setting_of(point)).total(), measure);
        measurement.name = fmt::format("{}, m = {}", arm.family, width);
        measurements.push_back(std::move(measurement));
      }
    }
  }
  return measurements;
}

/// A column of the rows over the epochs: for each epoch the values of all seeds.
using Curve = std::map<double, std::vector<double>>;

/// By arm and width.
using Curves = std::map<std::pair<std::string, double>, Curve>;

Curves curves_of(const std::vector<Row>& rows, const std::string& column) {
  Curves curves;
  for (const auto& row : rows) {
    curves[{row.design, row.at("m")}][row.at("epoch")].push_back(row.at(column));
  }
  return curves;
}

double last_mean(const Curve& curve) { return linalg::mean(curve.rbegin()->second); }

report::Series series_of(const std::string& name, const Curve& curve) {
  report::Series series{.name = name};
  for (const auto& [epoch, samples] : curve) add_mean(series, epoch, samples);
  return series;
}

report::Series published_series(Panel panel, const Curves& curves, const std::string& family) {
  report::Series series{
      .name = "the figure, epoch 100", .mark = report::Mark::points, .reference = true};
  for (const auto& published : kPublished) {
    if (!curves.contains({family, published.width})) continue;
    series.x.push_back(static_cast<double>(kEpochs));
    series.y.push_back(published.figure[panel]);
  }
  return series;
}

std::string caption_of(Panel panel, const Arm& arm) {
  const bool dropped = arm.family == kArms[0].family;
  switch (panel) {
    case kError:
      return dropped
                 ? "Mean over the seeds, with its 95 % interval from three seeds on. Wider "
                   "networks are faster, as in "
                   "the figure, and so is the limit kernel (dashed), which knows the width only "
                   "through the step size."
                 : "Mean over the seeds, with its 95 % interval from three seeds on. All widths "
                   "fall together, along "
                   "the limit kernel's dynamics (dashed). The figure's points are not met.";
    case kSigns:
      return "Pairs of a sample and a neuron on the other side of the ReLU than at the start.";
    default:
      return "The square of the distance: the figure's axis says distance, its values are those of "
             "the square.";
  }
}

report::Figure figure_of(Panel panel, const Arm& arm, const Curves& curves, const Curves& limit) {
  const auto& shape = kPanels[panel];
  report::Figure figure{.id = fmt::format("{}-{}", arm.family, shape.id),
                        .title = fmt::format("({}) {}", shape.letter, shape.name),
                        .caption = caption_of(panel, arm),
                        .x = {.label = "epoch"},
                        .y = {.label = shape.label}};
  for (const auto& [key, curve] : curves) {
    const auto& [family, width] = key;
    if (family != arm.family) continue;
    figure.series.push_back(series_of(fmt::format("m = {}", width), curve));
    if (panel != kError) continue;
    report::Series dashed = series_of(fmt::format("limit kernel, m = {}", width), limit.at(key));
    dashed.low.clear();
    dashed.high.clear();
    dashed.dashed = true;
    figure.series.push_back(std::move(dashed));
  }
  figure.series.push_back(published_series(panel, curves, arm.family));
  return figure;
}

std::vector<Comparison> comparisons_of(Panel panel, const Curves& curves) {
  const auto& shape = kPanels[panel];
  std::vector<Comparison> comparisons;
  for (const auto& published : kPublished) {
    const auto curve = curves.find({kArms[0].family, published.width});
    if (curve == curves.end()) continue;
    const auto& measured = curve->second.rbegin()->second;
    const std::string group = fmt::format("({}) {}", shape.letter, shape.name);
    const std::string quantity = fmt::format("m = {}", published.width);
    const auto tolerance =
        published.decides ? std::optional(Tolerance{.relative = shape.tolerance}) : std::nullopt;
    comparisons.push_back(
        compare(group, quantity, "the figure", published.figure[panel], measured, tolerance));
    if (std::isnan(published.separate[panel])) continue;
    comparisons.push_back(compare(
        group, quantity, "a separate program", published.separate[panel], measured, tolerance));
  }
  return comparisons;
}

/// The values of one arm at the last epoch, "500: -1.6, 1000: -2.18".
std::string last_values(const Curves& curves,
                        const std::string& family,
                        const std::function<double(double)>& shown) {
  std::vector<std::string> parts;
  for (const auto& [key, curve] : curves) {
    if (key.first != family) continue;
    parts.push_back(
        fmt::format("{} at m = {}", format_number(shown(last_mean(curve))), key.second));
  }
  return base::join(parts, ", ");
}

/// How far the last values of one arm lie apart.
double spread(const Curves& curves, const std::string& family) {
  double least = std::numeric_limits<double>::infinity(), largest = -least;
  for (const auto& [key, curve] : curves) {
    if (key.first != family) continue;
    least = std::min(least, last_mean(curve));
    largest = std::max(largest, last_mean(curve));
  }
  return largest - least;
}

std::vector<std::string> findings_of(const std::vector<Row>& rows,
                                     const std::vector<Curves>& panels,
                                     const Curves& limit) {
  const auto same = [](double value) { return value; };
  const auto& errors = panels[kError];
  const std::size_t samples = 1000;
  double lambda_min = std::numeric_limits<double>::infinity(), lambda_max = 0;
  for (const auto& row : rows) {
    lambda_min = std::min(lambda_min, row.at("lambda_min"));
    lambda_max = std::max(lambda_max, row.at("lambda_max"));
  }
  return {
      fmt::format(
          "**Without the factor 1/√m in the gradient** (the update `W ← W − 0.001 Σ (f − y) a x`, "
          "which is the step size 0.001 √m in the stated network) the natural logarithm of the "
          "mean "
          "squared error at epoch 100 is {}. The share of changed signs is {}, the largest squared "
          "distance {}.",
          last_values(errors, "dropped", same),
          last_values(panels[kSigns], "dropped", same),
          last_values(panels[kDistance], "dropped", same)),
      fmt::format(
          "**With the step size fixed at 0.1** the objective F at epoch 100 is {}: the logarithms "
          "of "
          "the mean squared error lie {} apart, where those of the first arm lie {} apart.",
          last_values(errors, "fixed", [&](double value) { return samples * std::exp(value) / 2; }),
          format_number(spread(errors, "fixed"), 2),
          format_number(spread(errors, "dropped"), 2)),
      fmt::format(
          "The limit kernel, whose eigenvalues lie in [{}, {}] at every width, gives the "
          "logarithms "
          "{} with the step sizes of the first arm. That wider networks converge faster in the "
          "figure is therefore the effect of their larger steps, not of a larger least eigenvalue.",
          format_number(lambda_min),
          format_number(lambda_max),
          last_values(limit, "dropped", same)),
      fmt::format(
          "Panel (c) says max ‖w_r(k) − w_r(0)‖ on its axis. That distance is {} here; the "
          "figure's "
          "values are those of its square.",
          last_values(panels[kDistance], "dropped", [](double value) { return std::sqrt(value); })),
  };
}

report::Table data_of(const std::vector<Curves>& panels, const Curves& limit) {
  report::Table table{.title = "Curves",
                      .columns = {{"arm", ""},
                                  {"m", ""},
                                  {"eta", "step size in the stated network"},
                                  {"epoch", ""},
                                  {"seeds", ""}}};
  for (const auto& shape : kPanels) {
    table.columns.push_back({shape.column, "mean over the seeds"});
    table.columns.push_back({fmt::format("{}_low", shape.column), "95 % interval of the mean"});
    table.columns.push_back({fmt::format("{}_high", shape.column), "95 % interval of the mean"});
  }
  table.columns.push_back({"limit_log_error", "of the limit kernel's dynamics"});
  for (const auto& [key, curve] : panels[kError]) {
    for (const auto& [epoch, samples] : curve) {
      std::vector<report::Cell> cells{key.first,
                                      key.second,
                                      arm_of(key.first).step_size(key.second),
                                      epoch,
                                      static_cast<std::int64_t>(samples.size())};
      for (const auto& curves : panels) {
        const auto& values = curves.at(key).at(epoch);
        const auto interval = interval_of_mean(values);
        for (const double value : {linalg::mean(values), interval.low, interval.high}) {
          cells.emplace_back(value);
        }
      }
      cells.emplace_back(linalg::mean(limit.at(key).at(epoch)));
      table.add_row(std::move(cells));
    }
  }
  return table;
}

Conclusion conclude(const ReproduceOptions&, const std::vector<Measured>& measured) {
  const auto rows = rows_of(measured, kName);
  std::vector<Curves> panels;
  for (const auto& shape : kPanels) panels.push_back(curves_of(rows, shape.column));
  const Curves limit = curves_of(rows, "limit_log_error");

  Conclusion conclusion{.findings = findings_of(rows, panels, limit),
                        .data = data_of(panels, limit)};
  for (const auto panel : {kError, kSigns, kDistance}) {
    std::ranges::move(comparisons_of(panel, panels[panel]),
                      std::back_inserter(conclusion.comparisons));
  }
  for (const auto& arm : kArms) {
    conclusion.blocks.emplace_back(report::Heading{arm.title});
    for (const auto panel : {kError, kSigns, kDistance}) {
      conclusion.blocks.emplace_back(figure_of(panel, arm, panels[panel], limit));
    }
  }
  return conclusion;
}

}  // namespace

Recipe du2018_fig1() {
  return {
      .name = kName,
      .title = "Figure 1 of Du et al. 2018",
      .source =
          "Du, Zhai, Poczos, Singh: Gradient Descent Provably Optimizes Over-parameterized Neural "
          "Networks (arXiv 1810.02054), Figure 1: two-layer ReLU networks of width 500 to 8,000 on "
          "1,000 points uniform on the unit sphere in R^1000 with targets N(0, 1), 100 epochs of "
          "gradient descent",
      .cost = "quick 30 s, standard 3 min, full 12 min",
      .plan = plan,
      .conclude = conclude,
  };
}

}  // namespace overparam::study
