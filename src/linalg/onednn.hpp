// SPDX-License-Identifier: Apache-2.0
// The one place that knows oneDNN. Without it nothing is available.
#pragma once

#include <ATen/core/Tensor.h>

#include "overparam/linalg/narrow.hpp"

namespace overparam::linalg::onednn {

/// Whether the library multiplies this number type fast and exactly on this processor.
bool multiplies(Products products);

/// Whether tiles of bfloat16 and int8 are multiplied by the processor itself.
bool has_amx();

/// out = alpha a b + beta out for a (p, q), b (q, r): any two tensors of one type, rows or columns
/// contiguous, and float32 out with contiguous rows. int8 sums are exact.
void multiply(
    at::Tensor& out, const at::Tensor& a, const at::Tensor& b, double alpha, double beta);

}  // namespace overparam::linalg::onednn
