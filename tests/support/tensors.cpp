// SPDX-License-Identifier: Apache-2.0
#include "support/tensors.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

namespace overparam::tests {

at::Tensor normal(at::IntArrayRef sizes, std::string_view name, at::ScalarType type) {
  at::Tensor result = at::empty(sizes, type);
  base::fill_normal(result, 1, base::Stream(20190610, name));
  return result;
}

double relative_difference(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return std::numeric_limits<double>::infinity();
  const at::Tensor x = a.to(at::kDouble);
  const at::Tensor y = b.to(at::kDouble);
  const double scale = std::max({x.norm().item<double>(), y.norm().item<double>(), 1e-300});
  return (x - y).norm().item<double>() / scale;
}

}  // namespace overparam::tests
