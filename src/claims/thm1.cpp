// SPDX-License-Identifier: Apache-2.0
// Theorem 1: gradient descent from random initialisation converges linearly to zero objective. The
// full version proves T = O(n^6 L^2 / delta^2 log 1/eps) and |W - W^(0)|_F <= O(n^3 sqrt d log m /
// (delta sqrt m)); the tangent kernel says to expect T ~ lambda_max / (2 lambda_min) log 1/eps
// instead.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/experiment.hpp"
#include "support/training.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

constexpr double kTargetRatio = 1e-4;

/// Whether no neuron of the last layer is on for any sample: such a network has no gradient.
bool is_dead(const net::Network& network, const train::Problem& problem) {
  net::Workspace workspace(network.options());
  return network.forward(problem.inputs, workspace).count_nonzero().item<std::int64_t>() == 0;
}

/// One run with the critical step. Settings: "conflict" gives two equal inputs different targets;
/// "near" brings the targets that near to the initial outputs; "ratio" is the target for F / F_0.
std::vector<Row> measure(const Point& original) {
  Point point = original;
  point.settings.try_emplace("d", 1);
  point.settings.try_emplace("dx", 20);
  if (point.settings.contains("m_per_d")) point.settings["m"] = point.at("m_per_d") * point.at("d");
  train::Problem problem =
      sphere_problem(point, point.settings.contains("near") ? at::kDouble : at::kFloat);
  if (point.get("conflict", 0) != 0) make_conflict(problem);
  net::Network network = fc_network(point, problem);
  if (point.settings.contains("near")) bring_targets_near(problem, network, point.at("near"));
  Row row = row_of(point);
  if (is_dead(network, problem)) {
    row.values["converged"] = 0;
    return {row};
  }
  const double ratio = point.get("ratio", kTargetRatio);
  const auto run = train_run(network, problem, "critical", options_of(point, ratio));
  const auto tail = run.tail();
  row.values["steps"] = run.steps_to(ratio);
  row.values["converged"] = run.result.reached_target() ? 1 : 0;
  row.values["distance"] = run.frobenius_distance;
  // Targets N(0, 1) in every output grow as sqrt d, where the theorem has |y*| = O(1).
  row.values["relative_distance"] =
      run.frobenius_distance / std::sqrt(2 * run.result.initial_objective);
  row.values["tail_r_squared"] = tail.r_squared;
  row.values["tail_rate"] = -tail.slope;
  row.values["final_ratio"] = run.result.final_evaluation.objective / run.result.initial_objective;
  return {row};
}

/// The rows of runs at widths that are meant to be enough.
std::vector<Row> wide_enough(const std::vector<Row>& rows) {
  std::vector<Row> runs;
  std::ranges::copy_if(
      rows, std::back_inserter(runs), [](const Row& row) { return row.design != "width"; });
  return runs;
}

/// The least width of the grid from which on trainings converge, for each number of samples and
/// seed, in place of the rows of its design.
std::vector<Row> with_needed_widths(const std::vector<Row>& rows) {
  std::vector<Row> result = wide_enough(rows);
  for (auto& runs : group_by(rows_of(rows, "width"), {"n", "seed"})) {
    std::ranges::sort(runs, std::greater{}, [](const Row& row) { return row.at("m"); });
    Row needed{.design = "width",
               .values = {{"n", runs.front().at("n")}, {"seed", runs.front().at("seed")}}};
    needed.values["needed_m"] = std::numeric_limits<double>::quiet_NaN();
    for (const auto& row : runs) {
      if (row.at("converged") == 0) break;
      needed.values["needed_m"] = row.at("m");
    }
    result.push_back(std::move(needed));
  }
  return result;
}

/// Widths from hopeless to plenty, at targets that a network must move for.
Design width_design(const std::vector<double>& samples,
                    const std::vector<double>& widths,
                    int seeds,
                    double max_steps) {
  return {.name = "width",
          .fixed = {{"L", 2}, {"delta", 0.3}, {"ratio", 0.01}, {"max_steps", max_steps}},
          .axes = {{"n", samples}, {"m", widths}},
          .seeds = seeds};
}

