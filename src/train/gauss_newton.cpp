// SPDX-License-Identifier: Apache-2.0
// Gauss-Newton in the kernel. Near initialisation F is governed by K, so that solving with K
// instead of descending along it reaches the minimum in a few steps:
//
//     solve (S^T K S + lambda mu I) b = c          in the n d outputs
//     W <- W - t J^T S b                           t = 1, 1/2, ... until F falls as it should
//     lambda down after a whole step, up after none
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "newton_solver.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/train/subset.hpp"
#include "run.hpp"

namespace overparam::train {

namespace {

/// A step must bring at least this share of the decrease that the linearised network promises.
constexpr double kLeastGain = 1e-4;
/// A whole step with this share of it shows that the model can be trusted further.
constexpr double kGoodGain = 0.25;
constexpr int kLengths = 4;
constexpr int kAttempts = 12;

/// lambda after a failure, at least; and below which it might as well be at its least.
constexpr double kFirstDamping = 1e-3;
constexpr double kLeastDamping = 1e-7;

/// Where the model promises less than this share of F, F is as low as the weights near by allow.
constexpr double kStationary = 1e-6;

/// The residual of a solve must be small beside what it promises to take off F: (this)^2 of it.
constexpr double kShareOfPromise = 0.3;
constexpr double kMostly = 0.5;

/// So many steps without a thousandth of progress are enough: the network is too narrow, and stuck
/// between the kinks of its ReLUs.
constexpr std::int64_t kStuckSteps = 10;
constexpr double kProgress = 1e-3;

/// The trained weights, to return to.
class SavedWeights {
 public:
  explicit SavedWeights(const net::Network& network)
      : saved_(net::Parameters::trained_zeros(network.architecture(), network.options())) {}

  void save(const net::Network& network) {
    each([&](int k) { saved_[k].copy_(network.parameters()[k]); });
  }

  /// W = saved + length * step
  void apply(const net::Parameters& step, double length, net::Network& network) const {
    each([&](int k) { network.parameters()[k].copy_(saved_[k]).add_(step[k], length); });
  }

  void restore(net::Network& network) const {
    each([&](int k) { network.parameters()[k].copy_(saved_[k]); });
  }

 private:
  void each(const std::function<void(int)>& action) const {
    for (int k = 0; k < static_cast<int>(saved_.size()); ++k) {
      if (saved_[k].defined()) action(k);
    }
  }

  net::Parameters saved_;
};

/// Takes single steps and keeps what one leaves for the next.
class Newton {
 public:
  Newton(net::Network& network,
         const Problem& all,
         std::int64_t samples_at_once,
         const NewtonOptions& options,
         NewtonState& state,
         net::Workspace& workspace)
      : network_(network),
        all_(all),
        options_(options),
        state_(state),
        workspace_(workspace),
        solver_(network, samples_at_once, options),
        saved_(network),
        outputs_(at::empty({0}, network.options())) {}

  [[nodiscard]] std::string describe() const { return solver_.describe(); }

  /// What the last step did.
  [[nodiscard]] const NewtonStep& last() const { return step_; }

  /// Whether the last step was one of rounding.
  [[nodiscard]] bool is_exhausted() const { return exhausted_; }

  /// y of all samples at the present weights, known from the last step if that was on them.
  const at::Tensor& outputs() {
    if (!known_) compute_outputs(all_);
    return outputs_;
  }

  /// One step on these samples; nothing where it was taken, else why not. The weights are then as
  /// they were.
  std::optional<StopReason> step(const Problem& problem) {
    if (!known_ || &problem != &all_) compute_outputs(problem);
    const double start = objective_of(problem);
    objective_ = start;
    solver_.linearise(network_, problem, outputs_);
    saved_.save(network_);
    step_ = {};
    double accuracy = tolerance();
    const double former_damping = state_.damping;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      const double damping = std::max(state_.damping, options_.damping);
      const auto solution = solver_.solve(
          std::max(damping, kNoDamping), accuracy, [] { return !base::interrupted(); });
      if (base::interrupted()) {
        // The step is taken anew from here, with the same attempts.
        state_.damping = former_damping;
        return StopReason::interrupted;
      }
      step_.iterations += solution.iterations;
      step_.residual = solution.residual;
      step_.predicted = solution.predicted;
      step_.damping = damping;
      const bool solved = solution.usable && solution.residual <= accuracy;
      // Where most of F cannot be reached, a solve to a share of all of F says little of the rest.
      const double needed =
          std::max(kShareOfPromise * std::sqrt(solution.reachable), solver_.least_tolerance());
      if (solved && solution.reachable < kMostly && accuracy > needed) {
        accuracy = needed;
        continue;
      }
      if (solved && solution.promised <= kStationary * start) return StopReason::stationary;
      if (solution.promised > 0 && descend(problem, solution, start)) {
        if (!solved) state_.damping = std::max(damping, kFirstDamping);
        exhausted_ = is_rounding(start, outputs_);
        return std::nullopt;
      }
      state_.damping = std::max(10 * damping, kFirstDamping);
    }
    return StopReason::no_descent;
  }

