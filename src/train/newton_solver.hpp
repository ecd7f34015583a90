// SPDX-License-Identifier: Apache-2.0
// The linear system of a Gauss-Newton step, in the n d outputs.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "kernel_preconditioner.hpp"
#include "output_curvature.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/train/newton_plan.hpp"
#include "overparam/train/options.hpp"
#include "overparam/train/problem.hpp"

namespace overparam::train {

/// b with (S^T K S + lambda mu I) b = c, as far as it was solved.
struct NewtonSolution {
  at::Tensor direction;  ///< a = S b (n d), float64: the weights' step is -J^T a
  double predicted = 0;  ///< F after the whole step in the linearised network
  double promised = 0;   ///< what it takes off F in the quadratic model
  double reachable = 0;  ///< the same as a share of all that the model could take off, |c|^2 / 2
  int iterations = 0;
  double residual = 0;  ///< |c - M b| / |c|
  bool usable = false;  ///< false where rounding made the system indefinite
};

/// Solves one system after another at weights that change little between them.
class NewtonSolver {
 public:
  NewtonSolver(const net::Network& network, std::int64_t num_samples, const NewtonOptions& options);

  /// How it solves, in words.
  [[nodiscard]] std::string describe() const;

  /// Takes the weights as they are now; the network must not change before the last `solve` and
  /// `step_of` at them.
  /// @param outputs y at them (n, d)
  void linearise(const net::Network& network, const Problem& problem, const at::Tensor& outputs);

  /// Unusable where there is no preconditioner: the user interrupted, or it takes more damping.
  /// @param damping lambda   @param tolerance of the relative residual
  NewtonSolution solve(double damping, double tolerance, const std::function<bool()>& keep_going);

  /// -J^T a, in the products' type
  [[nodiscard]] net::Parameters step_of(const NewtonSolution& solution) const;

  /// The least tolerance that the precision of the products allows.
  [[nodiscard]] double least_tolerance() const;

 private:
  [[nodiscard]] double predicted(const at::Tensor& unexplained) const;
  /// False where there is none.
  bool refresh_preconditioner(double damping);
  void take_product(const net::Network& network);

  NewtonOptions options_;
  NewtonPlan plan_;
  at::ScalarType product_type_;
  std::optional<net::Network> converted_;  // of the product's type, where that is not the weights'
  std::optional<net::Workspace> workspace_;
  std::optional<kernel::TangentProduct> product_;
  std::optional<OutputCurvature> curvature_;
  std::optional<KernelPreconditioner> preconditioner_;
  double preconditioner_damping_ = 0;
  const net::Network* network_ = nullptr;
  const Problem* problem_ = nullptr;
  at::Tensor inputs_;   // of the product's type
  at::Tensor outputs_;  // y (n, d), float64
};

}  // namespace overparam::train
