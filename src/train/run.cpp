// SPDX-License-Identifier: Apache-2.0
#include "run.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "overparam/base/interrupt.hpp"

namespace overparam::train {

Run::Run(net::Network& network,
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

double Run::step_size() const {
  double eta = options_.step_size;
  for (const auto& change : options_.schedule) {
    if (state_.step >= change.step) eta *= change.factor;
  }
  return eta;
}

void Run::update(const net::Tape& tape, const at::Tensor& cotangent, double factor) {
  const double eta = step_size();
  const double keep = 1 - eta * options_.weight_decay;
  auto& weights = network_.parameters();
  if (options_.momentum > 0) {
    network_.add_gradient(tape, cotangent, factor, state_.velocity, workspace_, options_.momentum);
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

bool Run::shares_trained_blocks() const {
  bool shared = false;
  for_trained([&](int block) { shared |= network_.architecture().uses_of(block) > 1; });
  return shared;
}

void Run::for_trained(const std::function<void(int)>& action) const {
  const auto& blocks = network_.architecture().blocks;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].trained) action(static_cast<int>(i));
  }
}

std::optional<StopReason> Run::measured(const Moment& moment) {
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
  if (rules.target_objective > 0 && objective <= rules.target_objective) {
    return StopReason::target_objective;
  }
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

void Run::choose_products() {
  if (state_.products == linalg::Products::automatic) state_.products = options_.products_in_use();
}

std::optional<StopReason> Run::out_of_time(bool resumable) const {
  const bool at_last_step = state_.step >= options_.stop.max_steps;
  const bool may_end = resumable || at_last_step;
  if (base::interrupted() && may_end) return StopReason::interrupted;
  if (at_last_step) return StopReason::max_steps;
  if (options_.stop.max_seconds > 0 && seconds() >= options_.stop.max_seconds && may_end) {
    return StopReason::max_seconds;
  }
  return std::nullopt;
}

std::optional<StopReason> Run::measure_or_end(
    std::int64_t every,
    bool resumable,
    const std::function<std::optional<StopReason>()>& measure) const {
  const bool due = state_.step % every == 0;
  if (due) {
    if (const auto target = measure()) return target;
  }
  const auto limit = out_of_time(resumable || due);  // a measurement settles what is pending
  if (limit && !due) {
    if (const auto target = measure()) return target;
  }
  return limit;
}

double Run::gradient_norm(const Moment& moment) {
  const auto norm_of = [&](const net::Tape& tape, const at::Tensor& cotangent) {
    const auto squares = network_.squared_gradient_norms(tape, cotangent, workspace_);
    return std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
  };
  if (moment.tape != nullptr) return norm_of(*moment.tape, *moment.cotangent);
  // As many samples at once as the objective's pass takes, so that memory does not grow with n.
  constexpr std::int64_t kChunk = 1024;
  const std::int64_t n = problem_.size();
  for (std::int64_t begin = 0; begin < n; begin += kChunk) {
    const std::int64_t count = std::min(kChunk, n - begin);
    const net::Tape tape = network_.record(problem_.inputs.narrow(0, begin, count), workspace_);
    linalg::Scratch cotangent = workspace_.take(tape.outputs().sizes());
    const at::Tensor targets = problem_.targets.narrow(0, begin, count);
    net::evaluate(problem_.loss, tape.outputs(), targets, {}, 0, &cotangent.tensor());
    if (count == n) return norm_of(tape, cotangent.tensor());
    if (!gradient_) {
      gradient_ = net::Parameters::trained_zeros(network_.architecture(), network_.options());
    }
    network_.add_gradient(tape, cotangent.tensor(), 1, *gradient_, workspace_, begin == 0 ? 0 : 1);
  }
  return gradient_->norm();
}

void Run::maybe_checkpoint() {
  if (!callbacks_.on_checkpoint) return;
  if (watch_.seconds() - last_checkpoint_seconds_ < callbacks_.checkpoint_seconds) return;
  state_.seconds = seconds();
  callbacks_.on_checkpoint(state_);
  last_checkpoint_seconds_ = watch_.seconds();
}

TrainResult Run::finished(StopReason reason) {
  state_.seconds = seconds();
  return {.reason = reason,
          .steps = state_.step,
          .initial_objective = state_.initial_objective,
          .final_evaluation = evaluation_,
          .seconds = state_.seconds};
}

}  // namespace overparam::train
