// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "overparam/net/network.hpp"
#include "overparam/train/options.hpp"
#include "overparam/train/problem.hpp"

namespace overparam::train {

enum class StopReason {
  target_objective,
  target_ratio,
  target_accuracy,
  gradient_norm,
  max_steps,
  max_seconds,
  stationary,  ///< Gauss-Newton: the linearised network cannot lower F; a least-squares answer
  no_descent,  ///< Gauss-Newton: no step lowers F, which is down to rounding
  diverged,    ///< the objective passed divergence_ratio times its start
  not_finite,  ///< a NaN or infinity appeared
  interrupted,
};
std::string to_string(StopReason reason);

/// What one step of Gauss-Newton did.
struct NewtonStep {
  double predicted = 0;  ///< F after it, in the network linearised before it
  int iterations = 0;    ///< of conjugate gradients, with all attempts
  double residual = 0;   ///< relative, of the linear system as it was solved
  double damping = 0;    ///< lambda
  double length = 1;     ///< the share of the step that was taken
};

/// What Gauss-Newton keeps from one step for the next.
struct NewtonState {
  double damping = 0;       ///< lambda
  double former_ratio = 1;  ///< by which the last step reduced F
  double milestone = 0;     ///< the last F that was a thousandth below the one before it
  std::int64_t milestone_step = 0;
};

/// All that a run needs to go on to the same bits, beside the weights: batches are a function of
/// (seed, step), so no generator state is kept.
struct TrainState {
  std::int64_t step = 0;  ///< updates made so far
  double initial_objective = 0;
  double seconds = 0;        ///< spent in earlier parts of the run
  net::Parameters velocity;  ///< momentum's; empty without
  NewtonState newton;
  /// The format that products are taken in, which SGD refines on its way; automatic: not chosen
  /// yet.
  linalg::Products products = linalg::Products::automatic;
};

/// The network and what was just evaluated, at one step.
struct Moment {
  std::int64_t step = 0;
  double seconds = 0;
  net::Evaluation evaluation;  ///< on the whole training set
  const net::Network& network;
  net::Workspace& workspace;
  /// The pass that gave the evaluation and the gradient of F in its outputs; null for SGD.
  const net::Tape* tape = nullptr;
  const at::Tensor* cotangent = nullptr;
  const NewtonStep* newton = nullptr;  ///< the step that led here; null for other methods
};

/// What a run tells whoever watches it. Both may be empty.
struct Callbacks {
  /// At every step of GD, at every measured step of SGD, and at the end.
  std::function<void(const Moment&)> on_measurement;
  /// About once every `checkpoint_seconds`, between two steps.
  std::function<void(const TrainState&)> on_checkpoint;
  /// Gauss-Newton: how it solves, in words, when it begins or changes.
  std::function<void(const std::string&)> on_plan;
  double checkpoint_seconds = 120;
};

struct TrainResult {
  StopReason reason = StopReason::max_steps;
  std::int64_t steps = 0;
  double initial_objective = 0;
  net::Evaluation final_evaluation;
  double seconds = 0;

  /// Whether a target that was asked for ended the run.
  [[nodiscard]] bool reached_target() const;
};

/// What `train` checks before its first step, for those who replace something once it begins.
/// @throws Error(usage) for options that cannot work, Error(data) for targets the loss has no use
///         for
void check_training(const net::Network& network,
                    const Problem& problem,
                    const TrainOptions& options);

/// Trains the network in place. With `state` from an interrupted run it goes on where that stopped;
/// afterwards `state` is where this run stopped.
///
/// GD and SGD without momentum update the weights inside the gradient's matrix products: beside the
/// weights a step holds n (L + 3) rows of width m (b in place of n for SGD), and allocates no
/// tensor storage after the first.
/// @throws what `check_training` throws. Divergence is a result, not an error.
TrainResult train(net::Network& network,
                  const Problem& problem,
                  const TrainOptions& options,
                  TrainState& state,
                  const Callbacks& callbacks = {});

/// A whole run, from the network's present weights.
TrainResult train(net::Network& network,
                  const Problem& problem,
                  const TrainOptions& options,
                  const Callbacks& callbacks = {});

/// F and the accuracy on any samples; memory does not grow with their number beyond the outputs.
net::Evaluation evaluate(const net::Network& network,
                         const Problem& problem,
                         net::Workspace& workspace);

/// The samples of one SGD step, a function of (options.seed, step) alone.
class BatchSampler {
 public:
  BatchSampler(std::int64_t num_samples, const TrainOptions& options);

  /// Indices of step number `step`; valid until the next call.
  std::span<const std::int64_t> batch(std::int64_t step);

 private:
  void shuffle_epoch(std::int64_t epoch);

  std::int64_t num_samples_;
  std::int64_t batch_size_;
  Sampling sampling_;
  std::uint64_t seed_;
  std::int64_t epoch_ = -1;
  std::vector<std::int64_t> order_;
  std::vector<std::int64_t> drawn_;
};

}  // namespace overparam::train
