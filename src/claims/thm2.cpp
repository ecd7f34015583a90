// SPDX-License-Identifier: Apache-2.0
// Theorem 2: SGD converges linearly too, with no floor, because all samples share a minimiser. With
// eta proportional to b, as in the theorem, T is proportional to 1/b.
#include <cmath>

#include "support/experiment.hpp"
#include "support/training.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

/// One run of SGD. Design "batch": the theorem's eta = c b / n with c = 1/lambda_max fitted once,
/// to a loose target. Design "floor": the critical step, far down. Setting "conflict" as in thm1.
std::vector<Row> measure(const Point& original) {
  Point point = original;
  point.settings.try_emplace("dx", 20);
  const bool far_down = point.design == "floor";
  train::Problem problem = sphere_problem(point, far_down ? at::kDouble : at::kFloat);
  if (point.get("conflict", 0) != 0) make_conflict(problem);
  net::Network network = fc_network(point, problem);
  const double n = point.at("n");
  const double b = point.at("b");
  const double ratio = far_down ? 1e-8 : 1e-3;
  const auto steps_an_epoch = static_cast<std::int64_t>(std::ceil(n / b));
  train::TrainOptions options{
      .method = train::Method::sgd,
      .batch_size = point.integer("b"),
      .sampling = train::Sampling::subset,
      .stop = {.max_steps = static_cast<std::int64_t>(point.get("max_steps", 60'000)),
               .target_ratio = ratio},
      .measure_every = steps_an_epoch,
      .seed = point.seed()};
  std::string rule = "critical";
  if (!far_down) {
    net::Workspace workspace(network.options());
    const auto gd = train::choose_step(
        train::parse_step_rule("critical"), network, problem, {.seed = point.seed()}, workspace);
    rule = fmt::format("{}", b / n * gd.step_size);
  }
  const auto run = train_run(network, problem, rule, options);
  Row row = row_of(point);
  row.values["steps"] = run.steps_to(ratio);
  row.values["converged"] = run.result.reached_target() ? 1 : 0;
  row.values["tail_r_squared"] = run.tail().r_squared;
  row.values["final_ratio"] = run.result.final_evaluation.objective / run.result.initial_objective;
  return {row};
}

std::vector<Design> designs(Scale scale) {
  return {
      {.name = "batch",
       .fixed = {{"n", 16}, {"m", 256}, {"L", 2}, {"delta", 0.5}},
       .axes = {{"b",
                 pick<std::vector<double>>(scale, {1, 4, 16}, {1, 2, 4, 8, 16}, {1, 2, 4, 8, 16})}},
       .seeds = pick(scale, 2, 3, 10)},
      {.name = "floor",
       .fixed = {{"n", 8}, {"m", 256}, {"L", 2}, {"delta", 0.5}},
       .axes = {{"b", {1, 4}}},
       .seeds = pick(scale, 1, 2, 5)},
  };
}

}  // namespace

Claim thm2() {
  return {
      .id = "thm2",
      .group = Group::convergence,
      .statement =
          "SGD finds F <= eps in T = poly(n, L) log^2 m / (delta^2 b) log(1/eps) steps, at a "
          "linear rate",
      .source = "Theorem 2",
      .quantity =
          "T, steps to F <= 1e-3 F_0, eta = c b/n with c = 1/lambda_max(K) fitted; F at the end",
      .window =
          "m >= poly(n, L, 1/delta) d / b with the powers of thm1: not within a machine's reach",
      .inside_window = wide_enough_to_train,
      .expected = {VerdictKind::tight, VerdictKind::consistent},
      .designs = designs,
      .measure = measure,
      .memory = measurement_memory,
      .laws = {steps_bound("T in b, eta proportional to b", "batch", "b", -1)},
      .checks = {all_reach("1e-3 F_0", "batch"),
                 {.name = "share of runs that reach 1e-8 F_0 with the critical step",
                  .meaning = "no noise floor: every sample has the same minimiser",
                  .value =
                      [](const std::vector<Row>& rows) {
                        return linalg::mean(column(rows_of(rows, "floor"), "converged"));
                      },
                  .low = 1,
                  .high = 1},
                 {.name = "least R^2 of log F against t over the last decade",
                  .meaning = "a linear rate, with the noise of sampling",
                  .value = least("floor", "tail_r_squared"),
                  .low = 0.8,
                  .high = 1}},
      .positive_control = {.description = "n = 8 and 4, m = 128, one layer",
                           .designs = {{.name = "batch",
                                        .fixed = {{"n", 8}, {"m", 128}, {"L", 1}, {"delta", 0.8}},
                                        .axes = {{"b", {1, 2, 4, 8}}},
                                        .seeds = 2},
                                       {.name = "floor",
                                        .fixed = {{"n", 4}, {"m", 128}, {"L", 1}, {"delta", 0.8}},
                                        .axes = {{"b", {1}}},
                                        .seeds = 1}}},
      .negative_control =
          {.description =
               "Assumption 2.1 broken: two equal inputs with different targets leave a floor",
           .designs = {{.name = "floor",
                        .fixed = {{"n", 4},
                                  {"m", 128},
                                  {"L", 1},
                                  {"delta", 0.8},
                                  {"conflict", 1},
                                  {"max_steps", 3000}},
                        .axes = {{"b", {1}}},
                        .seeds = 1}}},
      .certify = [](const RunFacts& facts) -> std::vector<CertificateLine> {
        if (facts.method != "sgd" || facts.loss != "squared" || facts.trajectory.size() < 2)
          return {};
        const auto& last = facts.trajectory.back();
        const bool has_rate = last.step > 0 && last.objective > 0 && std::isfinite(last.objective);
        if (!has_rate || !facts.is_separated()) return {};
        const double n = static_cast<double>(facts.n);
        return {{.quantity = "mean rate -log(F_T/F_0)/T against eta delta m / (d n^2)",
                 .measured = std::log(facts.initial_objective / last.objective) /
                             static_cast<double>(last.step),
                 .bound = facts.step_size * facts.separation * static_cast<double>(facts.m) /
                          (static_cast<double>(facts.d) * n * n),
                 .upper = false}};
      },
  };
}

}  // namespace overparam::claims
