// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>

#include "landscape_source.hpp"
#include "overparam/study/vision_run.hpp"

namespace overparam::study {

/// The snapshots of a run of a network of images, on its first training images as they are.
/// data.source replaces the run's own where it was given.
std::unique_ptr<LandscapeSource> vision_source(const Settings& settings,
                                               const std::filesystem::path& folder);

}  // namespace overparam::study
