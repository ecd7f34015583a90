// SPDX-License-Identifier: Apache-2.0
#include "support/training.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

namespace overparam::claims {

train::TrainOptions options_of(const Point& point, double ratio) {
  train::TrainOptions options{
      .stop = {.max_steps = static_cast<std::int64_t>(point.get("max_steps", 20'000)),
               .target_ratio = ratio}};
  if (point.settings.contains("b")) {
    options.method = train::Method::sgd;
    options.batch_size = point.integer("b");
    options.sampling = train::Sampling::subset;
    options.seed = point.seed();
  }
  return options;
}

double TrainingRun::steps_to(double ratio) const {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (objectives[i] <= ratio * objectives.front()) return steps[i];
  }
  return std::numeric_limits<double>::quiet_NaN();
}

linalg::LineFit TrainingRun::tail() const {
  const double last_decade = 10 * objectives.back();
  std::vector<double> x;
  std::vector<double> y;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (objectives[i] > last_decade || !(objectives[i] > 0)) continue;
    x.push_back(steps[i]);
    y.push_back(std::log(objectives[i]));
  }
  return linalg::fit_line(x, y);
}

TrainingRun train_run(net::Network& network,
                      const train::Problem& problem,
                      const std::string& rule,
                      train::TrainOptions options) {
  TrainingRun run;
  net::Workspace workspace(network.options());
  run.step = train::choose_step(train::parse_step_rule(rule), network, problem, options, workspace);
  options.step_size = run.step.step_size;
  const net::Parameters start = network.parameters().clone();
  train::TrainState state;
  run.result = train::train(
      network, problem, options, state, {.on_measurement = [&](const train::Moment& moment) {
        run.steps.push_back(static_cast<double>(moment.step));
        run.objectives.push_back(moment.evaluation.objective);
      }});
  net::Parameters moved = network.parameters().clone();
  moved.add(start, -1);
  run.frobenius_distance = moved.norm();
  return run;
}

Law steps_bound(const std::string& name,
                const std::string& design,
                const std::string& setting,
                double power,
                Limit limit) {
  return {.name = name,
          .design = design,
          .x = setting,
          .y = "steps",
          .predicted = power,
          .bound = Bound::upper,
          .limit = limit};
}

Check all_reach(const std::string& target, const std::string& design, const std::string& steps) {
  return {.name = "share of runs that reach " + target + ", design " + design,
          .meaning = "a run that does not has no T, and the laws in T would not see it",
          .value = share_with_number(design, steps),
          .low = 0.99,
          .high = 1};
}

void bring_targets_near(train::Problem& problem, const net::Network& network, double scale) {
  net::Workspace workspace(network.options());
  problem.targets = network.forward(problem.inputs, workspace) + scale * problem.targets;
}

void make_conflict(train::Problem& problem) {
  problem.inputs[1].copy_(problem.inputs[0]);
  problem.targets[1].copy_(problem.targets[0] + 1);
}

}  // namespace overparam::claims
