// SPDX-License-Identifier: Apache-2.0
#include "overparam/claims/path_run.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "overparam/base/require.hpp"
#include "overparam/curvature/network_objective.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/train/step_size.hpp"
#include "overparam/train/trainer.hpp"

namespace overparam::claims {

namespace {

constexpr std::int64_t kPointsAnEpoch = 2;

std::int64_t steps_an_epoch(const train::Problem& problem, const PathSetting& setting) {
  return (problem.size() + setting.batch - 1) / setting.batch;
}

}  // namespace

net::Network path_network(const train::Problem& problem, const PathSetting& setting) {
  auto shape = net::make_architecture("fc",
                                      {.input_size = problem.inputs.size(1),
                                       .num_outputs = problem.targets.size(1),
                                       .width = setting.width,
                                       .depth = setting.depth});
  net::select_trained(shape, "all");
  shape.blocks.back().variance = 1 / static_cast<double>(setting.width);
  return {shape, setting.seed, problem.inputs.options()};
}

PathTraining train_path(const train::Problem& problem, const PathSetting& setting) {
  net::Network network = path_network(problem, setting);
  net::Workspace workspace(network.options());
  const std::int64_t epoch = steps_an_epoch(problem, setting);
  train::TrainOptions options{.method = train::Method::sgd,
                              .batch_size = setting.batch,
                              .momentum = setting.momentum,
                              .stop = {.max_steps = setting.epochs * epoch},
                              .measure_every = std::max<std::int64_t>(1, epoch / kPointsAnEpoch),
                              .seed = setting.seed};
  options.step_size =
      train::choose_step({.kind = train::StepRule::Kind::critical, .value = setting.step},
                         network,
                         problem,
                         options,
                         workspace)
          .step_size;
  PathTraining training;
  const auto keep = [&](const train::Moment& moment) {
    training.points.push_back(curvature::trained_weights(moment.network));
    training.epochs.push_back(static_cast<double>(moment.step) / static_cast<double>(epoch));
    training.objective.push_back(moment.evaluation.objective / static_cast<double>(problem.size()));
  };
  const auto result = train::train(network, problem, options, {.on_measurement = keep});
  base::require(result.reason != train::StopReason::diverged &&
                    result.reason != train::StopReason::not_finite,
                ErrorKind::numeric,
                "training with {} times the critical step size diverged at step {}",
                setting.step,
                result.steps);
  training.accuracy = result.final_evaluation.accuracy;
  return training;
}

std::unique_ptr<curvature::Objective> path_objective(const train::Problem& problem,
                                                     const PathSetting& setting) {
  return curvature::network_objective(path_network(problem, setting),
                                      {.inputs = problem.inputs,
                                       .targets = problem.targets,
                                       .labels = problem.labels,
                                       .num_classes = problem.num_classes},
                                      problem.loss);
}

base::MemoryPlan plan_path(std::int64_t samples,
                           std::int64_t inputs,
                           std::int64_t outputs,
                           const PathSetting& setting) {
  const std::int64_t m = setting.width;
  const std::int64_t weights = m * (inputs + setting.depth * m + outputs);
  constexpr std::int64_t kOthers = 10;  // network, velocity, gradient, lines and their points
  base::MemoryPlan plan(fmt::format("a training of width {} and its path", m));
  // A last epoch that is not whole has a point of its own.
  plan.add("weights on the way",
           {(kPointsAnEpoch + 1) * setting.epochs + 2 + kOthers, weights},
           sizeof(float));
  plan.add("inputs and features",
           {samples, 2 * inputs + 2 * (setting.depth + 1) * m + 4 * outputs},
           sizeof(float));
  return plan;
}

}  // namespace overparam::claims
