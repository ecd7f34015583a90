// SPDX-License-Identifier: Apache-2.0
// Section 1.1: equal inputs with different targets cannot be fitted. GD must stop at exactly
// |y_1 - y_2|^2 / 4; and as two inputs approach each other, the time to fit them grows as 1/delta.
#include <ATen/ATen.h>

#include <cmath>

#include "support/experiment.hpp"
#include "support/training.hpp"

namespace overparam::claims {

namespace {

/// Design "floor": a conflicting pair among n points, F at the end over |y_1 - y_2|^2 / 4. Setting
/// "apart" leaves the pair at distance delta. Design "delta": two points, T to F <= 1e-3 F_0.
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
  const auto run =
      train_run(network,
                problem,
                "critical",
                {.stop = {.max_steps = static_cast<std::int64_t>(point.get("max_steps", 100'000)),
                          .target_ratio = floor ? 0 : 1e-3}});
  Row row = row_of(point);
  row.values["steps"] = run.steps_to(1e-3);
  row.values["over_floor"] = run.objectives.back() / 0.25;
  return {row};
}

}  // namespace

Claim neg_dup() {
  return {
      .id = "neg-dup",
      .statement =
          "x_1 = x_2 with y_1 != y_2 cannot be trained to zero error: F >= |y_1 - y_2|^2 / 4",
      .source = "Section 1.1",
      .quantity = "F at the end over |y_1 - y_2|^2 / 4; T of two points at distance delta",
      .window = "no condition for the floor",
      .inside_window = true,
      .expected = {VerdictKind::consistent},
      .designs = [](Scale scale) -> std::vector<Design> {
        return {{.name = "floor",
                 .fixed = {{"n", 6}, {"m", 256}, {"L", 2}, {"max_steps", 3000}},
                 .seeds = pick(scale, 2, 4, 10)},
                {.name = "delta",
                 .fixed = {{"n", 2}, {"m", 512}, {"L", 2}},
                 .axes = {{"delta",
                           pick<std::vector<double>>(scale,
                                                     {0.05, 0.1, 0.2},
                                                     {0.01, 0.02, 0.05, 0.1},
                                                     {0.003, 0.01, 0.02, 0.05, 0.1})}},
                 .seeds = pick(scale, 2, 4, 10)}};
      },
      .measure = measure,
      .memory = measurement_memory,
      .laws = {{.name = "T in delta, two points",
                .design = "delta",
                .x = "delta",
                .y = "steps",
                .predicted = -1,
                .bound = Bound::exact,
                .limit = Limit::small}},
      .checks = {{.name = "least F at the end over |y_1 - y_2|^2 / 4",
                  .meaning = "the floor, to rounding",
                  .value = least("floor", "over_floor"),
                  .low = 1 - 1e-9,
                  .high = 1.05},
                 {.name = "largest F at the end over |y_1 - y_2|^2 / 4",
                  .meaning = "GD reaches the floor",
                  .value = most("floor", "over_floor"),
                  .low = 1 - 1e-9,
                  .high = 1.05}},
      .positive_control =
          {.description = "n = 4, m = 128",
           .designs = {{.name = "floor",
                        .fixed = {{"n", 4}, {"m", 128}, {"L", 1}, {"max_steps", 1500}},
                        .seeds = 2},
                       {.name = "delta",
                        .fixed = {{"n", 2}, {"m", 128}, {"L", 1}},
                        .axes = {{"delta", {0.05, 0.1, 0.2}}},
                        .seeds = 4}}},
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
