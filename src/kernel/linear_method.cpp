// SPDX-License-Identifier: Apache-2.0
#include "overparam/kernel/linear_method.hpp"

#include <cmath>
#include <limits>

#include "overparam/base/require.hpp"

namespace overparam::kernel {

namespace {

bool is_odd(double t) { return std::fmod(t, 2) != 0; }

/// (1 - delta)^t for whole t >= 0, with all digits where delta is tiny.
double power(double delta, double t) {
  if (t == 0) return 1;
  if (delta < 1) return std::exp(t * std::log1p(-delta));
  const double magnitude = std::exp(t * std::log(delta - 1));
  return is_odd(t) ? -magnitude : magnitude;
}

/// 1 - (1 - delta)^t
double one_minus_power(double delta, double t) {
  return delta < 1 ? -std::expm1(t * std::log1p(-delta)) : 1 - power(delta, t);
}

/// rho and 1 - rho, each with its own digits.
struct Mode {
  double residual;
  double progress;
};

/// Momentum's recursion for one eigenvalue, with s = eta lambda: its roots z = 1 - delta are those
/// of delta^2 - (1 - beta + s) delta + s, of discriminant (s - s_1)(s - s_2) with
/// s_1, s_2 = (1 -+ sqrt beta)^2, and
///
///     rho_t = z^t + (rho_1 - z) S_t,    S_t = (z^t - z'^t) / (z - z').
class HeavyBall {
 public:
  HeavyBall(double s, double beta)
      : s_(s),
        beta_(beta),
        root_beta_(std::sqrt(beta)),
        low_(std::pow((1 - beta) / (1 + root_beta_), 2)),
        high_(std::pow(1 + root_beta_, 2)),
        discriminant_((s - low_) * (s - high_)) {}

  [[nodiscard]] Mode after(double t) const {
    if (s_ <= low_) return positive_roots(t);
    return s_ < high_ ? complex_roots(t) : negative_roots(t);
  }

 private:
  [[nodiscard]] Mode positive_roots(double t) const {
    const double root = std::sqrt(discriminant_);
    const double sum = 1 - beta_ + s_ + root;
    const double delta = 2 * s_ / sum;  // of the larger root
    // delta - s without cancellation.
    const double excess = delta * 2 * beta_ / (root + 1 + beta_ - s_);
    const double quotient = divided_difference(delta, t, root);
    return {power(delta, t) + excess * quotient, one_minus_power(delta, t) - excess * quotient};
  }

  [[nodiscard]] Mode negative_roots(double t) const {
    const double root = std::sqrt(discriminant_);
    const double delta = (1 - beta_ + s_ + root) / 2;  // of the root that is larger in size
    const double residual = power(delta, t) + (delta - s_) * divided_difference(delta, t, -root);
    return {residual, 1 - residual};
  }

  /// S_t from z = 1 - delta and z - z' = `gap`: with z' = z e^{-2w}, sinh w = |gap| / 2 sqrt beta.
  [[nodiscard]] double divided_difference(double delta, double t, double gap) const {
    if (gap == 0) return t * power(delta, t - 1);
    const double w = std::asinh(std::abs(gap) / (2 * root_beta_));
    return power(delta, t) * -std::expm1(-2 * w * t) / gap;
  }

  /// z = sqrt(beta) e^{i a}: S_t = beta^{(t-1)/2} sin(t a) / sin a.
  [[nodiscard]] Mode complex_roots(double t) const {
    const double sine = std::sqrt(-discriminant_);
    const double cosine = 1 + beta_ - s_;
    // Near a = pi the distance to pi has the digits.
    const double angle = std::atan2(sine, std::abs(cosine));
    const auto quotient = [&](double k) {
      const double sign = cosine < 0 && !is_odd(k) ? -1 : 1;
      return sign * std::pow(root_beta_, k - 1) * std::sin(k * angle) / std::sin(angle);
    };
    const double residual = (1 - s_) * quotient(t) - beta_ * quotient(t - 1);
    return {residual, 1 - residual};
  }

  double s_;
  double beta_;
  double root_beta_;
  double low_;
  double high_;
  double discriminant_;
};

Mode mode(const LinearMethod& method, double eigenvalue, double t) {
  if (t == 0) return {1, 0};
  if (method.rule == LinearMethod::Rule::gradient_flow) {
    return {std::exp(-eigenvalue * t), -std::expm1(-eigenvalue * t)};
  }
  const double s = method.step_size * eigenvalue;
  if (method.momentum > 0) return HeavyBall(s, method.momentum).after(t);
  return {power(s, t), one_minus_power(s, t)};
}

/// rho as t -> infinity.
double limit(const LinearMethod& method, double eigenvalue) {
  if (eigenvalue == 0) return 1;
  const bool converges =
      eigenvalue > 0 && (method.rule == LinearMethod::Rule::gradient_flow ||
                         method.step_size < largest_stable_step(eigenvalue, method.momentum));
  return converges ? 0 : std::numeric_limits<double>::infinity();
}

/// phi_t(0): every step adds to the velocity what the step before did.
double response_at_zero(const LinearMethod& method, double t) {
  if (method.rule == LinearMethod::Rule::gradient_flow) return t;
  const double beta = method.momentum;
  return method.step_size * (t - beta * (1 - std::pow(beta, t)) / (1 - beta)) / (1 - beta);
}

}  // namespace

LinearMethod LinearMethod::descent(double step_size, double momentum) {
  base::require(std::isfinite(step_size) && step_size > 0,
                ErrorKind::usage,
                "linear training: the step size must be positive, found {}",
                step_size);
  base::require(momentum >= 0 && momentum < 1,
                ErrorKind::usage,
                "linear training: the momentum must lie in [0, 1), found {}",
                momentum);
  return {.rule = Rule::gradient_descent, .step_size = step_size, .momentum = momentum};
}

LinearMethod LinearMethod::flow() { return {.rule = Rule::gradient_flow}; }

double residual_factor(const LinearMethod& method, double eigenvalue, double t) {
  return std::isinf(t) ? limit(method, eigenvalue) : mode(method, eigenvalue, t).residual;
}

double response_factor(const LinearMethod& method, double eigenvalue, double t) {
  if (eigenvalue == 0) return response_at_zero(method, t);
  if (std::isinf(t)) return (1 - limit(method, eigenvalue)) / eigenvalue;
  return mode(method, eigenvalue, t).progress / eigenvalue;
}

double largest_stable_step(double lambda_max, double momentum) {
  return 2 * (1 + momentum) / lambda_max;
}

}  // namespace overparam::kernel
