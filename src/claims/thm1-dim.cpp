// SPDX-License-Identifier: Apache-2.0
// The remark after Theorem 1: nothing depends on the input dimension once the separation is fixed.
#include <cmath>

#include "support/experiment.hpp"
#include "support/training.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

constexpr double kTargetRatio = 1e-4;

/// One run with the critical step. Setting "shrinking": delta = that / dx, in place of a fixed one.
std::vector<Row> measure(const Point& original) {
  Point point = original;
  if (point.settings.contains("shrinking")) {
    point.settings["delta"] = point.at("shrinking") / point.at("dx");
  }
  train::Problem problem = sphere_problem(point, at::kDouble);
  net::Network network = fc_network(point, problem);
  bring_targets_near(problem, network, 1e-3);
  const auto run = train_run(
      network, problem, "critical", {.stop = {.max_steps = 50'000, .target_ratio = kTargetRatio}});
  Row row = row_of(point);
  row.values["steps"] = run.steps_to(kTargetRatio);
  return {row};
}

}  // namespace

Claim thm1_dim() {
  return {
      .id = "thm1-dim",
      .group = Group::convergence,
      .statement = "T does not depend on the input dimension",
      .source = "Remark after Theorem 1",
      .quantity = "T, steps to F <= 1e-4 F_0 with eta = 1/lambda_max(K), at fixed delta",
      .window =
          "as for thm1: not within a machine's reach; targets within 1e-3 of the initial outputs",
      .inside_window = wide_enough_to_train,
      .expected = {VerdictKind::tight, VerdictKind::consistent, VerdictKind::loose},
      .designs = [](Scale scale) -> std::vector<Design> {
        return {{.name = "dx",
                 .fixed =
                     {{"n", 8}, {"m", pick(scale, 256.0, 512.0, 1024.0)}, {"L", 2}, {"delta", 0.1}},
                 .axes = {{"dx",
                           pick<std::vector<double>>(scale,
                                                     {5, 10, 30, 100},
                                                     {5, 10, 30, 100, 300},
                                                     {5, 10, 30, 100, 300, 1000, 3000})}},
                 .seeds = pick(scale, 3, 6, 20)}};
      },
      .measure = measure,
      .memory = measurement_memory,
      .laws = {steps_bound("T in dx", "dx", "dx", 0)},
      .checks = {all_reach("1e-4 F_0", "dx")},
      .positive_control = {.description = "n = 4, m = 128",
                           .designs = {{.name = "dx",
                                        .fixed = {{"n", 4}, {"m", 128}, {"L", 1}, {"delta", 0.3}},
                                        .axes = {{"dx", {5, 10, 20, 40, 80}}},
                                        .seeds = 8}}},
      .negative_control = {.description = "the fixed separation given up: delta = 4 / dx",
                           .designs = {{.name = "dx",
                                        .fixed = {{"n", 4}, {"m", 128}, {"L", 1}, {"shrinking", 4}},
                                        .axes = {{"dx", {5, 10, 20, 40}}},
                                        .seeds = 4}}},
  };
}

}  // namespace overparam::claims
