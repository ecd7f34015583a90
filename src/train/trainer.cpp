// SPDX-License-Identifier: Apache-2.0
#include "overparam/train/trainer.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "narrow_descent.hpp"
#include "narrow_passes.hpp"
#include "narrow_stochastic_descent.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/require.hpp"
#include "run.hpp"

namespace overparam::train {

TrainResult Run::gradient_descent() {
  at::Tensor cotangent = at::empty_like(problem_.targets);
  net::Tape tape = network_.record(problem_.inputs, workspace_);
  const auto products = options_.products_in_use();
  std::optional<NarrowDescent> narrow;
  if (products != linalg::Products::plain) {
    narrow.emplace(network_, tape, products, state_.step, workspace_);
  }
  // Where a run that goes on from the weights alone gives the same bits.
  const auto resumable = [&] { return !narrow || narrow->at_reference(); };
  for (;;) {
    const auto evaluation = net::evaluate(problem_.loss,
                                          tape.outputs(),
                                          problem_.targets,
                                          problem_.labels,
                                          problem_.num_classes,
                                          &cotangent);
    const auto target =
        measured({state_.step, seconds(), evaluation, network_, workspace_, &tape, &cotangent});
    if (target) return finished(*target);
    const auto limit = out_of_time();
    const bool can_wait = !resumable() && state_.step < options_.stop.max_steps;
    if (limit && !(*limit == StopReason::interrupted && can_wait)) return finished(*limit);
    if (narrow) {
      const double eta = step_size();
      narrow->step(cotangent, evaluation.objective, eta, 1 - eta * options_.weight_decay);
      ++state_.step;
    } else {
      update(tape, cotangent, 1);
      network_.refresh(tape, workspace_);
    }
    if (resumable()) maybe_checkpoint();
  }
}

TrainResult Run::stochastic_gradient_descent() {
  const std::int64_t n = problem_.size();
  const std::int64_t b = options_.batch_of(n);
  const std::int64_t measure_every =
      options_.measure_every > 0 ? options_.measure_every : (n + b - 1) / b;
  BatchSampler sampler(n, options_);
  const auto allocate = [b](const at::Tensor& all) {
    return at::empty({b, all.size(1)}, all.options());
  };
  at::Tensor all_inputs = allocate(problem_.inputs);    // (b, dx)
  at::Tensor all_targets = allocate(problem_.targets);  // (b, d)
  at::Tensor all_cotangents = allocate(problem_.targets);
  at::Tensor all_indices = at::empty({b}, at::kLong);

  std::optional<NarrowStochasticDescent> narrow;
  if (options_.products_in_use() != linalg::Products::plain) {
    narrow.emplace(network_, b, state_.step, workspace_);
  }
  const auto measure = [&] {
    if (narrow) narrow->settle();
    return measured(
        {state_.step, seconds(), evaluate(network_, problem_, workspace_), network_, workspace_});
  };
  for (;;) {
    if (const auto end = measure_or_end(measure_every, measure)) return finished(*end);
    const auto batch = sampler.batch(state_.step);
    const auto size = static_cast<std::int64_t>(batch.size());
    at::Tensor indices = all_indices.narrow(0, 0, size);
    std::copy(batch.begin(), batch.end(), indices.data_ptr<std::int64_t>());
    at::Tensor inputs = all_inputs.narrow(0, 0, size);
    at::Tensor targets = all_targets.narrow(0, 0, size);
    at::Tensor cotangent = all_cotangents.narrow(0, 0, size);
    const at::Tensor device_indices = indices.to(inputs.device());
    at::index_select_out(inputs, problem_.inputs, 0, device_indices);
    at::index_select_out(targets, problem_.targets, 0, device_indices);

    const double factor = static_cast<double>(n) / static_cast<double>(size);
    std::optional<net::Tape> tape;
    if (!narrow) tape.emplace(network_.record(inputs, workspace_));
    const auto evaluation = net::evaluate(problem_.loss,
                                          narrow ? narrow->outputs(inputs) : tape->outputs(),
                                          targets,
                                          {},
                                          0,
                                          &cotangent);
    if (!std::isfinite(evaluation.objective)) {
      evaluation_ = evaluation;
      return finished(StopReason::not_finite);
    }
    if (narrow) {
      const double eta = step_size();
      narrow->step(cotangent,
                   eta * factor,
                   1 - eta * options_.weight_decay,
                   factor * evaluation.objective / state_.initial_objective);
      ++state_.step;
    } else {
      update(*tape, cotangent, factor);
    }
    if (!narrow || narrow->is_settled()) maybe_checkpoint();
  }
}

std::string to_string(StopReason reason) {
  static constexpr std::array<const char*, 11> kNames{"target_objective",
                                                      "target_ratio",
                                                      "target_accuracy",
                                                      "gradient_norm",
                                                      "max_steps",
                                                      "max_seconds",
                                                      "stationary",
                                                      "no_descent",
                                                      "diverged",
                                                      "not_finite",
                                                      "interrupted"};
  return kNames.at(static_cast<std::size_t>(reason));
}

bool TrainResult::reached_target() const {
  return reason == StopReason::target_objective || reason == StopReason::target_ratio ||
         reason == StopReason::target_accuracy || reason == StopReason::gradient_norm;
}

TrainResult train(net::Network& network,
                  const Problem& problem,
                  const TrainOptions& options,
                  TrainState& state,
                  const Callbacks& callbacks) {
  options.validate(problem.size());
  const double largest = network.options().dtype() == at::kFloat
                             ? std::numeric_limits<float>::max()
                             : std::numeric_limits<double>::max();
  base::require(options.step_size <= largest / static_cast<double>(problem.size()),
                ErrorKind::usage,
                "step size {} is beyond the range of the weights' numbers",
                options.step_size);
  net::check_targets(problem.loss, problem.targets);
  if (options.products != linalg::Products::plain) {
    const auto obstacle = narrow_obstacle(network, options);
    base::require(!obstacle, ErrorKind::usage, "{}", obstacle.value_or(""));
  }
  Run run(network, problem, options, state, callbacks);
  switch (options.method) {
    case Method::gd:
      return run.gradient_descent();
    case Method::sgd:
      return run.stochastic_gradient_descent();
    default:
      return run.gauss_newton();
  }
}

TrainResult train(net::Network& network,
                  const Problem& problem,
                  const TrainOptions& options,
                  const Callbacks& callbacks) {
  TrainState state;
  return train(network, problem, options, state, callbacks);
}

net::Evaluation evaluate(const net::Network& network,
                         const Problem& problem,
                         net::Workspace& workspace) {
  linalg::Scratch outputs = workspace.take(problem.targets.sizes());
  network.forward(problem.inputs, outputs.tensor(), workspace);
  return net::evaluate(
      problem.loss, outputs.tensor(), problem.targets, problem.labels, problem.num_classes);
}

}  // namespace overparam::train
