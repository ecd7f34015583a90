// SPDX-License-Identifier: Apache-2.0
#include "overparam/kernel/dynamics.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "kernel_shapes.hpp"
#include "overparam/base/require.hpp"
#include "overparam/linalg/products.hpp"

namespace overparam::kernel {

namespace {

constexpr auto kWhere = "linear dynamics";

at::Tensor product(const at::Tensor& a, const at::Tensor& b) {
  at::Tensor out = at::empty({a.size(0), b.size(1)}, at::kDouble);
  linalg::multiply(out, a, b);
  return out;
}

void check_time(const LinearMethod& method, double t) {
  const bool whole = std::isinf(t) || t == std::floor(t);
  base::require(t >= 0 && (whole || method.rule == LinearMethod::Rule::gradient_flow),
                ErrorKind::usage,
                "{}: expected a time >= 0, in whole steps but for the flow; found {}",
                kWhere,
                t);
}

/// basis (N, N') times diag(factors_t) coefficients (N', c) for each time: (T, N, c).
at::Tensor combine(const at::Tensor& basis,
                   const std::vector<at::Tensor>& factors,
                   const at::Tensor& coefficients) {
  std::vector<at::Tensor> columns;
  for (const auto& factor : factors) columns.push_back(coefficients * factor.unsqueeze(1));
  const auto count = static_cast<std::int64_t>(factors.size());
  const at::Tensor together = product(basis, at::cat(columns, 1));  // (N, T c)
  return together.view({basis.size(0), count, coefficients.size(1)}).transpose(0, 1);
}

}  // namespace

LinearDynamics::LinearDynamics(const at::Tensor& kernel,
                               const at::Tensor& targets,
                               const at::Tensor& initial)
    : targets_(rows_of(targets, kWhere, "targets")),
      initial_(rows_of(initial, kWhere, "initial outputs")) {
  base::require(initial_.sizes() == targets_.sizes() && targets_.numel() > 0,
                ErrorKind::usage,
                "{}: expected initial outputs shaped as the targets ({}), found ({})",
                kWhere,
                fmt::join(targets_.sizes(), ", "),
                fmt::join(initial_.sizes(), ", "));
  const std::int64_t n = targets_.size(0);
  const at::Tensor matrix = kernel_of(kernel, n, n, targets_.size(1), kWhere);
  std::tie(eigenvalues_, eigenvectors_) = at::linalg_eigh(matrix);
  residual_ = product(eigenvectors_.t(), (initial_ - targets_).view({matrix.size(0), -1}));
}

at::Tensor LinearDynamics::factors(const LinearMethod& method, double t, bool residual) const {
  check_time(method, t);
  const auto* lambda = eigenvalues_.data_ptr<double>();
  const std::int64_t size = eigenvalues_.size(0);
  const double zero =
      static_cast<double>(size) * std::numeric_limits<double>::epsilon() * lambda[size - 1];
  at::Tensor result = at::empty({size}, at::kDouble);
  auto* factor = result.data_ptr<double>();
  for (std::int64_t i = 0; i < size; ++i) {
    if (std::isinf(t) && lambda[i] <= zero) {
      factor[i] = residual ? 1 : 0;
    } else {
      factor[i] =
          residual ? residual_factor(method, lambda[i], t) : response_factor(method, lambda[i], t);
    }
  }
  base::require(std::isfinite(result.sum().item<double>()),
                ErrorKind::numeric,
                "{}: diverged by t = {:g}; the step size is {:g}, the largest stable one {:g}",
                kWhere,
                t,
                method.step_size,
                largest_step(method.momentum));
  return result;
}

at::Tensor LinearDynamics::residual_factors(const LinearMethod& method, double t) const {
  return factors(method, t, true);
}

at::Tensor LinearDynamics::response_factors(const LinearMethod& method, double t) const {
  return factors(method, t, false);
}

at::Tensor LinearDynamics::outputs(const LinearMethod& method,
                                   std::span<const double> times) const {
  std::vector<at::Tensor> factors;
  for (const double t : times) factors.push_back(residual_factors(method, t));
  const auto count = static_cast<std::int64_t>(times.size());
  const at::Tensor residual = combine(eigenvectors_, factors, residual_);  // (T, N, c)
  return residual.reshape({count, targets_.size(0), targets_.size(1)}) + targets_;
}

at::Tensor LinearDynamics::outputs(const LinearMethod& method, double t) const {
  return outputs(method, std::span(&t, 1))[0];
}

at::Tensor LinearDynamics::test_outputs(const LinearMethod& method,
                                        std::span<const double> times,
                                        const at::Tensor& cross,
                                        const at::Tensor& initial) const {
  const at::Tensor start = rows_of(initial, kWhere, "initial outputs");
  const std::int64_t d = targets_.size(1);
  const at::Tensor kernel = kernel_of(cross, start.size(0), targets_.size(0), d, kWhere);
  base::require(start.size(1) == d && kernel.size(1) == eigenvalues_.size(0),
                ErrorKind::usage,
                "{}: the kernel of other inputs and their initial outputs must be of the samples' "
                "kind, ({}, {}) and {} outputs; found ({}) and {}",
                kWhere,
                start.size(0) * eigenvalues_.size(0) / targets_.size(0),
                eigenvalues_.size(0),
                d,
                fmt::join(kernel.sizes(), ", "),
                start.size(1));
  std::vector<at::Tensor> factors;
  for (const double t : times) factors.push_back(response_factors(method, t).neg_());
  const auto count = static_cast<std::int64_t>(times.size());
  const at::Tensor change = combine(product(kernel, eigenvectors_), factors, residual_);
  return change.reshape({count, start.size(0), d}) + start;
}

at::Tensor LinearDynamics::test_outputs(const LinearMethod& method,
                                        double t,
                                        const at::Tensor& cross,
                                        const at::Tensor& initial) const {
  return test_outputs(method, std::span(&t, 1), cross, initial)[0];
}

LinearModel LinearDynamics::model(const LinearMethod& method) const {
  const at::Tensor weights = residual_.square().sum(1);
  const auto* lambda = eigenvalues_.data_ptr<double>();
  const auto* weight = weights.data_ptr<double>();
  const std::int64_t size = eigenvalues_.size(0);
  return {{.nodes = {lambda, lambda + size}, .weights = {weight, weight + size}}, method};
}

double LinearDynamics::objective(const LinearMethod& method, double t) const {
  check_time(method, t);
  if (!std::isinf(t)) return model(method).objective(t);
  return residual_.mul(residual_factors(method, t).unsqueeze(1)).square().sum().item<double>() / 2;
}

std::optional<std::int64_t> LinearDynamics::steps_to(const LinearMethod& method,
                                                     double ratio) const {
  return model(method).steps_to(ratio);
}

double LinearDynamics::largest_step(double momentum) const {
  return largest_stable_step(eigenvalues_[-1].item<double>(), momentum);
}

base::MemoryPlan plan_linear_dynamics(std::int64_t size) {
  base::MemoryPlan plan("linear dynamics");
  plan.add("eigenvectors", {size, size}, sizeof(double));
  plan.add("the eigen-solver's working space", {2, size, size}, sizeof(double));
  plan.add("its vectors", {12, size}, sizeof(double));
  return plan;
}

EnsembleDynamics::EnsembleDynamics(const at::Tensor& tangent,
                                   const at::Tensor& cross,
                                   const ConjugateKernel& conjugate,
                                   const at::Tensor& targets)
    : mean_(tangent, targets, at::zeros_like(targets)) {
  const std::int64_t n = targets.size(0);
  const std::int64_t p = cross.size(0);
  const auto checked = [](const at::Tensor& kernel, std::int64_t rows, std::int64_t columns) {
    return kernel_of(kernel, rows, columns, 1, "ensemble dynamics");
  };
  checked(tangent, n, n);
  const at::Tensor& basis = mean_.eigenvectors();
  coefficients_ = product(basis.t(), targets.to(at::kCPU, at::kDouble));
  cross_ = product(checked(cross, p, n), basis);
  train_ = product(basis.t(), product(checked(conjugate.train, n, n), basis));
  train_test_ = product(basis.t(), checked(conjugate.cross, p, n).t());
  test_ = checked(conjugate.test, p, p);
}

EnsembleMoments EnsembleDynamics::moments(const LinearMethod& method, double t) const {
  const at::Tensor decay = mean_.eigenvectors() * mean_.residual_factors(method, t);  // V rho
  const at::Tensor map = cross_ * mean_.response_factors(method, t);                  // A V
  const at::Tensor shared = product(map, train_test_);                                // A C(X, x)
  const auto symmetric = [](const at::Tensor& m) { return (m + m.t()) / 2; };
  return {.train_mean = mean_.outputs(method, t),
          .train_covariance = symmetric(product(decay, product(train_, decay.t()))),
          .test_mean = product(map, coefficients_),
          .test_covariance =
              symmetric(test_ - shared - shared.t() + product(map, product(train_, map.t())))};
}

}  // namespace overparam::kernel
