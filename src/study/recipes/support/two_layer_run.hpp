// SPDX-License-Identifier: Apache-2.0
// Gradient descent on the network of Du et al. 2018, watched at every epoch:
//
//     f(x) = m^(-1/2) sum_r a_r relu(w_r^T x)      F = 1/2 sum_i (f(x_i) - y_i)^2
//
// with x_i uniform on the unit sphere, y_i ~ N(0, 1), w_r ~ N(0, I), a_r = +-1 fixed.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "overparam/base/memory.hpp"

namespace overparam::study {

struct TwoLayerSetting {
  std::int64_t samples = 1000;
  std::int64_t dimension = 1000;
  std::int64_t width = 1000;
  std::int64_t epochs = 100;
  double step_size = 0.1;
  std::uint64_t seed = 0;
  at::ScalarType type = at::ScalarType::Float;
};

/// One value an epoch, the start first.
struct TwoLayerCurves {
  std::vector<double> squared_error;     ///< 2 F / n
  std::vector<double> changed_signs;     ///< share of (i, r) with another sign than at the start
  std::vector<double> squared_distance;  ///< max_r |w_r(k) - w_r(0)|^2
  /// 2 F / n of the kernel's dynamics r(k+1) = (I - eta H) r(k) from the same residual, with the
  /// limit kernel H_ij = x_i^T x_j (pi - arccos x_i^T x_j) / (2 pi), which knows no width.
  std::vector<double> limit_error;
  double least_eigenvalue = 0;  ///< of H
  double largest_eigenvalue = 0;
};

/// Time: 4 epochs n d m operations, and the eigenvalues of one matrix (n, n).
TwoLayerCurves run_two_layer(const TwoLayerSetting& setting);

/// What `run_two_layer` holds at once.
base::MemoryPlan plan_two_layer(const TwoLayerSetting& setting);

}  // namespace overparam::study
