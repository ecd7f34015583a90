// SPDX-License-Identifier: Apache-2.0
// The paper trains W_1..W_L and says that its techniques cover A and B as well. The tangent kernel
// gains A's share, which continues the sum over layers, and B's, which is O(d/m) beside it. For
// close points the limit kernel with A has lambda_min ~ delta (L + 1)(L + 2) / (4 pi) and
// lambda_max ~ L + 1 in place of delta L (L + 1) / (4 pi) and ~ L: at eta = 1/lambda_max of the
// kernel that is trained, T changes by the factor (L + 1) / (L + 2), whatever m.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "support/experiment.hpp"
#include "support/training.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

constexpr double kTargetRatio = 1e-4;

/// One run from the point's initial weights with these blocks trained, targets 1e-3 around the
/// initial outputs. Setting "conflict" gives two equal inputs different targets.
TrainingRun run_with(const char* trained, const Point& point) {
  train::Problem problem = sphere_problem(point, at::kDouble);
  if (point.get("conflict", 0) != 0) make_conflict(problem);
  auto shape = fc_architecture(point, problem.inputs.size(1));
  net::select_trained(shape, trained);
  net::Network network(shape, point.seed(), problem.inputs.options());
  bring_targets_near(problem, network, 1e-3);
  return train_run(network,
                   problem,
                   "critical",
                   {.stop = {.max_steps = static_cast<std::int64_t>(point.get("max_steps", 20'000)),
                             .target_ratio = kTargetRatio}});
}

std::vector<Row> measure(const Point& original) {
  Point point = original;
  point.settings.try_emplace("dx", 20);
  const TrainingRun hidden = run_with("hidden", point);
  const TrainingRun all = run_with("all", point);
  const double depth = point.at("L");
  Row row = row_of(point);
  row.values["converged"] = hidden.result.reached_target() && all.result.reached_target() ? 1 : 0;
  row.values["steps_hidden"] = hidden.steps_to(kTargetRatio);
  row.values["steps_all"] = all.steps_to(kTargetRatio);
  row.values["steps_ratio"] = row.at("steps_all") / row.at("steps_hidden");
  row.values["steps_ratio_over_limit"] = row.at("steps_ratio") * (depth + 2) / (depth + 1);
  row.values["eta_ratio_over_limit"] =
      all.step.step_size / hidden.step.step_size * (depth + 1) / depth;
  row.values["tail_r_squared"] = std::min(hidden.tail().r_squared, all.tail().r_squared);
  return {row};
}

std::vector<Design> designs(Scale scale) {
  const int seeds = pick(scale, 3, 4, 20);
  const double m = pick(scale, 256.0, 512.0, 2048.0);
  return {
      {.name = "m",
       .fixed = {{"n", 4}, {"L", 2}, {"delta", 0.4}},
       .axes = {{"m",
                 pick<std::vector<double>>(scale,
                                           {64, 128, 256, 512},
                                           {128, 256, 512, 1024},
                                           {128, 256, 512, 1024, 2048, 4096})}},
       .seeds = seeds},
      {.name = "L",
       .fixed = {{"n", 4}, {"m", m}, {"delta", 0.4}},
       .axes = {{"L",
                 pick<std::vector<double>>(scale, {1, 2, 4, 8}, {1, 2, 4, 8}, {1, 2, 4, 8, 16})}},
       .seeds = seeds},
  };
}

}  // namespace

Claim train_subset() {
  return {
      .id = "train-subset",
      .group = Group::convergence,
      .statement = "training A, W and B together converges as training W alone does",
      .source = "Section 2, on the choice of trained layers",
      .quantity = "T of both, steps to F <= 1e-4 F_0 with eta = 1/lambda_max of the trained kernel",
      .window = "that of Theorem 1: not within a machine's reach",
      .inside_window = wide_enough_to_train,
      .expected = {VerdictKind::consistent},
      .designs = designs,
      .measure = measure,
      .memory = measurement_memory,
      .laws = {{.name = "T(A, W, B) / T(W) in m",
                .design = "m",
                .x = "m",
                .y = "steps_ratio",
                .predicted = 0,
                .bound = Bound::exact},
               {.name = "T(A, W, B) / T(W) over (L + 1) / (L + 2), in L",
                .design = "L",
                .x = "L",
                .y = "steps_ratio_over_limit",
                .predicted = 0,
                .bound = Bound::exact}},
      .checks = {{.name = "share of points where both converge",
                  .meaning = "probability 1 - exp(-Omega(log^2 m))",
                  .value = mean_where("", "converged", {}),
                  .low = 0.99,
                  .high = 1},
                 {.name = "mean T(A, W, B) / T(W) over (L + 1) / (L + 2)",
                  .meaning = "1 for close points and wide networks",
                  .value = mean_where("", "steps_ratio_over_limit", {}),
                  .low = 0.8,
                  .high = 1.25},
                 {.name = "mean eta(A, W, B) / eta(W) over L / (L + 1)",
                  .meaning = "the kernel's largest eigenvalue gains the share of one layer",
                  .value = mean_where("", "eta_ratio_over_limit", {}),
                  .low = 0.8,
                  .high = 1.25},
                 {.name = "least R^2 of log F against t over the last decade",
                  .meaning = "both rates are linear",
                  .value = least("", "tail_r_squared"),
                  .low = 0.95,
                  .high = 1}},
      .positive_control = {.description = "n = 4, m up to 256",
                           .designs = {{.name = "m",
                                        .fixed = {{"n", 4}, {"L", 1}, {"delta", 0.4}},
                                        .axes = {{"m", {64, 128, 192, 256}}},
                                        .seeds = 5},
                                       {.name = "L",
                                        .fixed = {{"n", 4}, {"m", 96}, {"delta", 0.4}},
                                        .axes = {{"L", {1, 2, 3, 4}}},
                                        .seeds = 5}}},
      .negative_control = {.description =
                               "Assumption 2.1 broken: two equal inputs with different targets",
                           .designs = {{.name = "m",
                                        .fixed = {{"n", 4},
                                                  {"L", 1},
                                                  {"delta", 0.4},
                                                  {"conflict", 1},
                                                  {"max_steps", 1000}},
                                        .axes = {{"m", {64, 128}}},
                                        .seeds = 2}}},
  };
}

}  // namespace overparam::claims
