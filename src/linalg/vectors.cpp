// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/vectors.hpp"

#include <ATen/ATen.h>

#include <algorithm>

namespace overparam::linalg {

double inner_product(const at::Tensor& a, const at::Tensor& b) {
  if (a.scalar_type() == at::kDouble && b.scalar_type() == at::kDouble) {
    return at::dot(a, b).item<double>();
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
