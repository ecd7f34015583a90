// SPDX-License-Identifier: Apache-2.0
// What all methods share: the clock, the watchers and the rules to stop by. Each method is one
// function of its own file.
#pragma once

#include <functional>
#include <optional>

#include "overparam/base/clock.hpp"
#include "overparam/train/trainer.hpp"

namespace overparam::train {

class Run {
 public:
  Run(net::Network& network,
      const Problem& problem,
      const TrainOptions& options,
      TrainState& state,
      const Callbacks& callbacks);

  TrainResult gradient_descent();
  TrainResult stochastic_gradient_descent();
  TrainResult gauss_newton();

 private:
  [[nodiscard]] double seconds() const { return seconds_before_ + watch_.seconds(); }

  /// eta at this step, by the schedule.
  [[nodiscard]] double step_size() const;

  /// W <- W - eta (factor * grad + decay W), through the velocity where there is momentum.
  void update(const net::Tape& tape, const at::Tensor& cotangent, double factor);

  [[nodiscard]] bool shares_trained_blocks() const;
  void for_trained(const std::function<void(int)>& action) const;

  /// Tells the watchers, and says whether and why the run ends here.
  std::optional<StopReason> measured(const Moment& moment);

  /// Once a run, for all of its parts: the choice by a measured table may differ from day to day.
  void choose_products();

  /// The rules that need no measurement.
  /// @param resumable whether a run that goes on from here gives the same bits; an interrupt and
  /// the clock wait for that, but not beyond the last step
  [[nodiscard]] std::optional<StopReason> out_of_time(bool resumable = true) const;

  bool is_stuck();
  /// Measures at every `every`-th step and at the last, and says whether and why the run ends here.
  std::optional<StopReason> measure_or_end(
      std::int64_t every,
      bool resumable,
      const std::function<std::optional<StopReason>()>& measure) const;

  /// |grad F|_F, from the moment's pass where there is one.
  double gradient_norm(const Moment& moment);
  void maybe_checkpoint();
  TrainResult finished(StopReason reason);

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

}  // namespace overparam::train
