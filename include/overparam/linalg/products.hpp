// SPDX-License-Identifier: Apache-2.0
// The one door to matrix products: precision and backend are chosen behind it.
#pragma once

#include <ATen/core/Tensor.h>

namespace overparam::linalg {

/// out = alpha a b + beta out, for a (p, q), b (q, r), out (p, r) of one type on one device.
/// Transposes are written as `a.t()` and cost nothing. With beta = 0 `out` is not read. Allocates
/// no tensor storage where the arguments are contiguous or transposed contiguous.
/// With vectors b (q) and out (p) it is the matrix-vector product, which reads a once: twice as
/// fast as a product with one column.
void multiply(
    at::Tensor& out, const at::Tensor& a, const at::Tensor& b, double alpha = 1, double beta = 0);

/// Whether this processor multiplies bfloat16 several times as fast as float32: it has AMX.
bool has_coarse_products();

/// While it lives, large float32 products of this thread round their factors to bfloat16 where the
/// processor has coarse products; sums stay in float32. For what need be known to a few digits
/// alone, as preconditioners and loose solves. What is rounded depends on the processor, not on a
/// measurement, so that runs repeat their bits.
class CoarseProducts {
 public:
  /// @param wanted false takes float32 products exactly, inside another guard too
  explicit CoarseProducts(bool wanted = true);
  ~CoarseProducts();
  CoarseProducts(const CoarseProducts&) = delete;
  CoarseProducts& operator=(const CoarseProducts&) = delete;

 private:
  bool former_;
};

/// out_k = alpha a_k b_k + beta out_k for k = 1..n, for a (n, p, q), b (n, q, r), out (n, p, r).
void multiply_batched(
    at::Tensor& out, const at::Tensor& a, const at::Tensor& b, double alpha = 1, double beta = 0);

/// out = a^T a (r, r) for a (q, r): every product on one side of the diagonal once, about q r^2
/// operations.
void multiply_gram(at::Tensor& out, const at::Tensor& a);

}  // namespace overparam::linalg
