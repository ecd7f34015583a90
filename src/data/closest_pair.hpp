// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "overparam/data/geometry.hpp"

namespace overparam::data {

/// The closest pair among the rows of `inputs` (n, dx) listed in `rows`, which are all different.
/// Of several pairs at the same distance, the one that comes first.
Separation closest_pair(const at::Tensor& inputs, const std::vector<std::int64_t>& rows);

}  // namespace overparam::data
