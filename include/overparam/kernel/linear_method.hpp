// SPDX-License-Identifier: Apache-2.0
// One eigenvalue lambda of K under linear training of F = 1/2 |f - y|^2: the residual's share along
// its eigenvector shrinks by rho_t(lambda), and the weights have moved by phi_t(lambda) times it.
#pragma once

namespace overparam::kernel {

/// How the linearised network is trained. With v <- beta v + grad, W <- W - eta v the residual
/// obeys r_{t+1} = (1 + beta - eta K) r_t - beta r_{t-1}, r_1 = (1 - eta K) r_0; the flow dr/dt =
/// -K r.
struct LinearMethod {
  enum class Rule { gradient_descent, gradient_flow };

  Rule rule = Rule::gradient_descent;
  double step_size = 0;  ///< eta; unused by the flow, whose t is time
  double momentum = 0;   ///< beta, 0 <= beta < 1; heavy ball (Polyak 1964)

  /// @throws Error(usage) for a step size that is not positive, or momentum outside [0, 1)
  static LinearMethod descent(double step_size, double momentum = 0);
  static LinearMethod flow();
};

/// rho_t(lambda): (1 - eta lambda)^t, e^{-lambda t}, or for momentum the solution of its recursion
/// from the roots of z^2 - (1 + beta - eta lambda) z + beta, real or complex. Exact to rounding for
/// tiny eta lambda as for eta lambda > 1, where its sign alternates.
/// @param t steps, a whole number; for the flow any time. Infinity is the limit.
double residual_factor(const LinearMethod& method, double eigenvalue, double t);

/// phi_t(lambda) = (1 - rho_t(lambda)) / lambda, without cancellation for small lambda; eta t, or t
/// for the flow, at lambda = 0. Outputs of other inputs move by K(x, X) phi_t(K) (y - f_0).
double response_factor(const LinearMethod& method, double eigenvalue, double t);

/// The step size at which training stops to converge: 2 (1 + beta) / lambda_max.
double largest_stable_step(double lambda_max, double momentum = 0);

}  // namespace overparam::kernel
