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
#include "overparam/base/require.hpp"
#include "run.hpp"

namespace overparam::train {

namespace {

/// The samples of a step, in room that is taken once.
class Batch {
 public:
  Batch(const Problem& problem, std::int64_t most)
      : problem_(problem),
        room_{like(problem.inputs, most),
              like(problem.targets, most),
              like(problem.targets, most),
              at::empty({most}, at::kLong)} {}

  void gather(std::span<const std::int64_t> samples) {
    const auto size = static_cast<std::int64_t>(samples.size());
    const auto first = [size](const at::Tensor& all) { return all.narrow(0, 0, size); };
    inputs = first(room_.inputs);
    targets = first(room_.targets);
    cotangent = first(room_.cotangent);
    at::Tensor indices = first(room_.indices);
    std::ranges::copy(samples, indices.data_ptr<std::int64_t>());
    indices = indices.to(inputs.device());
    at::index_select_out(inputs, problem_.inputs, 0, indices);
    at::index_select_out(targets, problem_.targets, 0, indices);
  }

  at::Tensor inputs;              // (b, dx) of the last gathering
  at::Tensor targets, cotangent;  // (b, d)

 private:
  static at::Tensor like(const at::Tensor& all, std::int64_t rows) {
    return at::empty({rows, all.size(1)}, all.options());
  }

  const Problem& problem_;
  struct {
    at::Tensor inputs, targets, cotangent, indices;
  } room_;
};

}  // namespace

TrainResult Run::gradient_descent() {
  at::Tensor cotangent = at::empty_like(problem_.targets);
  net::Tape tape = network_.record(problem_.inputs, workspace_);
  choose_products();
  std::optional<NarrowDescent> narrow;
  if (state_.products != linalg::Products::plain) {
    narrow.emplace(network_, tape, state_.products, state_.step, workspace_);
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
    if (const auto limit = out_of_time(resumable())) return finished(*limit);
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
  Batch batch(problem_, b);
  choose_products();
  std::optional<NarrowStochasticDescent> narrow;
  if (state_.products != linalg::Products::plain) {
    narrow.emplace(network_, b, state_.products, state_.step, workspace_);
  }
  const auto resumable = [&] { return !narrow || narrow->is_settled(); };
  const auto measure = [&] {
    if (narrow) {
      narrow->settle();
      state_.products = narrow->format();
    }
    return measured(
        {state_.step, seconds(), evaluate(network_, problem_, workspace_), network_, workspace_});
  };
  for (;;) {
    if (const auto end = measure_or_end(measure_every, resumable(), measure)) {
      return finished(*end);
    }
    const auto samples = sampler.batch(state_.step);
    batch.gather(samples);
    const double factor = static_cast<double>(n) / static_cast<double>(samples.size());
    std::optional<net::Tape> tape;
    if (!narrow) tape.emplace(network_.record(batch.inputs, workspace_));
    const auto evaluation = net::evaluate(problem_.loss,
                                          narrow ? narrow->outputs(batch.inputs) : tape->outputs(),
                                          batch.targets,
                                          {},
                                          0,
                                          &batch.cotangent);
    if (!std::isfinite(evaluation.objective)) {
      evaluation_ = evaluation;
      return finished(StopReason::not_finite);
    }
    if (narrow) {
      const double eta = step_size();
      narrow->step(batch.cotangent,
                   eta * factor,
                   1 - eta * options_.weight_decay,
                   factor * evaluation.objective / state_.initial_objective);
      state_.products = narrow->format();
      ++state_.step;
    } else {
      update(*tape, batch.cotangent, factor);
    }
    if (resumable()) maybe_checkpoint();
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

void check_training(const net::Network& network,
                    const Problem& problem,
                    const TrainOptions& options) {
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
}

TrainResult train(net::Network& network,
                  const Problem& problem,
                  const TrainOptions& options,
                  TrainState& state,
                  const Callbacks& callbacks) {
  check_training(network, problem, options);
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
