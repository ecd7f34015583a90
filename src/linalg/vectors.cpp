// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/vectors.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "orthonormal_rows.hpp"

namespace overparam::linalg {

double inner_product(const at::Tensor& a, const at::Tensor& b) {
  const bool are_doubles = a.scalar_type() == at::kDouble && b.scalar_type() == at::kDouble;
  if (are_doubles && a.device().is_cpu() && a.is_contiguous() && b.is_contiguous()) {
    return sum_of_products(a, b);
  }
  constexpr std::int64_t kPiece = 1 << 20;  // converted at once
  double sum = 0;
  for (std::int64_t begin = 0; begin < a.size(0); begin += kPiece) {
    const std::int64_t count = std::min(kPiece, a.size(0) - begin);
    sum += at::dot(a.narrow(0, begin, count).to(at::kDouble), b.narrow(0, begin, count).to(at::kDouble))
               .item<double>();
  }
  return sum;
}

double norm_of(const at::Tensor& a) { return a.norm(2, at::kDouble).item<double>(); }

}  // namespace overparam::linalg
