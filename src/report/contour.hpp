// SPDX-License-Identifier: Apache-2.0
// Lines of equal height.
#pragma once

#include <vector>

namespace overparam::report {

/// A line through the points (x, y). A closed one ends where it starts.
struct ContourLine {
  std::vector<double> x;
  std::vector<double> y;
  bool closed = false;
};

/// Where z, given at (y.size(), x.size()) row by row and linear along the edges of the grid, equals
/// `level`: marching squares, with saddles resolved by the mean of their corners. Cells with a
/// corner that is not finite have no line. Lines are whole: they end at holes and borders only.
std::vector<ContourLine> contour_lines(const std::vector<double>& x,
                                       const std::vector<double>& y,
                                       const std::vector<double>& z,
                                       double level);

}  // namespace overparam::report
