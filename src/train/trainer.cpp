// SPDX-License-Identifier: Apache-2.0
#include "overparam/train/trainer.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "narrow_descent.hpp"
#include "overparam/base/clock.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/require.hpp"

namespace overparam::train {

namespace {

/// What both methods share: the step-size schedule, the update, the clock and the rules to stop by.
class Run {
 public:
  Run(net::Network& network,
      const Problem& problem,
      const TrainOptions& options,
      TrainState& state,
      const Callbacks& callbacks)
      : network_(network),
        problem_(problem),
        options_(options),
        state_(state),
        callbacks_(callbacks),
        seconds_before_(state.seconds),
        workspace_(network.options()) {
    if (options.momentum > 0 && state.velocity.size() == 0) {
      state.velocity = net::Parameters::trained_zeros(network.architecture(), network.options());
    }
  }

  TrainResult gradient_descent();
  TrainResult stochastic_gradient_descent();

 private:
  [[nodiscard]] double seconds() const { return seconds_before_ + watch_.seconds(); }

  /// eta at this step, by the schedule.
  [[nodiscard]] double step_size() const {
    double eta = options_.step_size;
    for (const auto& change : options_.schedule) {
      if (state_.step >= change.step) eta *= change.factor;
    }
    return eta;
  }

  /// W <- W - eta (factor * grad + decay W), through the velocity where there is momentum.
  void update(const net::Tape& tape, const at::Tensor& cotangent, double factor) {
    const double eta = step_size();
    const double keep = 1 - eta * options_.weight_decay;
    auto& weights = network_.parameters();
    if (options_.momentum > 0) {
      network_.add_gradient(
          tape, cotangent, factor, state_.velocity, workspace_, options_.momentum);
      if (options_.weight_decay > 0) {
        for_trained(
            [&](int block) { state_.velocity[block].add_(weights[block], options_.weight_decay); });
      }
      weights.add(state_.velocity, -eta);
    } else if (shares_trained_blocks()) {
      if (!gradient_) {
        gradient_ = net::Parameters::trained_zeros(network_.architecture(), network_.options());
      }
      network_.add_gradient(tape, cotangent, factor, *gradient_, workspace_, 0);
      if (keep != 1) for_trained([&](int block) { weights[block].mul_(keep); });
      weights.add(*gradient_, -eta);
    } else {
      network_.add_gradient(tape, cotangent, -eta * factor, weights, workspace_, keep);
    }
    ++state_.step;
  }

  [[nodiscard]] bool shares_trained_blocks() const {
    bool shared = false;
    for_trained([&](int block) { shared |= network_.architecture().uses_of(block) > 1; });
    return shared;
  }

  void for_trained(const std::function<void(int)>& action) const {
    const auto& blocks = network_.architecture().blocks;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (blocks[i].trained) action(static_cast<int>(i));
    }
  }

  /// Tells the watchers, and says whether and why the run ends here.
  std::optional<StopReason> measured(const Moment& moment) {
    evaluation_ = moment.evaluation;
    if (moment.step == 0) state_.initial_objective = moment.evaluation.objective;
    if (callbacks_.on_measurement) callbacks_.on_measurement(moment);

    const auto& rules = options_.stop;
    const double objective = moment.evaluation.objective;
    const double start = state_.initial_objective;
    if (!std::isfinite(objective)) return StopReason::not_finite;
    if (rules.divergence_ratio > 0 && objective > rules.divergence_ratio * start) {
      return StopReason::diverged;
    }
    if (objective <= rules.target_objective) return StopReason::target_objective;
    if (rules.target_ratio > 0 && objective <= rules.target_ratio * start) {
      return StopReason::target_ratio;
    }
    if (rules.target_accuracy > 0 && moment.evaluation.accuracy >= rules.target_accuracy) {
      return StopReason::target_accuracy;
    }
    if (rules.gradient_norm > 0 && gradient_norm(moment) < rules.gradient_norm) {
      return StopReason::gradient_norm;
    }
    return std::nullopt;
  }

