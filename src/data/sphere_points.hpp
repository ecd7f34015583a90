// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "overparam/data/sources.hpp"

namespace overparam::data {

/// Points uniform on the sphere of radius 1/sqrt 2: (count, dimension) float64. Point i depends on
/// its index and the seed alone. `part` is "train" or "test".
at::Tensor sphere_points(std::int64_t count,
                         std::int64_t dimension,
                         std::uint64_t seed,
                         const std::string& part);

/// As `sphere_points` for training, but with the least distance exactly `separation`: point 1 is
/// point 0 turned until it is that far away, and all other pairs are farther apart. Points that
/// fall too close to earlier ones are drawn again.
/// @throws Error(usage) naming a separation that can be reached, where this one cannot
at::Tensor separated_sphere_points(std::int64_t count,
                                   std::int64_t dimension,
                                   std::uint64_t seed,
                                   double separation);

/// Training and test inputs for options that heed dimension and separation.
Dataset sphere_dataset(const GeneratorOptions& options, const std::string& name);

}  // namespace overparam::data
