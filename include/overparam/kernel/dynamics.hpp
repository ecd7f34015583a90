// SPDX-License-Identifier: Apache-2.0
// Training a network that is linear in its weights, told from its tangent kernel alone: every step
// at once from the eigenvalues for the squared loss, one network or the ensemble over its random
// weights; and step by step in the space of outputs for any loss.
//
// A kernel of n samples and d outputs is (n, n), standing for K = Theta x I_d, or (n d, n d) with
// row i d + a. Kernels between p other inputs and the n samples are (p, n) or (p d, n d) alike. All
// tensors are float64 on the CPU.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "overparam/base/memory.hpp"
#include "overparam/kernel/linear_method.hpp"
#include "overparam/kernel/linear_model.hpp"
#include "overparam/net/loss.hpp"

namespace overparam::kernel {

/// The squared loss F = 1/2 |f - y|^2, a sum over samples: f_t = y + rho_t(K) (f_0 - y). One
/// eigendecomposition, time about 9 N^3 and memory 3 N^2, serves every method and time.
///
/// Times are whole steps, or any time >= 0 for the flow; infinity is the limit. A method that
/// diverges at a finite time grows as it would; where that leaves the finite numbers, and at
/// infinity, it is an Error(numeric) with the largest stable step size.
class LinearDynamics {
 public:
  /// @param kernel K, symmetric   @param targets y (n, d)   @param initial f_0 (n, d)
  /// @throws Error(usage) for shapes that do not fit
  LinearDynamics(const at::Tensor& kernel, const at::Tensor& targets, const at::Tensor& initial);

  /// f_t at the samples, (n, d)
  [[nodiscard]] at::Tensor outputs(const LinearMethod& method, double t) const;

  /// The same for each time, (T, n, d).
  [[nodiscard]] at::Tensor outputs(const LinearMethod& method, std::span<const double> times) const;

  /// f_t(x) = f_0(x) + K(x, X) phi_t(K) (y - f_0), (p, d). Eigenvalues below N 2^-52 lambda_max are
  /// left out at t = infinity, as the pseudo-inverse does.
  /// @param cross K(x, X)   @param initial f_0(x) (p, d)
  [[nodiscard]] at::Tensor test_outputs(const LinearMethod& method,
                                        double t,
                                        const at::Tensor& cross,
                                        const at::Tensor& initial) const;

  /// The same for each time, (T, p, d).
  [[nodiscard]] at::Tensor test_outputs(const LinearMethod& method,
                                        std::span<const double> times,
                                        const at::Tensor& cross,
                                        const at::Tensor& initial) const;

  /// F_t
  [[nodiscard]] double objective(const LinearMethod& method, double t) const;

  /// The first step with F_t <= ratio F_0; see LinearModel::steps_to.
  [[nodiscard]] std::optional<std::int64_t> steps_to(const LinearMethod& method,
                                                     double ratio) const;

  /// 2 (1 + momentum) / lambda_max
  [[nodiscard]] double largest_step(double momentum = 0) const;

  [[nodiscard]] const at::Tensor& eigenvalues() const { return eigenvalues_; }    ///< ascending
  [[nodiscard]] const at::Tensor& eigenvectors() const { return eigenvectors_; }  ///< columns

  /// rho_t and phi_t of every eigenvalue, (N).
  [[nodiscard]] at::Tensor residual_factors(const LinearMethod& method, double t) const;
  [[nodiscard]] at::Tensor response_factors(const LinearMethod& method, double t) const;

 private:
  [[nodiscard]] at::Tensor factors(const LinearMethod& method, double t, bool residual) const;
  [[nodiscard]] LinearModel model(const LinearMethod& method) const;

