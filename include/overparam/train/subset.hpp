// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "overparam/train/problem.hpp"

namespace overparam::train {

/// Some samples of a problem, copied. Memory and time of the chosen rows.
/// @param indices (b) int64, in any order
Problem subset_of(const Problem& problem, const at::Tensor& indices);

}  // namespace overparam::train
