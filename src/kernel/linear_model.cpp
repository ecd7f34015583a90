// SPDX-License-Identifier: Apache-2.0
#include "overparam/kernel/linear_model.hpp"

#include <cmath>
#include <limits>

namespace overparam::kernel {

LinearModel::LinearModel(linalg::SpectralMeasure measure, double step_size)
    : measure_(std::move(measure)), step_size_(step_size) {}

double LinearModel::objective(double step) const {
  double sum = 0;
  for (std::size_t i = 0; i < measure_.nodes.size(); ++i) {
    // log |1 - eta lambda|, with all digits where eta lambda is tiny.
    const double shrink = step_size_ * measure_.nodes[i];
    const double rate = shrink < 1 ? std::log1p(-shrink) : std::log(shrink - 1);
    sum += step == 0 ? measure_.weights[i] : measure_.weights[i] * std::exp(2 * step * rate);
  }
  return sum / 2;
}

std::optional<std::int64_t> LinearModel::steps_to(double ratio) const {
  constexpr double kMostSteps = 0x1p53;  // beyond, a double does not count by ones
  const double wanted = ratio * objective(0);
  double reached = 1;
  while (!(objective(reached) <= wanted)) {
    reached *= 2;
    if (reached > kMostSteps) return std::nullopt;
  }
  double missed = reached == 1 ? 0 : reached / 2;
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
