// SPDX-License-Identifier: Apache-2.0
// How fast the last steps of Gauss-Newton converge, measured.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "overparam/linalg/fit.hpp"
#include "overparam/study/run_record.hpp"

namespace overparam::study {

/// p of r_{t+1} ~ r_t^p with r = F^(1/2), fitted on logarithms over pairs of successive steps.
struct ConvergenceOrder {
  double order = 0;
  linalg::Interval interval;    ///< 95 %, Student's t
  std::int64_t pairs = 0;       ///< (r_t, r_{t+1}) in the fit, at least three
  std::int64_t first_step = 0;  ///< t of the first pair
  std::int64_t last_step = 0;   ///< t + 1 of the last
};

/// The order of a Gauss-Newton run on all samples with the squared loss. A pair is fitted where
///
///     F_t <= 1e-2 F_0               the quadratic model holds by then, if it ever does,
///     the step was taken whole,
///     4 predicted <= F_{t+1}        what is not linear decides, not the solver or its damping,
///     F_{t+1} > (40 u)^2 F_0        and not the rounding of the outputs; u the unit roundoff.
///
/// Nothing where fewer than three pairs are left, for other methods and losses, for batches, and
/// for a run that ended in a least-squares answer, where F does not go to 0.
std::optional<ConvergenceOrder> convergence_order(const RunRecord& record);

/// {"order", "low", "high", "pairs", "first_step", "last_step"}, for run.json
nlohmann::json to_json(const ConvergenceOrder& order);

}  // namespace overparam::study
