// SPDX-License-Identifier: Apache-2.0
#include "overparam/curvature/hessian.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "overparam/base/catalogue.hpp"
#include "overparam/base/random.hpp"
#include "overparam/linalg/vectors.hpp"

namespace overparam::curvature {

namespace {

constexpr base::EnumNames<ProductKind, 3> kProductKinds{{{ProductKind::difference, "difference"},
                                                         {ProductKind::smoothed, "smoothed"},
                                                         {ProductKind::autograd, "autograd"}}};

}  // namespace

std::string to_string(ProductKind kind) { return base::name_in(kProductKinds, kind); }
ProductKind parse_product_kind(const std::string& name) {
  return base::value_in(kProductKinds, "kind of Hessian product", name);
}

void add_filter_noise(const std::vector<net::WeightTensor>& tensors,
                      double sigma,
                      std::uint64_t seed,
                      std::uint64_t draw,
                      at::Tensor& weights) {
  for (const auto& tensor : tensors) {
    const std::int64_t filters = tensor.sizes.size() > 1 ? tensor.sizes[0] : 1;
    at::Tensor rows = weights.narrow(0, tensor.begin, tensor.numel()).view({filters, -1});
    at::Tensor noise = at::empty(rows.sizes(), weights.options().device(at::kCPU));
    base::fill_normal(noise, 1, base::Stream(seed, tensor.name, draw));
    const double each = sigma / std::sqrt(static_cast<double>(rows.size(1)));
    rows.add_(noise.to(weights.device()).mul_(rows.norm(2, 1, /*keepdim=*/true)), each);
  }
}

HessianProduct::HessianProduct(const Objective& objective,
                               const at::Tensor& weights,
                               const ProductOptions& options)
    : objective_(objective), weights_(weights), options_(options) {
  const auto require_positive = [](const char* what, double value) {
    base::require(value > 0 && std::isfinite(value),
                  ErrorKind::usage,
                  "Hessian product: {} must be a positive number, found {}",
                  what,
                  value);
  };
  require_positive("step", options.step);
  if (options.kind == ProductKind::smoothed) {
    require_positive("sigma", options.sigma);
    require_positive("number of draws", options.draws);
  }
  base::require(options.kind != ProductKind::autograd || objective.has_second_derivatives(),
                ErrorKind::usage,
                "{}: has no second derivatives; take differences of gradients",
                objective.describe());
  const double norm = linalg::norm_of(weights);
  base::require(norm > 0 && std::isfinite(norm),
                ErrorKind::data,
                "Hessian product: the weights have norm {}",
                norm);
  step_ = options.step * norm;
}

std::string HessianProduct::describe() const {
  switch (options_.kind) {
    case ProductKind::difference:
      return fmt::format(
          "difference of gradients over 2 x {:.3g} ({:g} of |W|)", step_, options_.step);
    case ProductKind::smoothed:
      return fmt::format(
          "difference of gradients over 2 x {:.3g} ({:g} of |W|), mean of {} draws of "
          "noise of {:g} of each filter",
          step_,
          options_.step,
          options_.draws,
          options_.sigma);
    case ProductKind::autograd:
      break;
  }
  return "differentiating twice, without the kinks";
}

void HessianProduct::operator()(const at::Tensor& v, at::Tensor& out) const {
  multiply(-1, v, out);
}

void HessianProduct::of_batch(std::int64_t batch, const at::Tensor& v, at::Tensor& out) const {
  base::require(options_.kind != ProductKind::autograd,
                ErrorKind::usage,
                "products by differentiating twice are of the whole objective, not of a batch");
  multiply(batch, v, out);
}

void HessianProduct::multiply(std::int64_t batch, const at::Tensor& v, at::Tensor& out) const {
  const double length = linalg::norm_of(v);
  if (length == 0) {
    out.zero_();
    return;
  }
  const at::Tensor unit = (v / length).to(weights_.options());
  at::Tensor sum = at::zeros_like(weights_);
  if (options_.kind == ProductKind::autograd) {
    objective_.second_derivative(weights_, unit, sum);
    sum.mul_(length);
  } else if (options_.kind == ProductKind::difference) {
    add_difference(batch, weights_, unit, length, sum);
  } else {
    for (int draw = 0; draw < options_.draws; ++draw) {
      at::Tensor centre = weights_.clone();
      add_filter_noise(objective_.tensors(),
                       options_.sigma,
                       options_.seed,
                       static_cast<std::uint64_t>(draw),
                       centre);
      add_difference(batch, centre, unit, length / options_.draws, sum);
    }
  }
  out.copy_(sum);
}

void HessianProduct::add_difference(std::int64_t batch,
                                    const at::Tensor& centre,
                                    const at::Tensor& unit,
                                    double factor,
                                    at::Tensor& out) const {
  at::Tensor gradient = at::empty_like(weights_);
  for (const double sign : {1.0, -1.0}) {
    const at::Tensor point = centre.add(unit, sign * step_);
    if (batch < 0) {
      objective_.gradient(point, gradient);
    } else {
      objective_.batch_gradient(point, batch, gradient);
    }
    out.add_(gradient, sign * factor / (2 * step_));
  }
}

double curvature_by_losses(const Objective& objective,
                           const at::Tensor& weights,
                           const at::Tensor& v,
                           double length) {
  const auto at_distance = [&](double e) { return objective.value(weights.add(v, e)).objective; };
  return (at_distance(length) - 2 * at_distance(0) + at_distance(-length)) / (length * length);
}

}  // namespace overparam::curvature
