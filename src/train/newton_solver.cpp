// SPDX-License-Identifier: Apache-2.0
#include "newton_solver.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "overparam/base/error.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/linalg/products.hpp"
#include "overparam/linalg/solve.hpp"

namespace overparam::train {

namespace {

/// A solve that has not halved its residual over so many products will not.
constexpr int kPatience = 60;

/// Damping that differs by less than this factor may keep its preconditioner.
constexpr double kSameDamping = 30;

}  // namespace

NewtonSolver::NewtonSolver(const net::Network& network,
                           std::int64_t num_samples,
                           const NewtonOptions& options)
    : options_(options),
      plan_(plan_newton(
          network.architecture(), num_samples, network.options().dtype().toScalarType(), options)),
      product_type_(plan_.product_type) {}

std::string NewtonSolver::describe() const { return plan_.describe(); }

double NewtonSolver::least_tolerance() const { return product_type_ == at::kFloat ? 1e-4 : 1e-8; }

void NewtonSolver::linearise(const net::Network& network,
                             const Problem& problem,
                             const at::Tensor& outputs) {
  network_ = &network;
  problem_ = &problem;
  // A copy: lengths that are tried overwrite what was passed, and a solve may follow them.
  outputs_ = outputs.to(at::kCPU, at::kDouble, /*non_blocking=*/false, /*copy=*/true);
  curvature_.emplace(problem.loss, outputs, problem.targets);
  // Nothing but the weights may decide how a step comes out, so that resumed runs repeat it.
  preconditioner_.reset();
  product_type_ = plan_.product_type;
  take_product(network);
}

void NewtonSolver::take_product(const net::Network& network) {
  product_.reset();
  const bool own_type = network.options().dtype().toScalarType() == product_type_;
  if (!own_type) converted_.emplace(network.converted(product_type_));
  const net::Network& used = own_type ? network : *converted_;
  if (!workspace_ || workspace_->options().dtype().toScalarType() != product_type_) {
    workspace_.emplace(used.options());
  }
  inputs_ = problem_->inputs.to(product_type_);
  product_.emplace(used, inputs_, *workspace_, /*keep_features=*/true);
}

bool NewtonSolver::refresh_preconditioner(double damping) {
  const bool same_damping = damping <= kSameDamping * preconditioner_damping_ &&
                            preconditioner_damping_ <= kSameDamping * damping;
  if (preconditioner_ && same_damping) return true;
  preconditioner_.reset();
  const bool own_type = network_->options().dtype().toScalarType() == product_type_;
  try {
    preconditioner_.emplace(own_type ? *network_ : *converted_,
                            inputs_,
                            *curvature_,
                            damping,
                            plan_,
                            options_.memory_limit > 0 ? options_.memory_limit / 2 : 0);
  } catch (const Error& error) {
    // A kernel that the user stopped is no kernel, and an error to whoever asked for it; one that
    // rounding made indefinite asks for more damping.
    if (!base::interrupted() && error.kind() != ErrorKind::numeric) throw;
    return false;
  }
  preconditioner_damping_ = damping;
  return true;
}

/// F at y + J Delta W, where S^T J Delta W = -M b and `unexplained` is c - M b (n d).
double NewtonSolver::predicted(const at::Tensor& unexplained) const {
  if (curvature_->is_identity()) return unexplained.square().sum().item<double>() / 2;
  const at::Tensor move = unexplained - curvature_->whitened_gradient();
  const at::Tensor moved =
      outputs_ + curvature_->apply_inverse_transposed(move).view(outputs_.sizes());
  return net::evaluate(
             problem_->loss, moved, problem_->targets.to(at::kCPU, at::kDouble).contiguous())
      .objective;
}

NewtonSolution NewtonSolver::solve(double damping,
                                   double tolerance,
                                   const std::function<bool()>& keep_going) {
  if (!refresh_preconditioner(damping)) return {};
  const at::Tensor& right = curvature_->whitened_gradient();
  if (preconditioner_->mean_diagonal() == 0) {
    return {.direction = at::zeros_like(right), .predicted = predicted(right), .usable = true};
  }
  const double shift = damping * preconditioner_->mean_diagonal() * curvature_->mean_curvature();
  at::Tensor product = at::empty_like(right);
  const auto system = [&](const at::Tensor& v, at::Tensor& out) {
    const at::Tensor flat = v.view({-1});
    (*product_)(curvature_->apply(flat), product);
    out.view({-1}).copy_(curvature_->apply_transposed(product)).add_(flat, shift);
  };
  const auto coarse_system = [&](const at::Tensor& v, at::Tensor& out) {
    const linalg::CoarseProducts few_digits;
    system(v, out);
  };
  at::Tensor inner = at::empty_like(right);
  const auto preconditioner = [&](const at::Tensor& v, at::Tensor& out) {
    preconditioner_->solve(curvature_->apply_inverse_transposed(v.view({-1})), inner);
    out.view({-1}).copy_(curvature_->apply_inverse(inner));
  };
  linalg::SymmetricOperator coarse;
  if (linalg::has_coarse_products()) coarse = coarse_system;
  NewtonSolution solution;
  try {
    const auto result = linalg::conjugate_gradients(system,
                                                    right,
                                                    {.max_products = options_.max_products,
                                                     .tolerance = tolerance,
                                                     .preconditioner = preconditioner,
                                                     .coarse = coarse,
                                                     .patience = kPatience,
                                                     .keep_going = keep_going});
    solution.direction = curvature_->apply(result.solution);
    const at::Tensor unexplained = result.remainder.add(result.solution, shift);  // c - M b
    const double all = right.square().sum().item<double>() / 2;
    solution.promised = all - unexplained.square().sum().item<double>() / 2;
    solution.reachable = std::max(solution.promised / all, 0.0);
    solution.predicted = predicted(unexplained);
    solution.iterations = result.iterations.front();
    solution.residual = result.residuals.front();
    solution.usable = true;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::numeric) throw;
  }
  const bool failed = !solution.usable || solution.residual > tolerance;
  const bool could_be_finer = product_type_ != network_->options().dtype().toScalarType();
  if (failed && could_be_finer && (!keep_going || keep_going())) {
    product_type_ = at::kDouble;
    take_product(*network_);
    return solve(damping, tolerance, keep_going);
  }
  return solution;
}

net::Parameters NewtonSolver::step_of(const NewtonSolution& solution) const {
  auto step = net::Parameters::trained_zeros(network_->architecture(), workspace_->options());
  product_->add_gradient(solution.direction, -1, step);
  return step;
}

}  // namespace overparam::train
