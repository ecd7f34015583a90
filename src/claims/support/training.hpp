// SPDX-License-Identifier: Apache-2.0
// Training runs as measurements.
#pragma once

#include <string>
#include <vector>

#include "overparam/train/step_size.hpp"
#include "overparam/train/trainer.hpp"
#include "support/experiment.hpp"

namespace overparam::claims {

/// GD to F <= ratio * F_0, or SGD where the setting "b" gives a batch; in at most "max_steps",
/// 20,000 where that is not given.
train::TrainOptions options_of(const Point& point, double ratio);

/// What a claim reads off one run.
struct TrainingRun {
  train::TrainResult result;
  train::StepChoice step;
  std::vector<double> steps;       ///< at which the objective was measured
  std::vector<double> objectives;  ///< F at those steps
  double frobenius_distance = 0;   ///< |W - W^(0)|_F at the end

  /// The first measured step with F <= ratio * F_0; NaN if there is none.
  [[nodiscard]] double steps_to(double ratio) const;

  /// log F against the step over the last decade of F: slope and R^2.
  [[nodiscard]] linalg::LineFit tail() const;
};

/// Trains the point's network on the problem from its initial weights. The options' step size is
/// replaced by what `rule` gives.
TrainingRun train_run(net::Network& network,
                      const train::Problem& problem,
                      const std::string& rule,
                      train::TrainOptions options);

/// T, the column "steps", is bounded from above by a power of a setting.
Law steps_bound(const std::string& name,
                const std::string& design,
                const std::string& setting,
                double power,
                Limit limit = Limit::large);

/// The runs of a design have their T. One that never reaches its target has none, and would be
/// missing from the laws in T though it is the first to break them.
/// @param target as the check's name says it: "1e-3 F_0"   @param steps the column of T
Check all_reach(const std::string& target,
                const std::string& design,
                const std::string& steps = "steps");

/// Replaces targets y* by y(W^(0)) + scale * y*, so that the weights need to move only a little:
/// with close inputs, targets of size 1 drive networks of these widths out of the regime of the
/// theorem.
void bring_targets_near(train::Problem& problem, const net::Network& network, double scale);

/// Makes x_2 = x_1 with y_2 = y_1 + 1 in every output: the conflict of Section 1.1.
void make_conflict(train::Problem& problem);

}  // namespace overparam::claims
