// SPDX-License-Identifier: Apache-2.0
#include "lines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "overparam/linalg/fit.hpp"
#include "overparam/study/recipe.hpp"

namespace overparam::study {

using claims::Row;
using curvature::LineCurve;
using curvature::LineShape;

namespace {

double seed_of(const Row& row) { return row.has("seed") ? row.at("seed") : 0; }

/// The mean over the lines of one list of values each.
report::Series series_of(const std::string& name,
                         const std::vector<double>& shares,
                         std::size_t count,
                         const std::function<double(std::size_t line, std::size_t at)>& value) {
  report::Series series{.name = name};
  for (std::size_t i = 0; i < shares.size(); ++i) {
    std::vector<double> values;
    for (std::size_t k = 0; k < count; ++k) values.push_back(value(k, i));
    add_mean(series, shares[i], values);
  }
  return series;
}

}  // namespace

std::vector<double> Lines::each(double LineShape::*value) const {
  std::vector<double> values;
  for (const auto& shape : shapes) values.push_back(shape.*value);
  return values;
}

Lines lines_of(const std::string& network,
               const std::string& family,
               const std::vector<Row>& rows) {
  std::map<double, std::pair<LineCurve, std::vector<double>>> by_seed;
  for (const auto& row : rows) {
    if (row.design != "line" || row.family != family) continue;
    auto& [curve, held_out] = by_seed[seed_of(row)];
    curve.shares.push_back(row.at("a"));
    curve.objective.push_back(row.at("f"));
    curve.accuracy.push_back(row.at("accuracy"));
    if (row.has("test_f")) held_out.push_back(row.at("test_f"));
  }
  Lines lines{.network = network, .name = family};
  for (auto& [seed, line] : by_seed) {
    lines.shapes.push_back(curvature::line_shape(line.first));
    lines.curves.push_back(std::move(line.first));
    if (!line.second.empty()) lines.held_out.push_back(std::move(line.second));
  }
  return lines;
}

report::Series objective_series(const std::string& name, const Lines& lines) {
  return series_of(
      name, lines.curves.front().shares, lines.curves.size(), [&](std::size_t k, std::size_t i) {
        return lines.curves[k].objective[i];
      });
}

report::Series held_out_series(const std::string& name, const Lines& lines) {
  auto series = series_of(
      name, lines.curves.front().shares, lines.held_out.size(), [&](std::size_t k, std::size_t i) {
        return lines.held_out[k][i];
      });
  series.dashed = true;
  series.low.clear();
  series.high.clear();
  return series;
}

report::Table shapes_table(const std::vector<const Lines*>& all) {
  report::Table table{
      .title = "What the lines show, as numbers",
      .caption = "Between a = 0 and a = 1, in units of f, means over the seeds.",
      .columns = {
          {"network", ""},
          {"line", "where it begins, or its batch normalisation"},
          {"f(0)", ""},
          {"f(1)", ""},
          {"rise", "largest f(b) - f(a) with a < b"},
          {"barrier", "largest height of f above the chord from f(0) to f(1)"},
          {"dent", "largest height of f above the largest convex function below it"},
          {"least f''", "least second difference, as a second derivative in a"},
          {"high", "share of the way on which f exceeds 0.9 f(0), where it falls to half"}}};
  for (const auto* lines : all) {
    const auto mean = [&](double LineShape::*value) { return linalg::mean(lines->each(value)); };
    std::vector<report::Cell> cells{lines->network, lines->name};
    for (const auto value : {&LineShape::start,
                             &LineShape::end,
                             &LineShape::rise,
                             &LineShape::barrier,
                             &LineShape::dent,
                             &LineShape::least_curvature}) {
      cells.emplace_back(mean(value));
    }
    cells.emplace_back();
    if (mean(&LineShape::end) < mean(&LineShape::start) / 2) {
      cells.back() = mean(&LineShape::plateau_share);
    }
    table.add_row(std::move(cells));
  }
  return table;
}

report::Table points_table(const std::vector<const Lines*>& all) {
  report::Table table{
      .title = "Points of the lines",
      .columns = {
          {"network", ""}, {"line", ""}, {"number", ""}, {"a", ""}, {"f", ""}, {"accuracy", ""}}};
  for (const auto* lines : all) {
    for (std::size_t k = 0; k < lines->curves.size(); ++k) {
      const auto& curve = lines->curves[k];
      for (std::size_t i = 0; i < curve.shares.size(); ++i) {
        table.add_row({lines->network,
                       lines->name,
                       static_cast<double>(k),
                       curve.shares[i],
                       curve.objective[i],
                       curve.accuracy[i]});
      }
    }
  }
  return table;
}

std::vector<Row> trajectory_rows(const std::vector<at::Tensor>& points,
                                 const std::vector<double>& epochs,
                                 const std::vector<double>& f) {
  const auto found = curvature::along_line(points);
  std::vector<Row> rows;
  for (std::size_t i = 0; i < points.size(); ++i) {
    rows.push_back({.design = "trajectory",
                    .values = {{"epoch", epochs[i]},
                               {"f", f[i]},
                               {"alpha", found.alpha[i]},
                               {"beta", found.beta[i]},
                               {"length", found.length}}});
  }
  return rows;
}

Trajectories trajectories_of(const std::vector<Row>& rows) {
  Trajectories by_seed;
  for (const auto& row : rows) {
    if (row.design != "trajectory") continue;
    auto& trajectory = by_seed[seed_of(row)];
    trajectory.epoch.push_back(row.at("epoch"));
    trajectory.f.push_back(row.at("f"));
    trajectory.alpha.push_back(row.at("alpha") / row.at("length"));
    trajectory.beta.push_back(row.at("beta") / row.at("length"));
  }
  return by_seed;
}

double largest_residual(const Trajectories& trajectories) {
  double largest = 0;
  for (const auto& [seed, trajectory] : trajectories) {
    largest = std::max(largest, std::ranges::max(trajectory.beta));
  }
  return largest;
}

report::Figure training_figure(const std::string& id,
                               const std::string& network,
                               const Trajectories& trajectories) {
  report::Figure figure{.id = "training-" + id,
                        .title = "The same objective in training, " + network,
                        .caption = "f at the weights that training passed.",
                        .x = {.label = "epoch"},
                        .y = {.label = "f, mean loss"}};
  for (const auto& [seed, trajectory] : trajectories) {
    figure.series.push_back(
        {.name = fmt::format("seed {}", seed), .x = trajectory.epoch, .y = trajectory.f});
  }
  return figure;
}

report::Figure residual_figure(const std::string& id,
                               const std::string& network,
                               const Trajectories& trajectories) {
  report::Figure figure{
      .id = "beside-" + id,
      .title = "How far training kept beside its line, " + network,
      .caption =
          "W = W₀ + α (W₁ − W₀) + β v with |v| = |W₁ − W₀|, orthogonal to the line: a training "
          "that followed the line would stay at β = 0.",
      .x = {.label = "α, along the line"},
      .y = {.label = "β, beside the line"}};
  for (const auto& [seed, trajectory] : trajectories) {
    figure.series.push_back({.name = fmt::format("seed {}", seed),
                             .x = trajectory.alpha,
                             .y = trajectory.beta,
                             .mark = report::Mark::line_and_points});
  }
  return figure;
}

}  // namespace overparam::study
