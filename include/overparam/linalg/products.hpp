// SPDX-License-Identifier: Apache-2.0
// The one door to matrix products: precision and backend are chosen behind it.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace overparam::linalg {

/// out = alpha a b + beta out, for a (p, q), b (q, r), out (p, r) of one type on one device.
/// Transposes are written as `a.t()` and cost nothing. With beta = 0 `out` is not read. Allocates
/// no tensor storage where the arguments are contiguous or transposed contiguous.
/// With vectors b (q) and out (p) it is the matrix-vector product, which reads a once: twice as
/// fast as a product with one column.
void multiply(
    at::Tensor& out, const at::Tensor& a, const at::Tensor& b, double alpha = 1, double beta = 0);

/// out_k = alpha a_k b_k + beta out_k for k = 1..n, for a (n, p, q), b (n, q, r), out (n, p, r).
void multiply_batched(
    at::Tensor& out, const at::Tensor& a, const at::Tensor& b, double alpha = 1, double beta = 0);

/// out = a^T a (r, r) for a (q, r): every product on one side of the diagonal once, about q r^2
/// operations.
void multiply_gram(at::Tensor& out, const at::Tensor& a);

/// The library behind `multiply` on the CPU, as far as it can be told: "OpenBLAS", "reference", ...
std::string blas_name();

/// False where the products come from the reference BLAS, which is many times slower.
bool blas_is_fast();

}  // namespace overparam::linalg
