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

/// <a, b> of contiguous float64 vectors, through `scalar` (1): allocates nothing, which at::dot
/// does.
inline double dot(const at::Tensor& a, const at::Tensor& b, at::Tensor& scalar) {
  multiply(scalar, a.view({1, -1}), b);
  return *scalar.data_ptr<double>();
}

}  // namespace overparam::linalg
