// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

namespace overparam::linalg {

/// A linear map known through its products: out = M v.
using LinearMap = std::function<at::Tensor(const at::Tensor& v)>;

struct SpectralNormOptions {
  double tolerance = 1e-4;  ///< relative, on the squared norm's residual
  int max_products = 100;
  std::uint64_t seed = 0;
};

/// |M|_2 by Lanczos on M^T M; a lower bound that is within the tolerance once converged.
/// @param columns size of the vectors M acts on
double spectral_norm(const LinearMap& apply,
                     const LinearMap& apply_transposed,
                     std::int64_t columns,
                     const SpectralNormOptions& options = {});

/// |matrix|_2 of a dense matrix (p, q), by the same means.
double spectral_norm(const at::Tensor& matrix, const SpectralNormOptions& options = {});

}  // namespace overparam::linalg
