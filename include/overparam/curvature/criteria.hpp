// SPDX-License-Identifier: Apache-2.0
// What the surfaces of Figure 1 are said to show, as numbers: the objective falls well along its
// gradient, negative curvature has little to add, and the surface is smooth.
#pragma once

#include <ATen/core/Tensor.h>

#include "overparam/curvature/objective.hpp"
#include "overparam/curvature/plane.hpp"

namespace overparam::curvature {

/// The lowest point of f along W - s u for a unit vector u, as far as it was looked for.
struct LineMinimum {
  double step = 0;       ///< s*
  double objective = 0;  ///< f(W - s* u), at most f(W)
  int evaluations = 0;
};

/// Doubles s from `first` until f rises, halves it where already the first rises, then narrows the
/// bracket by golden sections to a hundredth of s*.
/// @param objective_here f(W)   @param first a guess of s*, positive
LineMinimum descend_along(const Objective& objective,
                          const at::Tensor& weights,
                          const at::Tensor& unit,
                          double objective_here,
                          double first);

/// At one point W with gradient g (|g| > 0) and a unit direction v of curvature c. s* is the best
/// step along -g.
struct DescentCriteria {
  double best_step = 0;  ///< s*, a length
  /// (i) (f(W) - f(W - s* g/|g|)) / f(W): how far the gradient alone leads.
  double drop = 0;
  /// (ii) (f(x*) - min_y f(x* + y v)) / f(x*) with x* = W - s* g/|g|: what v adds there.
  double benefit = 0;
  /// (iii) |c| s*^2 / 2 over s* |g|, the second-order term of v against the first-order one of g,
  /// at the length s*; 0 where c is not negative.
  double second_order_share = 0;
  /// (iv) R^2 of a quadratic in the plane, for |x|, |y| <= s*.
  double quadratic = 0;
};

/// @param plane with centre W, x axis g/|g|, y axis v, and its values (y, x)
/// @param minimum of f along the gradient
/// @param threads for the points along v; 0: all
DescentCriteria descent_criteria(const Objective& objective,
                                 const Plane& plane,
                                 const at::Tensor& values,
                                 const LineMinimum& minimum,
                                 double objective_here,
                                 double gradient_norm,
                                 double curvature,
                                 int threads = 0);

}  // namespace overparam::curvature
