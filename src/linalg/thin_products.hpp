// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "overparam/linalg/products.hpp"

namespace overparam::linalg {

/// `multiply` for b (q, r) of few columns, often one.
inline void multiply_thin(
    at::Tensor& out, const at::Tensor& a, const at::Tensor& b, double alpha = 1, double beta = 0) {
  if (b.size(1) != 1) return multiply(out, a, b, alpha, beta);
  at::Tensor column = out.select(1, 0);
  multiply(column, a, b.select(1, 0), alpha, beta);
}

}  // namespace overparam::linalg