std::vector<Design> designs(Scale scale) {
  const int seeds = pick(scale, 2, 4, 10);
  const double m = pick(scale, 256.0, 512.0, 2048.0);
  return {
      {.name = "delta",
       .fixed = {{"n", 8}, {"m", m}, {"L", 2}, {"near", 1e-3}},
       .axes = {{"delta",
                 pick<std::vector<double>>(scale,
                                           {0.1, 0.2, 0.4, 0.8},
                                           {0.1, 0.2, 0.4, 0.8},
                                           {0.03, 0.05, 0.1, 0.2, 0.4, 0.8})}},
       .seeds = seeds},
      {.name = "n",
       .fixed = {{"m", m}, {"L", 2}, {"delta", 0.3}, {"near", 1e-3}},
       .axes = {{"n",
                 pick<std::vector<double>>(
                     scale, {5, 10, 20}, {5, 10, 20, 40}, {5, 10, 20, 40, 80, 160})}},
       .seeds = seeds},
      {.name = "L",
       .fixed = {{"n", 8}, {"m", m}, {"delta", 0.3}},
       .axes = {{"L", pick<std::vector<double>>(scale, {1, 2, 4}, {1, 2, 4, 8}, {1, 2, 4, 8, 16})}},
       .seeds = seeds},
      {.name = "m",
       .fixed = {{"n", 8}, {"L", 2}, {"delta", 0.3}},
       .axes = {{"m",
                 pick<std::vector<double>>(scale,
                                           {64, 128, 256, 512},
                                           {128, 256, 512, 1024},
                                           {128, 256, 512, 1024, 2048, 4096})}},
       .seeds = pick(scale, 8, seeds, seeds)},
      {.name = "d",
       .fixed = {{"n", 8}, {"L", 2}, {"delta", 0.3}, {"m_per_d", 256}, {"near", 1e-3}},
       .axes = {{"d", {1, 2, 3, 4}}},
       .seeds = 3 * seeds},  // the scatter over seeds is larger than any trend
      width_design(pick<std::vector<double>>(
                       scale, {5, 10, 20}, {5, 10, 20, 40, 80}, {5, 10, 20, 40, 80, 160, 320}),
                   pick<std::vector<double>>(scale,
                                             {4, 8, 16, 32},
                                             {4, 6, 8, 11, 16, 23, 32, 45, 64},
                                             {4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 256, 512}),
                   pick(scale, 4, 8, 10),
                   10'000),
  };
}

}  // namespace

