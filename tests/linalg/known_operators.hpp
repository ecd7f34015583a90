// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "overparam/linalg/lanczos.hpp"
#include "support/tensors.hpp"

namespace overparam::tests {

/// A symmetric matrix with these eigenvalues in a random basis.
inline at::Tensor matrix_with(const std::vector<double>& eigenvalues) {
  const auto size = static_cast<std::int64_t>(eigenvalues.size());
  const auto [basis, upper] = at::linalg_qr(normal({size, size}, "basis"));
  return at::matmul(basis * at::tensor(eigenvalues, at::kDouble), basis.t());
}

inline linalg::SymmetricOperator product_with(const at::Tensor& matrix) {
  return [matrix](const at::Tensor& v, at::Tensor& out) { out.copy_(at::mv(matrix, v)); };
}

/// A diagonal matrix, whose eigenvectors are known without a solver.
inline linalg::SymmetricOperator diagonal_operator(const at::Tensor& diagonal) {
  return [diagonal](const at::Tensor& v, at::Tensor& out) { at::mul_out(out, v, diagonal); };
}

inline linalg::SymmetricOperator counted(linalg::SymmetricOperator op, int& count) {
  return [op = std::move(op), &count](const at::Tensor& v, at::Tensor& out) {
    ++count;
    op(v, out);
  };
}

}  // namespace overparam::tests
