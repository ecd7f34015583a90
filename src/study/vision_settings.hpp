// SPDX-License-Identifier: Apache-2.0
// What resolved settings say of a run of a network of images.
#pragma once

#include <cstdint>

#include "overparam/study/settings.hpp"
#include "overparam/train/vision.hpp"

namespace overparam::study {

/// The images that the gradient is measured on are the first so many of the training part.
inline constexpr std::int64_t kMostMeasured = 1000;

train::VisionTrainOptions vision_options(const Settings& resolved);

/// How many images one batch of the measured gradient has, so that those of all threads together
/// are few.
std::int64_t measured_batch();

}  // namespace overparam::study
