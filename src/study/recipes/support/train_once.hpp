// SPDX-License-Identifier: Apache-2.0
// The run of a network of images that a recipe draws.
#pragma once

#include <filesystem>
#include <string>

#include "overparam/study/recipe.hpp"
#include "overparam/study/settings.hpp"

namespace overparam::study {

/// Trains what the folder does not hold yet, from its checkpoint where one is left, and writes its
/// page; anew where options.fresh. False where the user interrupted.
/// @param name what is trained, for the user
/// @throws Error(numeric) where the training diverged, now or before
/// @throws Error(data) where a run that is there is damaged
bool train_once(const std::string& name,
                const Settings& settings,
                const std::filesystem::path& folder,
                const ReproduceOptions& options,
                const Voice& voice);

}  // namespace overparam::study
