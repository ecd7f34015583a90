// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace overparam::data {

/// Groups of two or more equal rows of a matrix (0.0 equals -0.0): members ascending, groups in the
/// order of their first members. Hashes first, so O(n dx) for any number of groups.
std::vector<std::vector<std::int64_t>> equal_rows(const at::Tensor& matrix);

}  // namespace overparam::data
