// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/spectral_norm.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "overparam/linalg/lanczos.hpp"

namespace overparam::linalg {

double spectral_norm(const LinearMap& apply,
                     const LinearMap& apply_transposed,
                     std::int64_t columns,
                     const SpectralNormOptions& options) {
  const SymmetricOperator gram = [&](const at::Tensor& v, at::Tensor& out) {
    out.copy_(apply_transposed(apply(v)));
  };
  const auto ends = extreme_eigenvalues(
      gram,
      columns,
      {.max_products = options.max_products, .tolerance = options.tolerance, .seed = options.seed});
  return std::sqrt(std::max(0.0, ends.largest));
}

double spectral_norm(const at::Tensor& matrix, const SpectralNormOptions& options) {
  if (matrix.norm().item<double>() == 0) return 0;
  return spectral_norm([&](const at::Tensor& v) { return at::mv(matrix, v.to(matrix.options())); },
                       [&](const at::Tensor& v) { return at::mv(matrix.t(), v); },
                       matrix.size(1),
                       options);
}

}  // namespace overparam::linalg
