// SPDX-License-Identifier: Apache-2.0
// The objective over a grid on a line or a plane in the space of weights, and points beside it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "overparam/base/memory.hpp"
#include "overparam/curvature/objective.hpp"

namespace overparam::curvature {

/// W(x, y) = centre + x a + y b on a grid. A line has no b, and y = {0}. Coordinates are multiples
/// of the axes as they are: with unit axes, distances.
struct Plane {
  at::Tensor centre;      ///< (P)
  at::Tensor x_axis;      ///< a (P)
  at::Tensor y_axis;      ///< b (P), or undefined
  std::vector<double> x;  ///< ascending
  std::vector<double> y = {0};

  [[nodiscard]] std::int64_t num_cells() const { return std::ssize(x) * std::ssize(y); }

  /// The cell's place in rows of y: its column is x.
  [[nodiscard]] at::Tensor point(std::int64_t cell) const;

  /// @throws Error(usage) for an axis of another size or of no length, for coordinates that do not
  /// ascend, and for a grid without extent
  void check(const Objective& objective) const;
};

/// `count` values from low to high, evenly spread; 0 is exact where it falls on one.
std::vector<double> spread_evenly(double low, double high, std::int64_t count);

/// Where the cells go, and which are there already: a file, or memory.
struct CellStore {
  std::function<bool(std::int64_t cell)> is_done;  ///< null: none is
  /// Called once for each new cell, never from two threads at once.
  std::function<void(std::int64_t cell, const Value& value)> keep;
};

struct CellResult {
  std::int64_t evaluated = 0;
  bool complete = false;  ///< false where the user interrupted
};

/// Evaluates the cells that are not done, one a thread at a time. What is not finite stays so.
/// Memory: the plane's three vectors, and for each thread one vector of weights and a forward pass.
/// @param stops false: an interrupt waits until all are there
CellResult evaluate_cells(const Objective& objective,
                          const Plane& plane,
                          const CellStore& store,
                          int threads = 0,
                          bool stops = true);

/// All cells at once, whatever the user does meanwhile: objective and accuracy (y, x), float64.
struct PlaneValues {
  at::Tensor objective;
  at::Tensor accuracy;
};
PlaneValues evaluate_plane(const Objective& objective, const Plane& plane, int threads = 0);

/// Where a point lies on a plane, by least squares, and how far beside it.
struct Projection {
  double x = 0;
  double y = 0;
  double residual = 0;  ///< |W - centre - x a - y b|
  double distance = 0;  ///< |W - centre|
};
Projection project(const Plane& plane, const at::Tensor& weights);

/// A trajectory beside the line from its first point to its last (Goodfellow, Vinyals, Saxe 2015):
/// W_t = W_0 + alpha u + beta v_t with unit u along the line and v_t orthogonal to it.
struct LineCoordinates {
  std::vector<double> alpha;
  std::vector<double> beta;  ///< |W_t - W_0 - alpha u|
  double length = 0;         ///< of the line
};
LineCoordinates along_line(const std::vector<at::Tensor>& trajectory);

/// How well a quadratic in (x, y) fits values over a plane: 1 - sum of squared residuals over that
/// about the mean, for the cells that `keep` holds; NaN for fewer cells than coefficients or a flat
/// surface.
double quadratic_fit(const Plane& plane,
                     const at::Tensor& values,
                     const std::function<bool(double x, double y)>& keep);

}  // namespace overparam::curvature
