// SPDX-License-Identifier: Apache-2.0
#include "overparam/net/activation.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "overparam/base/catalogue.hpp"
#include "overparam/linalg/gaussian.hpp"
#include "softplus.hpp"

namespace overparam::net {

namespace {

constexpr double kLeak = 0.01;

/// A smooth sigma between its two scales.
///
/// @tparam sigma the function, for its second moment
/// @tparam replace x <- sigma(x); if slopes is not null, slopes <- sigma'(x) first
template <double (*sigma)(double), void (*replace)(at::Tensor& x, at::Tensor* slopes)>
struct Smooth {
  static double moment() {
    static const double value = linalg::gaussian_second_moment(sigma);
    return value;
  }

  static void act(at::Tensor& values, at::Tensor* slopes) {
    const double root_c = 1 / std::sqrt(moment());
    const double root_m = std::sqrt(static_cast<double>(values.size(-1)));
    values.mul_(root_m);
    replace(values, slopes);
    values.mul_(root_c / root_m);
    if (slopes != nullptr) slopes->mul_(root_c);
  }

  static Activation row(std::string name, std::string formula) {
    return {
        .name = std::move(name),
        .formula = "sqrt(c/m) sigma(sqrt(m) g), sigma(x) = " + std::move(formula),
        .variance_gain = 1,
        .second_moment = moment(),
        .is_homogeneous = false,
        .apply = [](at::Tensor& values) { act(values, nullptr); },
        .apply_with_slopes = [](at::Tensor& values, at::Tensor& slopes) { act(values, &slopes); }};
  }
};

void replace_softplus(at::Tensor& x, at::Tensor* slopes) {
  if (slopes != nullptr) slopes->copy_(x).sigmoid_();
  at::softplus_out(x, x);
}

void replace_tanh(at::Tensor& x, at::Tensor* slopes) {
  x.tanh_();
  if (slopes != nullptr) slopes->copy_(x).square_().neg_().add_(1);
}

void replace_erf(at::Tensor& x, at::Tensor* slopes) {
  if (slopes != nullptr)
    slopes->copy_(x).square_().neg_().exp_().mul_(2 * std::numbers::inv_sqrtpi);
  x.erf_();
}

void replace_square(at::Tensor& x, at::Tensor* slopes) {
  if (slopes != nullptr) slopes->copy_(x).mul_(2);
  x.square_();
}

double hyperbolic_tangent(double x) { return std::tanh(x); }
double error_function(double x) { return std::erf(x); }
double square(double x) { return x * x; }

Activation leaky_relu() {
  return {.name = "leaky-relu",
          .formula = "g where g > 0, 0.01 g elsewhere",
          .variance_gain = 2 / (1 + kLeak * kLeak),
          .has_sign_pattern = true,
          .apply = [](at::Tensor& values) { at::leaky_relu_(values, kLeak); },
          .multiply_derivative =
              [](at::Tensor& cotangent, const at::Tensor& features) {
                at::leaky_relu_backward_out(cotangent, cotangent, features, kLeak, true);
              }};
}

/// Its features do not tell the sign of g.
Activation absolute_value() {
  return {.name = "abs",
          .formula = "|g|",
          .variance_gain = 1,
          .has_sign_pattern = true,
          .apply = [](at::Tensor& values) { values.abs_(); },
          .apply_with_slopes =
              [](at::Tensor& values, at::Tensor& slopes) {
                slopes.copy_(values).sign_();
                values.abs_();
              }};
}

Activation rectifier() {
  return {.name = "relu",
          .formula = "max(0, g)",
          .variance_gain = 2,
          .has_sign_pattern = true,
          .apply = [](at::Tensor& values) { at::clamp_min_out(values, values, 0); },
          .multiply_derivative =
              [](at::Tensor& cotangent, const at::Tensor& features) {
                at::threshold_backward_out(cotangent, cotangent, features, 0);
              }};
}

Activation linear() {
  return {.name = "identity", .formula = "g", .variance_gain = 1, .apply = [](at::Tensor&) {}};
}

}  // namespace

const std::vector<Activation>& activations() {
  static const std::vector<Activation> rows{
      rectifier(),
      leaky_relu(),
      absolute_value(),
      linear(),
      Smooth<softplus, replace_softplus>::row("softplus", "log(1 + exp x)"),
      Smooth<error_function, replace_erf>::row("erf", "erf x"),
      Smooth<hyperbolic_tangent, replace_tanh>::row("tanh", "tanh x"),
      Smooth<square, replace_square>::row("square", "x^2"),
  };
  return rows;
}

const Activation& find_activation(const std::string& name) {
  return base::find_by_name(activations(), "activation", name);
}

const Activation& relu() { return find_activation("relu"); }

const Activation& identity() { return find_activation("identity"); }

}  // namespace overparam::net
