// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/convergence_order.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "json_fields.hpp"

namespace overparam::study {

namespace {

constexpr double kFastRegime = 1e-2;
constexpr double kSolverShare = 0.25;
constexpr double kRoundings = 40;
constexpr std::size_t kLeastPairs = 3;

/// The record keeps the number type in its settings alone.
double unit_roundoff(const RunRecord& record) {
  const bool is_double = record.settings_toml.find("dtype = \"float64\"") != std::string::npos;
  return is_double ? 0x1p-53 : 0x1p-24;
}

bool may_converge(const RunRecord& record) {
  const auto& facts = record.facts;
  return facts.method == "gauss-newton" && facts.loss == "squared" && facts.batch_size == facts.n &&
         record.stopped_by != "stationary";
}

}  // namespace

std::optional<ConvergenceOrder> convergence_order(const RunRecord& record) {
  if (!may_converge(record)) return std::nullopt;
  const double start = record.facts.initial_objective;
  const double rounding = std::pow(kRoundings * unit_roundoff(record), 2) * start;
  const auto is_fitted = [&](const train::TrajectoryPoint& from, const train::TrajectoryPoint& to) {
    return to.step == from.step + 1 && to.newton && from.objective <= kFastRegime * start &&
           to.newton->length == 1 && to.newton->predicted <= kSolverShare * to.objective &&
           to.objective > rounding;
  };
  ConvergenceOrder result;
  std::vector<double> before;
  std::vector<double> after;
  const auto& points = record.facts.trajectory;
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    if (!is_fitted(points[i], points[i + 1])) continue;
    if (before.empty()) result.first_step = points[i].step;
    result.last_step = points[i + 1].step;
    before.push_back(std::log(points[i].objective) / 2);
    after.push_back(std::log(points[i + 1].objective) / 2);
  }
  if (before.size() < kLeastPairs) return std::nullopt;
  const auto fit = linalg::fit_line(before, after);
  result.order = fit.slope;
  result.interval = fit.interval;
  result.pairs = fit.points;
  return result;
}

nlohmann::json to_json(const ConvergenceOrder& order) {
  return {{"order", order.order},
          {"low", finite_or_null(order.interval.low)},
          {"high", finite_or_null(order.interval.high)},
          {"pairs", order.pairs},
          {"first_step", order.first_step},
          {"last_step", order.last_step}};
}

}  // namespace overparam::study
