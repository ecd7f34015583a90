// SPDX-License-Identifier: Apache-2.0
// Long vectors in float32 or float64, with sums in float64.
#pragma once

#include <ATen/core/Tensor.h>

namespace overparam::linalg {

/// <a, b> for vectors of as many numbers.
double inner_product(const at::Tensor& a, const at::Tensor& b);

/// |a|
double norm_of(const at::Tensor& a);

}  // namespace overparam::linalg
