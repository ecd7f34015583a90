// SPDX-License-Identifier: Apache-2.0
#include "quadratic_risk.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "overparam/base/interrupt.hpp"
#include "overparam/base/random.hpp"
#include "overparam/linalg/products.hpp"

namespace overparam::study {

at::Tensor quadratic_target(std::int64_t dimension, std::uint64_t seed) {
  base::Random random(base::Stream(seed, "quadratic.target"));
  at::Tensor target = at::empty({dimension}, at::kDouble);
  const double scale = 1 / std::sqrt(static_cast<double>(dimension));
  for (std::int64_t i = 0; i < dimension; ++i) {
    target.data_ptr<double>()[i] = -std::log(random.uniform()) * scale;
  }
  return target;
}

at::Tensor first_layer(std::int64_t neurons, std::int64_t dimension, std::uint64_t seed) {
  at::Tensor weights = at::empty({neurons, dimension}, at::kDouble);
  base::fill_normal(weights, 1, base::Stream(seed, "quadratic.weights"));
  return weights.div_(weights.norm(2, 1, true));
}

std::vector<double> random_features_risk(const at::Tensor& target, const at::Tensor& weights) {
  // The normal equations have the matrix (w_r . w_s)^2 and the right-hand side <w_r, B w_r>. One
  // Cholesky factor serves all N: its leading blocks are the factors of the leading blocks.
  const at::Tensor gram = weights.mm(weights.t()).square_();            // (N, N)
  const at::Tensor overlap = weights.square().mv(target).unsqueeze(1);  // (N, 1)
  const at::Tensor factor = at::linalg_cholesky(gram);
  const at::Tensor explained =
      at::linalg_solve_triangular(factor, overlap, /*upper=*/false).square_().cumsum(0);
  const double whole = target.square().sum().item<double>();
  std::vector<double> risks{1};
  for (std::int64_t r = 0; r < weights.size(0); ++r) {
    risks.push_back(1 - explained[r].item<double>() / whole);
  }
  return risks;
}

std::vector<double> tangent_features_risk(const at::Tensor& target, const at::Tensor& weights) {
  const at::Tensor basis = std::get<0>(at::linalg_qr(weights.t()));  // (d, N)
  const at::Tensor image = basis * target.unsqueeze(1);              // B Q
  const at::Tensor inner = basis.t().mm(image).square_();            // (Q^T B Q)^2, entry by entry
  // |(I - Q Q^T) B (I - Q Q^T)|^2 = |B|^2 - 2 |B Q|^2 + |Q^T B Q|^2 for the first N columns of Q.
  const at::Tensor once = image.square().sum(0).cumsum(0);
  const at::Tensor twice = inner.cumsum(0).cumsum(1).diagonal();
  const double whole = target.square().sum().item<double>();
  std::vector<double> risks{1};
  for (std::int64_t r = 0; r < basis.size(1); ++r) {
    const double explained = 2 * once[r].item<double>() - twice[r].item<double>();
    risks.push_back(std::max(0.0, 1 - explained / whole));
  }
  return risks;
}

double random_features_limit(double rho, double beta) { return 1 - beta * rho / (1 + rho); }

double tangent_features_limit(double rho, double beta) {
  const double left = std::max(0.0, 1 - rho);
  return left * left * (1 - beta) + left * beta;
}

double trained_limit(const at::Tensor& target, std::int64_t neurons) {
  const at::Tensor squares = std::get<0>(target.square().sort(0, /*descending=*/true));
  const auto kept = std::min(neurons, squares.size(0));
  return squares.slice(0, kept).sum().item<double>() / squares.sum().item<double>();
}

double trace_share(const at::Tensor& target) {
  const double trace = target.sum().item<double>();
  return trace * trace /
         (static_cast<double>(target.size(0)) * target.square().sum().item<double>());
}

double trained_risk(const at::Tensor& target, const QuadraticTraining& training) {
  const auto d = target.size(0);
  const double trace = target.sum().item<double>();
  at::Tensor weights = first_layer(training.neurons, d, training.seed);  // (N, d)
  // The start explains as much trace as there is, spread over the neurons.
  weights.mul_(std::sqrt(trace / static_cast<double>(training.neurons)));
  double constant = -trace;
  at::Tensor inputs = at::empty({training.batch, d}, at::kDouble);
  at::Tensor inner = at::empty({training.batch, training.neurons}, at::kDouble);
  for (std::int64_t step = 0; step < training.steps && !base::interrupted(); ++step) {
    base::fill_normal(
        inputs,
        1,
        base::Stream(training.seed, "quadratic.samples", static_cast<std::uint64_t>(step)));
    linalg::multiply(inner, inputs, weights.t());  // (b, N)
    const at::Tensor error =
        inner.square().sum(1) + constant - (inputs.square().mv(target) - trace);  // (b)
    const double eta = training.step_size * (3 * step < 2 * training.steps ? 1.0 : 0.1) /
                       static_cast<double>(training.batch);
    constant -= eta * error.sum().item<double>();
    inner.mul_(error.unsqueeze(1));
    linalg::multiply(weights, inner.t(), inputs, -2 * eta, 1);
  }
  const at::Tensor left = at::diag(target) - weights.t().mm(weights);  // B - M
  const double shift = constant + trace - left.diagonal().sum().item<double>();
  return (left.square().sum().item<double>() + shift * shift / 2) /
         target.square().sum().item<double>();
}

}  // namespace overparam::study