Claim thm1() {
  return {
      .id = "thm1",
      .group = Group::convergence,
      .statement =
          "GD finds F <= eps in T = poly(n, L) / delta^2 log(1/eps) steps, at a linear rate",
      .source = "Theorem 1",
      .quantity =
          "T, steps to F <= 1e-4 F_0 with eta = 1/lambda_max(K); |W - W^(0)|_F; the width from "
          "which on a seed's trainings reach F <= 0.01 F_0 within 10,000 steps",
      .window =
          "m >= Omega(n^24 L^12 d log^5 m / delta^8), above 1e20 at every point here, and eta far "
          "below the critical one: not within a machine's reach",
      .inside_window = wide_enough_to_train,
      .expected = {VerdictKind::tight, VerdictKind::consistent, VerdictKind::loose},
      .designs = designs,
      .measure = measure,
      .memory = measurement_memory,
      .summarise = with_needed_widths,
      .laws =
          {steps_bound("T in delta", "delta", "delta", -2, Limit::small),
           steps_bound("T in n", "n", "n", 6),
           {.name = "needed m in n", .design = "width", .x = "n", .y = "needed_m", .predicted = 24},
           steps_bound("T in L", "L", "L", 2),
           steps_bound("T in m", "m", "m", 0),
           steps_bound("T in d, m = 256 d", "d", "d", 0),
           {.name = "|W - W^(0)|_F in m",
            .design = "m",
            .x = "m",
            .y = "distance",
            .predicted = -0.5},
           {.name = "|W - W^(0)|_F / |y^(0) - y*| in d, m = 256 d",  // sqrt(d / m)
            .design = "d",
            .x = "d",
            .y = "relative_distance",
            .predicted = 0}},
      .checks = {{.name = "share of runs that converge",
                  .meaning = "probability 1 - exp(-Omega(log^2 m))",
                  .value =
                      [](const std::vector<Row>& rows) {
                        return linalg::mean(column(wide_enough(rows), "converged"));
                      },
                  .low = 0.99,
                  .high = 1},
                 {.name = "share of seeds that converge at the largest widths",
                  .meaning = "there is a width from which on trainings converge",
                  .value = share_with_number("width", "needed_m"),
                  .low = 0.9,
                  .high = 1},
                 {.name = "least R^2 of log F against t over the last decade",
                  .meaning =
                      "a linear rate, T linear in log 1/eps, is a straight line once the slowest "
                      "mode is left",
                  .value =
                      [](const std::vector<Row>& rows) {
                        return std::ranges::min(column(wide_enough(rows), "tail_r_squared"));
                      },
                  .low = 0.95,
                  .high = 1}},
      .positive_control =
          {.description = "n = 4 and m = 128, targets near the initial outputs",
           .designs =
               {{.name = "delta",
                 .fixed = {{"n", 4}, {"m", 128}, {"L", 1}, {"near", 1e-3}},
                 .axes = {{"delta", {0.1, 0.2, 0.4, 0.8}}},
                 .seeds = 4},
                {.name = "n",
                 .fixed = {{"m", 128}, {"L", 1}, {"delta", 0.5}, {"near", 1e-3}},
                 .axes = {{"n", {3, 6, 12, 24}}},
                 .seeds = 3},
                {.name = "L",
                 .fixed = {{"n", 4}, {"m", 128}, {"delta", 0.5}, {"near", 1e-3}},
                 .axes = {{"L", {1, 2, 4, 8}}},
                 .seeds = 3},
                {.name = "m",
                 .fixed = {{"n", 4}, {"L", 1}, {"delta", 0.5}, {"near", 1e-3}},
                 .axes = {{"m", {64, 128, 256, 512}}},
                 .seeds = 8},
                {.name = "d",
                 .fixed = {{"n", 4}, {"L", 1}, {"delta", 0.5}, {"m_per_d", 64}, {"near", 1e-3}},
                 .axes = {{"d", {1, 2, 3, 4}}},
                 .seeds = 8},
                width_design({4, 8, 16}, {4, 8, 16, 32}, 4, 1000)}},
      .negative_control =
          {.description = "Assumption 2.1 broken: two equal inputs with different targets",
           .designs =
               {{.name = "delta",
                 .fixed = {{"n", 4}, {"m", 128}, {"L", 1}, {"conflict", 1}, {"max_steps", 1000}},
                 .axes = {{"delta", {0.2, 0.4, 0.8}}},
                 .seeds = 2}}},
      .certify = [](const RunFacts& facts) -> std::vector<CertificateLine> {
        if (facts.method != "gd" || facts.loss != "squared" || facts.trajectory.size() < 2)
          return {};
        const double n = static_cast<double>(facts.n);
        const double d = static_cast<double>(facts.d);
        const double m = static_cast<double>(facts.m);
        std::vector<CertificateLine> lines;
        const auto& last = facts.trajectory.back();
        if (last.step > 0 && last.objective > 0 && std::isfinite(last.objective) &&
            facts.is_separated()) {
          lines.push_back({.quantity = "mean rate -log(F_T/F_0)/T against eta delta m / (d n^2)",
                           .measured = std::log(facts.initial_objective / last.objective) /
                                       static_cast<double>(last.step),
                           .bound = facts.step_size * facts.separation * m / (d * n * n),
                           .upper = false});
          lines.push_back({.quantity = "|W - W^(0)|_F against n^3 sqrt(d) log m / (delta sqrt m)",
                           .measured = last.frobenius_distance,
                           .bound = std::pow(n, 3) * std::sqrt(d) * std::log(m) /
                                    (facts.separation * std::sqrt(m))});
        }
        return lines;
      },
      .revision = 2,
  };
}

}  // namespace overparam::claims
