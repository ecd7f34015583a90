// SPDX-License-Identifier: Apache-2.0
#include "overparam/kernel/linear_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "overparam/base/require.hpp"

namespace overparam::kernel {

LinearModel::LinearModel(linalg::SpectralMeasure measure, const LinearMethod& method)
    : measure_(std::move(measure)), method_(method) {}

LinearModel::LinearModel(linalg::SpectralMeasure measure, double step_size)
    : LinearModel(std::move(measure), LinearMethod{.step_size = step_size}) {}

double LinearModel::objective(double step) const {
  double sum = 0;
  for (std::size_t i = 0; i < measure_.nodes.size(); ++i) {
    const double factor = residual_factor(method_, measure_.nodes[i], step);
    sum += measure_.weights[i] * factor * factor;
  }
  return sum / 2;
}

/// How many steps modes with complex roots can matter: these are of size sqrt(beta), so such a mode
/// is below (t + 1)^2 beta^t of its start. The others do not swing, and F_t falls from step to
/// step.
double LinearModel::swinging_steps(double ratio) const {
  const double beta = method_.momentum;
  if (beta == 0) return 0;
  const double negligible = std::log(1e-3 * std::max(ratio, 1e-30));
  double t = 1;
  while (2 * std::log(t + 1) + t * std::log(beta) > negligible) t *= 1.25;
  return std::ceil(t);
}

/// The first of `steps` steps with F_t <= wanted, by momentum's own recursion.
std::optional<std::int64_t> LinearModel::first_swing_to(double wanted, double steps) const {
  const std::size_t size = measure_.nodes.size();
  std::vector<double> former(size, 1);
  std::vector<double> factor(size, 1);
  for (double t = 1; t <= steps; ++t) {
    double sum = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const double shrink = method_.step_size * measure_.nodes[i];
      const double velocity = t == 1 ? 0 : method_.momentum * (factor[i] - former[i]);
      former[i] = factor[i];
      factor[i] += velocity - shrink * factor[i];
      sum += measure_.weights[i] * factor[i] * factor[i];
    }
    if (sum / 2 <= wanted) return static_cast<std::int64_t>(t);
  }
  return std::nullopt;
}

std::optional<std::int64_t> LinearModel::steps_to(double ratio) const {
  constexpr double kMostSteps = 0x1p53;  // beyond, a double does not count by ones
  base::require(method_.rule == LinearMethod::Rule::gradient_descent,
                ErrorKind::usage,
                "linear model: the flow has a time, no number of steps");
  const double wanted = ratio * objective(0);
  double missed = swinging_steps(ratio);
  if (const auto steps = first_swing_to(wanted, missed)) return steps;
  double reached = std::max(1.0, 2 * missed);
  while (!(objective(reached) <= wanted)) {
    missed = reached;
    reached *= 2;
    if (reached > kMostSteps) return std::nullopt;
  }
  while (reached - missed > 1) {
    const double middle = std::floor((reached + missed) / 2);
    (objective(middle) <= wanted ? reached : missed) = middle;
  }
  return static_cast<std::int64_t>(reached);
}

StepPrediction predict_steps(linalg::Lanczos& process,
                             double step_size,
                             double ratio,
                             double tolerance,
                             const std::function<bool()>& may_go_on) {
  constexpr int kFirstProducts = 20;
  StepPrediction prediction;
  bool running = process.extend(kFirstProducts);
  for (;;) {
    const auto former = prediction.steps;
    prediction.steps = LinearModel(linalg::spectral_measure(process), step_size).steps_to(ratio);
    prediction.products = process.products();
    prediction.uncertainty = prediction.steps && former
                                 ? std::abs(static_cast<double>(*prediction.steps - *former)) /
                                       static_cast<double>(*prediction.steps)
                                 : std::numeric_limits<double>::infinity();
    if (process.complete()) prediction.uncertainty = 0;
    if (prediction.uncertainty <= tolerance || !running) return prediction;
    if (may_go_on && !may_go_on()) return prediction;
    running = process.extend(process.products());
  }
}

}  // namespace overparam::kernel
