// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

namespace overparam::data {

struct PlanePoint {
  double x;
  double y;
};

/// Draws lines with a round, soft-edged pen on a grey image: 0 is paper, 1 is ink.
class Canvas {
 public:
  /// @param pixels (size, size) of zeros, row by row; pixel (row, column) has its centre at
  ///   x = column + 1/2, y = row + 1/2
  Canvas(float* pixels, int size) : pixels_(pixels), size_(size) {}

  /// A stroke through `points`; `radii` gives half the pen's width at each, in pixels.
  void draw(std::span<const PlanePoint> points, std::span<const double> radii);

 private:
  void draw_segment(PlanePoint a, PlanePoint b, double radius_a, double radius_b);

  float* pixels_;
  int size_;
};

}  // namespace overparam::data
