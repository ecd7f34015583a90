// SPDX-License-Identifier: Apache-2.0
// The network linearised at its initial weights, trained on the squared loss: the residual follows
// r_t = rho_t(K) r_0, so
//
//     F_t = 1/2 sum_i rho_t(lambda_i)^2 <v_i, r_0>^2,    rho_t(lambda) = (1 - eta lambda)^t
//
// for gradient descent; linear_method.hpp has the others.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "overparam/kernel/linear_method.hpp"
#include "overparam/linalg/lanczos.hpp"

namespace overparam::kernel {

class LinearModel {
 public:
  /// @param measure the spectral measure of K seen from r_0
  LinearModel(linalg::SpectralMeasure measure, const LinearMethod& method);

  /// Gradient descent.
  LinearModel(linalg::SpectralMeasure measure, double step_size);

  /// F_t
  [[nodiscard]] double objective(double step) const;

  /// The first step t with F_t <= ratio * F_0, or nothing where the model never gets there: it
  /// diverges, or part of the residual lies in the kernel of K. With momentum, steps are tried one
  /// by one for as long as the modes that swing can matter, and by bisection beyond.
  [[nodiscard]] std::optional<std::int64_t> steps_to(double ratio) const;

 private:
  [[nodiscard]] double swinging_steps(double ratio) const;
  [[nodiscard]] std::optional<std::int64_t> first_swing_to(double wanted, double steps) const;

  linalg::SpectralMeasure measure_;
  LinearMethod method_;
};

/// The linear model's number of steps to F_t <= ratio * F_0.
struct StepPrediction {
  std::optional<std::int64_t> steps;
  int products = 0;        ///< of K with a vector
  double uncertainty = 0;  ///< relative change when the products were last doubled
};

/// Doubles the products of `process` (started at r_0) until the prediction settles to `tolerance`:
/// the quadrature needs about sqrt(steps) of them, and comes from below.
/// @param may_go_on asked before each doubling; without it only the process' capacity ends the
/// search
StepPrediction predict_steps(linalg::Lanczos& process,
                             double step_size,
                             double ratio,
                             double tolerance = 5e-3,
                             const std::function<bool()>& may_go_on = {});

}  // namespace overparam::kernel