 private:
  /// The largest of some lengths with which F falls as it should.
  bool descend(const Problem& problem, const NewtonSolution& solution, double start) {
    const net::Parameters step = solver_.step_of(solution);
    double length = 1;
    for (int i = 0; i < kLengths; ++i, length /= 2) {
      saved_.apply(step, length, network_);
      compute_outputs(problem);
      objective_ = objective_of(problem);
      const double gain = (start - objective_) / solution.promised;
      if (!(gain > kLeastGain * length)) continue;
      step_.length = length;
      state_.former_ratio = objective_ / start;
      if (length < 1) {
        state_.damping = std::max(state_.damping, kLeastDamping) * 4;
      } else if (gain > kGoodGain) {
        lower_damping();
      }
      return true;
    }
    saved_.restore(network_);
    known_ = false;
    return false;
  }

  /// Whether F is no more than what rounding the outputs makes of it, and falls slowly.
  [[nodiscard]] bool is_rounding(double start, const at::Tensor& outputs) const {
    const double epsilon = outputs.scalar_type() == at::kFloat ? 0x1p-24 : 0x1p-53;
    constexpr double kRoundings = 4;  // of an output's size: one for each of a few sums over m
    const double rounded = kRoundings * epsilon * outputs.norm().item<double>();
    return objective_ < rounded * rounded / 2 && objective_ > start / 4;
  }

  void lower_damping() {
    state_.damping /= 10;
    if (state_.damping < kLeastDamping) state_.damping = 0;
  }

  /// Loose at first: what a step leaves because the network is not linear is more. Later as small
  /// as what the next step can be expected to leave: with ReLUs the residual falls with order 3/2.
  [[nodiscard]] double tolerance() const {
    const double expected = std::pow(state_.former_ratio, 0.75) / 2;
    return std::clamp(expected, solver_.least_tolerance(), options_.tolerance);
  }

  void compute_outputs(const Problem& problem) {
    outputs_.resize_(problem.targets.sizes());
    network_.forward(problem.inputs, outputs_, workspace_);
    known_ = &problem == &all_;
  }

  [[nodiscard]] double objective_of(const Problem& problem) const {
    return net::evaluate(problem.loss, outputs_, problem.targets).objective;
  }

  /// Keeps a singular system solvable; far below what the precision of the products resolves.
  static constexpr double kNoDamping = 1e-10;

  net::Network& network_;
  const Problem& all_;
  const NewtonOptions& options_;
  NewtonState& state_;
  net::Workspace& workspace_;
  NewtonSolver solver_;
  SavedWeights saved_;
  NewtonStep step_;
  at::Tensor outputs_;  // y (n, d), of the last pass
  bool known_ = false;  // whether it is of all samples, at the present weights
  bool exhausted_ = false;
  double objective_ = 0;
};

}  // namespace

/// Whether F has not fallen by a thousandth for many steps.
bool Run::is_stuck() {
  auto& newton = state_.newton;
  if (state_.step == 0 || evaluation_.objective < (1 - kProgress) * newton.milestone) {
    newton.milestone = evaluation_.objective;
    newton.milestone_step = state_.step;
  }
  return state_.step - newton.milestone_step >= kStuckSteps;
}

TrainResult Run::gauss_newton() {
  const std::int64_t n = problem_.size();
  const std::int64_t b = options_.batch_of(n);
  const bool batches = options_.uses_batches(n);
  const std::int64_t measure_every = !batches                     ? 1
                                     : options_.measure_every > 0 ? options_.measure_every
                                                                  : (n + b - 1) / b;
  BatchSampler sampler(n, options_);
  Newton newton(network_, problem_, b, options_.newton, state_.newton, workspace_);
  if (callbacks_.on_plan) callbacks_.on_plan(newton.describe());

  const std::int64_t first = state_.step;
  const auto measure = [&] {
    return measured({.step = state_.step,
                     .seconds = seconds(),
                     .evaluation = net::evaluate(problem_.loss,
                                                 newton.outputs(),
                                                 problem_.targets,
                                                 problem_.labels,
                                                 problem_.num_classes),
                     .network = network_,
                     .workspace = workspace_,
                     .newton = state_.step > first ? &newton.last() : nullptr});
  };
  for (;;) {
    if (const auto end = measure_or_end(measure_every, true, measure)) return finished(*end);
    if (newton.is_exhausted()) return finished(StopReason::no_descent);
    if (!batches && is_stuck()) return finished(StopReason::stationary);
    std::optional<Problem> batch;
    if (batches) {
      const auto chosen = sampler.batch(state_.step);
      batch = subset_of(
          problem_,
          at::tensor(at::ArrayRef<std::int64_t>(chosen.data(), chosen.size()), at::kLong));
    }
    const auto stuck = newton.step(batch ? *batch : problem_);
    if (stuck) return finished(*stuck);
    ++state_.step;
    maybe_checkpoint();
  }
}

}  // namespace overparam::train