  at::Tensor targets_;       // (n, d)
  at::Tensor initial_;       // (n, d)
  at::Tensor eigenvalues_;   // (N)
  at::Tensor eigenvectors_;  // (N, N)
  at::Tensor residual_;      // (N, c): V^T (f_0 - y), c = d for K = Theta x I_d, otherwise 1
};

/// What LinearDynamics takes beside the kernel, for N rows.
base::MemoryPlan plan_linear_dynamics(std::int64_t size);

/// The covariance of one output at initialisation, in the limit of infinite width (the NNGP or
/// conjugate kernel), at the n samples X and p other inputs x.
struct ConjugateKernel {
  at::Tensor train;  ///< (n, n)
  at::Tensor cross;  ///< (p, n)
  at::Tensor test;   ///< (p, p)
};

/// Mean and covariance over the random initial weights; outputs are independent of one another and
/// share the covariance.
struct EnsembleMoments {
  at::Tensor train_mean;        ///< (n, d)
  at::Tensor train_covariance;  ///< (n, n)
  at::Tensor test_mean;         ///< (p, d)
  at::Tensor test_covariance;   ///< (p, p)
};

/// Networks of infinite width, trained for a time t from random weights (Lee et al. 2019, equations
/// 14 to 16, with the discrete methods beside the flow). With A = Theta(x, X) phi_t(Theta) and the
/// conjugate kernel C,
///
///     mean f_t(x) = A y    cov f_t(x) = C(x, x) - A C(X, x) - C(x, X) A^T + A C(X, X) A^T
///
/// and at the samples mean y - rho_t y, covariance rho_t C rho_t. At t = infinity with Theta = C it
/// is the posterior of Gaussian process regression.
class EnsembleDynamics {
 public:
  /// @param tangent Theta(X, X) (n, n)   @param cross Theta(x, X) (p, n)   @param targets y (n, d)
  EnsembleDynamics(const at::Tensor& tangent,
                   const at::Tensor& cross,
                   const ConjugateKernel& conjugate,
                   const at::Tensor& targets);

  [[nodiscard]] EnsembleMoments moments(const LinearMethod& method, double t) const;

  /// The ensemble's mean, a network of its own.
  [[nodiscard]] const LinearDynamics& mean() const { return mean_; }

 private:
  LinearDynamics mean_;
  at::Tensor coefficients_;  // (n, d): V^T y
  at::Tensor cross_;         // (p, n): Theta(x, X) V
  at::Tensor train_;         // (n, n): V^T C(X, X) V
  at::Tensor train_test_;    // (n, p): V^T C(X, x)
  at::Tensor test_;          // (p, p): C(x, x)
};

struct FunctionSpaceOptions {
  double step_size = 0;
  double momentum = 0;
  std::int64_t steps = 0;
  std::vector<std::int64_t> record;  ///< steps to keep, ascending; none: 0 and the last
};

/// Outputs at the recorded steps.
struct FunctionSpacePath {
  std::vector<std::int64_t> steps;  ///< T of them
  at::Tensor train;                 ///< (T, n, d)
  at::Tensor test;                  ///< (T, p, d); only with other inputs
  std::vector<double> objectives;   ///< F_t
};

/// Gradient descent on any loss for a network linear in its weights, f <- f - eta K grad l(f), with
/// momentum as in LinearMethod. It is carried in f = f_0 + K a, so that other inputs cost a product
/// only where they are recorded: f(x) = f_0(x) + K(x, X) a. Time n^2 d (or (n d)^2) a step.
/// @param cross K(x, X)   @param test_initial f_0(x); both or neither
/// @throws Error(usage) for shapes or options that do not fit, Error(data) for targets the loss
/// cannot take, Error(numeric) naming the step at which outputs left the finite numbers
FunctionSpacePath function_space_descent(const net::Loss& loss,
                                         const at::Tensor& kernel,
                                         const at::Tensor& targets,
                                         const at::Tensor& initial,
                                         const FunctionSpaceOptions& options,
                                         const at::Tensor& cross = {},
                                         const at::Tensor& test_initial = {});

}  // namespace overparam::kernel
