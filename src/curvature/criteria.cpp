// SPDX-License-Identifier: Apache-2.0
#include "overparam/curvature/criteria.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "overparam/base/require.hpp"

namespace overparam::curvature {

LineMinimum descend_along(const Objective& objective,
                          const at::Tensor& weights,
                          const at::Tensor& unit,
                          double objective_here,
                          double first) {
  base::ensure(first > 0, "descend_along: the first step must be positive");
  constexpr int kMostDoublings = 40;
  constexpr double kNarrow = 1e-2;
  constexpr double kGolden = 0.6180339887498949;
  LineMinimum found{.objective = objective_here};
  const auto value_at = [&](double s) {
    ++found.evaluations;
    const double value = objective.value(weights.sub(unit, s)).objective;
    if (value < found.objective) {
      found.step = s;
      found.objective = value;
    }
    return std::isfinite(value) ? value : std::numeric_limits<double>::infinity();
  };

  double middle = first;
  double at_middle = value_at(middle);
  double low = 0;
  double high = 2 * first;
  if (at_middle < objective_here) {
    for (int i = 0; i < kMostDoublings; ++i) {
      const double at_high = value_at(high);
      if (at_high >= at_middle) break;
      low = middle;
      middle = high;
      at_middle = at_high;
      high *= 2;
    }
  } else {
    for (int i = 0; i < kMostDoublings && at_middle >= objective_here; ++i) {
      high = middle;
      middle /= 2;
      at_middle = value_at(middle);
    }
    if (at_middle >= objective_here) return found;
  }
  double left = high - kGolden * (high - low);
  double right = low + kGolden * (high - low);
  double at_left = value_at(left);
  double at_right = value_at(right);
  while (high - low > kNarrow * high) {
    if (at_left < at_right) {
      high = right;
      right = left;
      at_right = at_left;
      left = high - kGolden * (high - low);
      at_left = value_at(left);
    } else {
      low = left;
      left = right;
      at_left = at_right;
      right = low + kGolden * (high - low);
      at_right = value_at(right);
    }
  }
  return found;
}

DescentCriteria descent_criteria(const Objective& objective,
                                 const Plane& plane,
                                 const at::Tensor& values,
                                 const LineMinimum& minimum,
                                 double objective_here,
                                 double gradient_norm,
                                 double curvature,
                                 int threads) {
  DescentCriteria found{.best_step = minimum.step,
                        .drop = (objective_here - minimum.objective) / objective_here};
  const Plane across{
      .centre = plane.centre.sub(plane.x_axis, minimum.step), .x_axis = plane.y_axis, .x = plane.y};
  const at::Tensor beside = evaluate_plane(objective, across, threads).objective;
  double least = minimum.objective;
  for (const double value :
       std::vector<double>(beside.data_ptr<double>(), beside.data_ptr<double>() + beside.numel())) {
    if (std::isfinite(value)) least = std::min(least, value);
  }
  found.benefit = (minimum.objective - least) / minimum.objective;
  found.second_order_share = std::max(-curvature, 0.0) * minimum.step / (2 * gradient_norm);
  const double reach = minimum.step * (1 + 1e-3);  // with the cells that round just beyond it
  found.quadratic = quadratic_fit(plane, values, [reach](double x, double y) {
    return std::abs(x) <= reach && std::abs(y) <= reach;
  });
  return found;
}

}  // namespace overparam::curvature
