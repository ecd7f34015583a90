// SPDX-License-Identifier: Apache-2.0
// How wide a network must be for its tangent kernel to be as well conditioned as its limit.
#pragma once

#include "overparam/study/data_plan.hpp"
#include "overparam/study/training.hpp"

namespace overparam::study {

/// Samples networks of growing width on nested subsets of the inputs and outputs, finds for each
/// subset the width with lambda_min(K_m) = lambda_min(K_infinity) / 2, and continues its logarithm
/// linearly in log n and log d to all samples and outputs.
/// @param inputs the distinct ones, (n, dx)
NeededWidth needed_width(const Settings& settings,
                         const NetworkInput& input,
                         const at::Tensor& inputs,
                         const PlanLimits& limits,
                         const Voice& voice);

}  // namespace overparam::study
