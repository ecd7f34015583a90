// SPDX-License-Identifier: Apache-2.0
// What the settings say of a run, for those who train and those who only plan to.
#pragma once

#include <cstdint>

#include "overparam/study/settings.hpp"
#include "overparam/train/options.hpp"

namespace overparam::study {

/// The share of F_0 that steps are predicted to where the settings name no target.
inline constexpr double kDefaultRatio = 1e-3;

/// Method, batches and stopping rules; the step size is still open.
train::TrainOptions train_options(const Settings& settings);

/// The setting run.memory in bytes; 0 where it is empty. @throws Error(usage) if it is no size
std::uint64_t memory_limit(const Settings& settings);

}  // namespace overparam::study
