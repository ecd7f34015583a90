// SPDX-License-Identifier: Apache-2.0
// The network linearised at its initial weights, trained by gradient descent on the squared loss:
// the residual follows r_{t+1} = (I - eta K) r_t, so
//
//     F_t = 1/2 sum_i (1 - eta lambda_i)^{2t} <v_i, r_0>^2.
#pragma once

#include <optional>

#include "overparam/linalg/lanczos.hpp"

namespace overparam::kernel {

class LinearModel {
 public:
  /// @param measure the spectral measure of K seen from r_0: a Gauss quadrature of about 40 nodes
  /// gives the steps to 1e-3 relative
  LinearModel(linalg::SpectralMeasure measure, double step_size);

  /// F_t
  [[nodiscard]] double objective(double step) const;

  /// The first t with F_t <= ratio * F_0, or nothing where the model never gets there: it diverges,
  /// or part of the residual lies in the kernel of K.
  [[nodiscard]] std::optional<std::int64_t> steps_to(double ratio) const;

 private:
  linalg::SpectralMeasure measure_;
  double step_size_;
};

}  // namespace overparam::kernel
