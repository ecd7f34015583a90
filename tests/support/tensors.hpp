// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

#include "overparam/base/random.hpp"

namespace overparam::tests {

/// Standard normal, the same in every run.
at::Tensor normal(at::IntArrayRef sizes, std::string_view name, at::ScalarType type = at::kDouble);

/// |a - b| / max(|a|, |b|, tiny), Frobenius; infinite where shapes differ.
double relative_difference(const at::Tensor& a, const at::Tensor& b);

}  // namespace overparam::tests
