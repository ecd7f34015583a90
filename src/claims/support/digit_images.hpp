// SPDX-License-Identifier: Apache-2.0
// A small residual network that learns drawn digits, as Figure 1 and the remarks on practical
// networks are measured on machines without the source's. Settings: n images of side x side pixels
// (14), w channels of the first stage (4), epochs, batch (16), eta (0.1), seed.
#pragma once

#include "overparam/claims/claim.hpp"
#include "overparam/net/vision.hpp"
#include "overparam/train/vision.hpp"

namespace overparam::claims {

/// ResNet-8 and its images, in float32.
struct DigitImages {
  net::VisionArchitecture architecture;
  train::VisionData data;
};
DigitImages digit_images(const Point& point);

/// Figure 1's recipe, its schedule shrunk to the point's epochs: momentum 0.9, decay 1e-4, a tenth
/// of the step size from 81/164 and from 122/164 of the epochs on. Digits are neither shifted nor
/// mirrored: a mirrored one is another.
train::VisionTrainOptions digit_training(const Point& point);

/// An epoch of the source's 164, in the point's: 1 at least.
std::int64_t shrunk_epoch(const Point& point, double of_164);

/// Bytes for `vectors` vectors of weights and a gradient over all images, in float64.
std::uint64_t digit_memory(const Point& point, double vectors);

}  // namespace overparam::claims
