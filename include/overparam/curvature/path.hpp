// SPDX-License-Identifier: Apache-2.0
// The objective along the straight line between two points in the space of weights (Goodfellow,
// Vinyals, Saxe 2015), and the shape of such a curve as numbers.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "overparam/curvature/objective.hpp"
#include "overparam/curvature/plane.hpp"

namespace overparam::curvature {

/// Shares of a line: from -1/5 to 6/5 in steps of 1/intervals, 0 and 1 exactly among them.
/// @param intervals of [0, 1], a positive multiple of 5
/// @throws Error(usage)
std::vector<double> line_shares(int intervals = 50);

/// W(a) = (1 - a) from + a to for the shares a: a plane of one axis, to be evaluated as such.
/// @throws Error(usage) for points of different sizes, Error(data) for two that are the same or not
/// finite
Plane line_between(const at::Tensor& from, const at::Tensor& to, std::vector<double> shares);

/// f over shares a of a line; it counts from a = 0 to a = 1, what lies beyond is for pictures.
struct LineCurve {
  std::vector<double> shares;
  std::vector<double> objective;
  std::vector<double> accuracy;  ///< NaN where there are no labels
};

/// Memory: two vectors of weights more than one value takes, for each thread.
LineCurve evaluate_line(const Objective& objective,
                        const at::Tensor& from,
                        const at::Tensor& to,
                        std::vector<double> shares,
                        int threads = 0);

/// The shape of a curve between a = 0 and a = 1, in units of f. All NaN where f is not finite
/// there.
struct LineShape {
  double start = 0, end = 0;  ///< f(0), f(1)
  /// max over a < b of f(b) - f(a): 0 for a curve that falls monotonically.
  double rise = 0;
  double rise_at = 0;  ///< b of that rise, 0 where there is none
  /// max over a of f(a) - ((1 - a) f(0) + a f(1)), 0 at least: what separates two solutions.
  double barrier = 0;
  /// max over a of f(a) - (the largest convex function below f)(a): 0 for a convex curve. Other
  /// than second differences it does not depend on the steps between shares.
  double dent = 0;
  /// Least and largest second difference, as second derivatives in a.
  double least_curvature = 0, largest_curvature = 0;

  /// Share of [0, 1] on which f, linear between the shares, exceeds `plateau` f(0).
  double plateau_share = 0;
};

/// @param curve shares ascending, 0 and 1 among them and one between
/// @param plateau level of `plateau_share`
/// @throws Error(usage) naming what is wrong with the shares
LineShape line_shape(const LineCurve& curve, double plateau = 0.9);

}  // namespace overparam::curvature
