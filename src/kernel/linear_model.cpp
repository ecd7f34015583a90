// SPDX-License-Identifier: Apache-2.0
#include "overparam/kernel/linear_model.hpp"

#include <cmath>

namespace overparam::kernel {

LinearModel::LinearModel(linalg::SpectralMeasure measure, double step_size)
    : measure_(std::move(measure)), step_size_(step_size) {}

double LinearModel::objective(double step) const {
  double sum = 0;
  for (std::size_t i = 0; i < measure_.nodes.size(); ++i) {
    const double factor = std::abs(1 - step_size_ * measure_.nodes[i]);
    sum += measure_.weights[i] * std::pow(factor, 2 * step);
  }
  return sum / 2;
}

std::optional<std::int64_t> LinearModel::steps_to(double ratio) const {
  constexpr double kMostSteps = 1e15;
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

}  // namespace overparam::kernel
