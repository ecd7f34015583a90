// SPDX-License-Identifier: Apache-2.0
#include "output_curvature.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "overparam/linalg/products.hpp"

namespace overparam::train {

namespace {

using Vector = std::span<const double>;

/// Eigenvalues are raised to this share of the sample's largest, and of the loss's Lipschitz
/// constant: S can be inverted then, and what moves along flatter directions changes F by nothing.
constexpr double kFlat = 1e-4;
constexpr double kLeast = 1e-14;

/// Below this share of |g|^2 / loss the curvature along g says nothing of how far the loss goes.
constexpr double kLinear = 0.25;

/// The Hessian of one sample, column by column, into `hessian` (d, d).
void fill_hessian(const net::Loss& loss, Vector output, Vector target, double* hessian) {
  const std::size_t d = output.size();
  std::vector<double> unit(d, 0);
  for (std::size_t a = 0; a < d; ++a) {
    unit[a] = 1;
    loss.hessian_product(output, target, unit, {hessian + a * d, d});
    unit[a] = 0;
  }
}

/// S v for every sample.
at::Tensor batched(const at::Tensor& matrices, const at::Tensor& v) {
  const std::int64_t n = matrices.size(0);
  const std::int64_t d = matrices.size(1);
  at::Tensor out = at::empty({n, d, 1}, v.options());
  linalg::multiply_batched(out, matrices, v.reshape({n, d, 1}));
  return out.view({-1});
}

}  // namespace

OutputCurvature::OutputCurvature(const net::Loss& loss,
                                 const at::Tensor& outputs,
                                 const at::Tensor& targets) {
  const at::Tensor y = outputs.to(at::kCPU, at::kDouble).contiguous();
  const at::Tensor t = targets.to(at::kCPU, at::kDouble).contiguous();
  const std::int64_t n = y.size(0);
  const std::int64_t d = y.size(1);
  const auto size = static_cast<std::size_t>(d);
  at::Tensor hessians = at::empty({n, d, d}, at::kDouble);
  at::Tensor gradient = at::empty({n, d}, at::kDouble);
  at::Tensor polyak = at::empty({n}, at::kDouble);  // |g|^2 / loss
  const auto* outputs_of = y.data_ptr<double>();
  const auto* targets_of = t.data_ptr<double>();
  for (std::int64_t i = 0; i < n; ++i) {
    const Vector output{outputs_of + i * d, size};
    const Vector target{targets_of + i * d, size};
    double* g = gradient.data_ptr<double>() + i * d;
    loss.gradient(output, target, {g, size});
    fill_hessian(loss, output, target, hessians.data_ptr<double>() + i * d * d);
    double squared = 0;
    for (std::size_t a = 0; a < size; ++a) squared += g[a] * g[a];
    const double value = loss.value(output, target);
    polyak.data_ptr<double>()[i] = value > 0 ? squared / value : 0;
  }
  if (hessians.equal(at::eye(d, at::kDouble).expand({n, d, d}))) {
    whitened_ = gradient.view({-1});
    return;
  }

  auto [values, vectors] = at::linalg_eigh(hessians);
  const at::Tensor sizes = values.abs();  // (n, d)
  at::Tensor positive = at::matmul(vectors * sizes.unsqueeze(1), vectors.transpose(1, 2));
  const at::Tensor norm = gradient.norm(2, 1, true);  // (n, 1)
  const at::Tensor along = gradient / at::where(norm > 0, norm, at::ones_like(norm));
  const at::Tensor curvature = (along * at::matmul(positive, along.unsqueeze(2)).squeeze(2)).sum(1);
  const at::Tensor missing =
      at::where(curvature < kLinear * polyak, polyak - curvature, at::zeros_like(curvature));
  positive.add_(missing.view({n, 1, 1}) * along.unsqueeze(2) * along.unsqueeze(1));

  std::tie(values, vectors) = at::linalg_eigh(positive);
  const at::Tensor least = (kFlat * values.amax(1, true)).clamp_min(kLeast * loss.lipschitz);
  const at::Tensor root = at::maximum(values, least).sqrt();
  root_ = (vectors * root.unsqueeze(1)).contiguous();
  inverse_ = (vectors / root.unsqueeze(1)).transpose(1, 2).contiguous();
  curvatures_ = root.square().mean(1);
  mean_curvature_ = curvatures_.mean().item<double>();
  whitened_ = batched(inverse_, gradient);
}

at::Tensor OutputCurvature::inverses() const {
  at::Tensor product = at::empty_like(inverse_);
  linalg::multiply_batched(product, inverse_.transpose(1, 2), inverse_);
  return product;
}

at::Tensor OutputCurvature::apply(const at::Tensor& v) const {
  return is_identity() ? v : batched(root_, v);
}

at::Tensor OutputCurvature::apply_transposed(const at::Tensor& v) const {
  return is_identity() ? v : batched(root_.transpose(1, 2), v);
}

at::Tensor OutputCurvature::apply_inverse(const at::Tensor& v) const {
  return is_identity() ? v : batched(inverse_, v);
}

at::Tensor OutputCurvature::apply_inverse_transposed(const at::Tensor& v) const {
  return is_identity() ? v : batched(inverse_.transpose(1, 2), v);
}

}  // namespace overparam::train
