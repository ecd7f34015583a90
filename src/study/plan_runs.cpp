// SPDX-License-Identifier: Apache-2.0
#include "plan_runs.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "overparam/base/clock.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/linalg/spectrum.hpp"
#include "overparam/train/step_size.hpp"
#include "overparam/train/trainer.hpp"

namespace overparam::study {

double operations_of_step(const net::Architecture& architecture) {
  double operations = 0;
  for (const auto& layer : architecture.layers) {
    for (const auto& term : layer.terms) {
      if (term.block == net::kSkip) continue;
      const auto& block = architecture.blocks[static_cast<std::size_t>(term.block)];
      const auto positions = block.positions > 1 ? 1 : layer.positions;
      operations += 6.0 * static_cast<double>(block.rows) * static_cast<double>(block.columns) *
                    static_cast<double>(positions);
    }
  }
  return operations;
}

Excess measure_excess(const net::Architecture& architecture,
                      const train::Problem& problem,
                      const at::TensorOptions& options,
                      std::uint64_t seed,
                      double ratio,
                      const PlanLimits& limits) {
  net::Network network(architecture, seed, options);
  net::Workspace workspace(options);
  train::TrainOptions training;
  training.step_size = train::choose_step({}, network, problem, training, workspace).step_size;
  const auto prediction = train::predict_steps(
      network, problem, training.step_size, ratio, workspace, limits.prediction_seconds / 4);
  const double operations = operations_of_step(architecture) * static_cast<double>(problem.size());
  training.stop = {
      .max_steps = std::max<std::int64_t>(1, std::llround(limits.training_operations / operations)),
      .target_ratio = ratio,
      .max_seconds = limits.training_seconds};
  const auto result = train::train(network, problem, training);
  Excess found{.steps = result.steps,
               .ratio = result.final_evaluation.objective / result.initial_objective};
  if (!(found.ratio < 1)) return found;
  const auto linear = prediction.model.steps_to(found.ratio);
  if (linear) {
    found.excess = static_cast<double>(result.steps) / static_cast<double>(*linear);
  }
  return found;
}

NewtonCount count_newton_steps(const net::Architecture& architecture,
                               const train::Problem& problem,
                               const at::TensorOptions& options,
                               std::uint64_t seed,
                               double ratio,
                               std::uint64_t memory_limit) {
  constexpr std::int64_t kMostSteps = 30;
  net::Network network(architecture, seed, options);
  const auto ends = linalg::spectrum(kernel::tangent_kernel(network, problem.inputs, memory_limit),
                                     {.dense_up_to = 200});
  const train::TrainOptions newton{
      .method = train::Method::gauss_newton,
      .newton = {.solver = train::Solver::dense, .tolerance = 1e-3, .memory_limit = memory_limit},
      .stop = {.max_steps = kMostSteps, .target_ratio = ratio}};
  const auto result = train::train(network, problem, newton);
  NewtonCount found{.ratio = result.final_evaluation.objective / result.initial_objective,
                    .lambda_min = ends.bottom[0].item<double>(),
                    .lambda_max = ends.top[0].item<double>()};
  if (result.reached_target()) found.steps = result.steps;
  return found;
}

double time_step(const net::Architecture& architecture,
                 const train::Problem& problem,
                 const at::TensorOptions& options,
                 std::uint64_t seed,
                 double step_size) {
  constexpr int kRepeats = 3;
  net::Network network(architecture, seed, options);
  net::Workspace workspace(options);
  net::Tape tape = network.record(problem.inputs, workspace);
  at::Tensor cotangent = at::empty_like(problem.targets);
  net::Parameters into = net::Parameters::trained_zeros(architecture, options);
  double best = std::numeric_limits<double>::infinity();
  for (int repeat = 0; repeat < kRepeats && !base::interrupted(); ++repeat) {
    const base::Stopwatch watch;
    network.refresh(tape, workspace);
    net::evaluate(problem.loss,
                  tape.outputs(),
                  problem.targets,
                  problem.labels,
                  problem.num_classes,
                  &cotangent);
    network.add_gradient(tape, cotangent, -step_size, into, workspace);
    best = std::min(best, watch.seconds());
  }
  return best;
}

}  // namespace overparam::study
