// SPDX-License-Identifier: Apache-2.0
// Long float64 vectors against the rows of a basis in float32 or float64. Sums are in float64 and
// in one order for every number of threads; nothing allocates tensor storage but `combine_rows`.
#pragma once

#include <ATen/core/Tensor.h>

namespace overparam::linalg {

/// <a, b> for contiguous float64 vectors.
double sum_of_products(const at::Tensor& a, const at::Tensor& b);

/// a <- a + factor b
void add_multiple(at::Tensor& a, const at::Tensor& b, double factor);

/// w <- w / |w|, and |w|; zero, and w of no use, where that is rounding beside `scale`.
double normalise(at::Tensor& w, double scale);

/// w <- (I - Q^T Q) w for orthonormal rows Q (k, N). `overlaps` (k) is working space.
/// Cost: Q is read three times.
void remove_rows(at::Tensor& w, const at::Tensor& rows, at::Tensor& overlaps);

/// `remove_rows`, then w <- w / |w|, and that norm. Zero, and w of no use, where what is left of it
/// is rounding beside `scale`, its size before.
double orthonormalise(at::Tensor& w, const at::Tensor& rows, at::Tensor& overlaps, double scale);

/// out = C Q for C (c, k), float64, and rows Q (k, N) of the type of `out`, which may be the first
/// rows of Q itself.
void combine_rows(at::Tensor& out, const at::Tensor& coefficients, const at::Tensor& rows);

}  // namespace overparam::linalg