  /// The rules that need no measurement.
  [[nodiscard]] std::optional<StopReason> out_of_time() const {
    if (base::interrupted()) return StopReason::interrupted;
    if (state_.step >= options_.stop.max_steps) return StopReason::max_steps;
    if (options_.stop.max_seconds > 0 && seconds() >= options_.stop.max_seconds) {
      return StopReason::max_seconds;
    }
    return std::nullopt;
  }

  double gradient_norm(const Moment& moment) {
    std::optional<net::Tape> recorded;
    at::Tensor own_cotangent;
    const net::Tape* tape = moment.tape;
    const at::Tensor* cotangent = moment.cotangent;
    if (tape == nullptr) {
      recorded.emplace(network_.record(problem_.inputs, workspace_));
      own_cotangent = at::empty_like(recorded->outputs());
      net::evaluate(problem_.loss, recorded->outputs(), problem_.targets, {}, 0, &own_cotangent);
      tape = &*recorded;
      cotangent = &own_cotangent;
    }
    double sum = 0;
    for (const double norm : network_.squared_gradient_norms(*tape, *cotangent, workspace_))
      sum += norm;
    return std::sqrt(sum);
  }

  void maybe_checkpoint() {
    if (!callbacks_.on_checkpoint) return;
    if (watch_.seconds() - last_checkpoint_seconds_ < callbacks_.checkpoint_seconds) return;
    state_.seconds = seconds();
    callbacks_.on_checkpoint(state_);
    last_checkpoint_seconds_ = watch_.seconds();
  }

  TrainResult finished(StopReason reason) {
    state_.seconds = seconds();
    return {.reason = reason,
            .steps = state_.step,
            .initial_objective = state_.initial_objective,
            .final_evaluation = evaluation_,
            .seconds = state_.seconds};
  }

  net::Network& network_;
  const Problem& problem_;
  const TrainOptions& options_;
  TrainState& state_;
  const Callbacks& callbacks_;
  double seconds_before_;
  base::Stopwatch watch_;
  double last_checkpoint_seconds_ = 0;
  net::Workspace workspace_;
  net::Evaluation evaluation_;
  std::optional<net::Parameters> gradient_;
};

TrainResult Run::gradient_descent() {
  at::Tensor cotangent = at::empty_like(problem_.targets);
  net::Tape tape = network_.record(problem_.inputs, workspace_);
  const auto products = linalg::choose_products(options_.products);
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
  const std::int64_t b = options_.batch_size;
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

  std::int64_t measured_step = -1;
  const auto measure = [&] {
    measured_step = state_.step;
    return measured(
        {state_.step, seconds(), evaluate(network_, problem_, workspace_), network_, workspace_});
  };
  for (;;) {
    if (state_.step % measure_every == 0) {
      if (const auto target = measure()) return finished(*target);
    }
    if (const auto limit = out_of_time()) {
      if (measured_step != state_.step) {
        if (const auto target = measure()) return finished(*target);
      }
      return finished(*limit);
    }
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

    const net::Tape tape = network_.record(inputs, workspace_);
    const auto evaluation =
        net::evaluate(problem_.loss, tape.outputs(), targets, {}, 0, &cotangent);
    if (!std::isfinite(evaluation.objective)) {
      evaluation_ = evaluation;
      return finished(StopReason::not_finite);
    }
    update(tape, cotangent, static_cast<double>(n) / static_cast<double>(size));
    maybe_checkpoint();
  }
}

}  // namespace

std::string to_string(StopReason reason) {
  static constexpr std::array<const char*, 9> kNames{"target_objective",
                                                     "target_ratio",
                                                     "target_accuracy",
                                                     "gradient_norm",
                                                     "max_steps",
                                                     "max_seconds",
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
  return options.method == Method::gd ? run.gradient_descent() : run.stochastic_gradient_descent();
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
