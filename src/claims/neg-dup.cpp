// SPDX-License-Identifier: Apache-2.0
// Section 1.1: equal inputs with different targets cannot be fitted. GD must stop at exactly
// |y_1 - y_2|^2 / 4; and as two inputs approach each other, the time to fit them grows as 1/delta.
//
// Two points have the limit kernel's eigenvalues (Theta(0) +- Theta(delta)) / 2 with Theta(0) -
// Theta(delta) ~ delta L (L + 1) / (2 pi), so targets apart from each other need T = log(1/eps) /
// (-2 log(1 - lambda_min / lambda_max)) steps at the critical step size: 1/delta, and a little
// steeper where delta is not small.
#include <ATen/ATen.h>

#include <cmath>

#include "overparam/kernel/infinite.hpp"
#include "support/experiment.hpp"
#include "support/training.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

constexpr double kTargetRatio = 1e-3;

/// T of the limit kernel for two points.
double limit_steps(double delta, std::int64_t depth) {
  const double near = kernel::infinite_kernel_at(0, depth);
  const double far = kernel::infinite_kernel_at(delta, depth);
  return std::log(1 / kTargetRatio) / (-2 * std::log1p(-(near - far) / (near + far)));
}

/// Design "floor": a conflicting pair among n points, F at the end over |y_1 - y_2|^2 / 4. Setting
/// "apart" leaves the pair at distance delta. Design "delta": two points with targets 1e-3 above
/// and below the initial outputs, T to F <= 1e-3 F_0
/// over the limit kernel's.
std::vector<Row> measure(const Point& original) {
  Point point = original;
  point.settings.try_emplace("dx", 10);
  const bool floor = point.design == "floor";
  train::Problem problem = sphere_problem(point, floor ? at::kDouble : at::kFloat);
  if (floor) {
    if (point.get("apart", 0) == 0) problem.inputs[1].copy_(problem.inputs[0]);
    problem.targets[1].copy_(problem.targets[0] + 1);
  } else {
    problem.targets[0].fill_(1);
    problem.targets[1].fill_(-1);
  }
  net::Network network = fc_network(point, problem);
  if (!floor) bring_targets_near(problem, network, 1e-3);
  const auto run =
      train_run(network,
                problem,
                "critical",
                {.stop = {.max_steps = static_cast<std::int64_t>(point.get("max_steps", 100'000)),
                          .target_ratio = floor ? 0 : kTargetRatio}});
  Row row = row_of(point);
  row.values["steps"] = run.steps_to(kTargetRatio);
  row.values["over_floor"] = run.objectives.back() / 0.25;
  if (!floor) {
    row.values["steps_over_limit"] =
        row.at("steps") / limit_steps(point.at("delta"), point.integer("L"));
  }
  return {row};
}

}  // namespace

Claim neg_dup() {
  return {
      .id = "neg-dup",
      .group = Group::convergence,
      .statement =
          "x_1 = x_2 with y_1 != y_2 cannot be trained to zero error: F >= |y_1 - y_2|^2 / 4",
      .source = "Section 1.1",
      .quantity = "F at the end over |y_1 - y_2|^2 / 4; T of two points at distance delta",
      .window = "no condition for the floor",
      .inside_window = everywhere,
      .expected = {VerdictKind::consistent},
      .designs = [](Scale scale) -> std::vector<Design> {
        return {{.name = "floor",
                 .fixed = {{"n", 6}, {"m", 256}, {"L", 2}, {"max_steps", 3000}},
                 .seeds = pick(scale, 2, 4, 10)},
                {.name = "delta",
                 .fixed = {{"n", 2}, {"m", pick(scale, 512.0, 1024.0, 4096.0)}, {"L", 1}},
                 .axes = {{"delta", {0.05, 0.1, 0.2, 0.4}}},
                 .seeds = pick(scale, 4, 8, 20)}};
      },
      .measure = measure,
      .memory = measurement_memory,
      .laws = {{.name = "T over the limit kernel's T, in delta",
                .design = "delta",
                .x = "delta",
                .y = "steps_over_limit",
                .predicted = 0,
                .bound = Bound::exact,
                .limit = Limit::small}},
      .checks = {{.name = "least F at the end over |y_1 - y_2|^2 / 4",
                  .meaning = "the floor, to rounding",
                  .value = least("floor", "over_floor"),
                  .low = 1 - 1e-9,
                  .high = 1.05},
                 all_reach("1e-3 F_0", "delta"),
                 {.name = "T at delta = 0.1 over T at delta = 0.2",
                  .meaning = "2 for 1/delta; the limit kernel gives 2.12",
                  .value =
                      [](const std::vector<Row>& rows) {
                        return mean_where("delta", "steps", {{"delta", 0.1}})(rows) /
                               mean_where("delta", "steps", {{"delta", 0.2}})(rows);
                      },
                  .low = 1.6,
                  .high = 3},
                 {.name = "largest F at the end over |y_1 - y_2|^2 / 4",
                  .meaning = "GD reaches the floor",
                  .value = most("floor", "over_floor"),
                  .low = 1 - 1e-9,
                  .high = 1.05}},
      .positive_control =
          {.description = "n = 4, m = 128, and pairs at m = 512",
           .designs = {{.name = "floor",
                        .fixed = {{"n", 4}, {"m", 128}, {"L", 1}, {"max_steps", 1500}},
                        .seeds = 2},
                       {.name = "delta",
                        .fixed = {{"n", 2}, {"m", 512}, {"L", 1}},
                        .axes = {{"delta", {0.1, 0.2, 0.3, 0.4}}},
                        .seeds = 8}}},
      .negative_control = {.description = "the duplicate moved apart by 0.5: nothing holds F up",
                           .designs = {{.name = "floor",
                                        .fixed = {{"n", 4},
                                                  {"m", 128},
                                                  {"L", 1},
                                                  {"max_steps", 1500},
                                                  {"apart", 1},
                                                  {"delta", 0.5}},
                                        .seeds = 2}}},
      .certify = [](const RunFacts& facts) -> std::vector<CertificateLine> {
        if (facts.irreducible_objective <= 0 || facts.loss != "squared") return {};
        return {{.quantity = "final F against what equal inputs with different targets force",
                 .measured = facts.final_objective,
                 .bound = facts.irreducible_objective,
                 .upper = false}};
      },
  };
}

}  // namespace overparam::claims
