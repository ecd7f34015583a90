// SPDX-License-Identifier: Apache-2.0
// Surfaces in the unit cube: what their drawings compute with.
#pragma once

#include <cstddef>
#include <vector>

#include "overparam/report/surface.hpp"
#include "scale.hpp"

namespace overparam::report {

/// @throws Error(internal) for what contradicts itself, as `to_svg` says
void check_sizes(const SurfaceFigure& figure);

/// The ranges that a surface is drawn over: exactly its grid, and its values with a margin.
struct SurfaceFrame {
  Range x;
  Range y;
  Range z;
  bool z_logarithmic = false;
};

/// The frames of all surfaces, by their own values of z or by those of all.
/// @throws Error(internal) as `check_sizes`
std::vector<SurfaceFrame> surface_frames(const SurfaceFigure& figure, bool shared_z);

/// A place as shares of the frame: 0 to 1 inside, NaN where a value cannot be shown.
struct UnitPoint {
  double x = 0;
  double y = 0;
  double z = 0;
};

/// A surface in shares of its frame.
class UnitSurface {
 public:
  UnitSurface(const Surface& surface, const SurfaceFrame& frame);

  [[nodiscard]] const std::vector<double>& x() const { return x_; }
  [[nodiscard]] const std::vector<double>& y() const { return y_; }
  [[nodiscard]] const std::vector<double>& z() const { return z_; }  ///< row by row, NaN in holes

  [[nodiscard]] double height(std::size_t row, std::size_t column) const {
    return z_[row * x_.size() + column];
  }

  /// Bilinear between the four values around; NaN beyond the grid and where one of them is missing.
  [[nodiscard]] double height_at(double x, double y) const;

  [[nodiscard]] UnitPoint place(double x, double y, double z) const;
  [[nodiscard]] UnitPoint place(const SurfaceMark& mark) const {
    return place(mark.x, mark.y, mark.z);
  }
  [[nodiscard]] std::vector<UnitPoint> place(const SurfacePath& path) const;

  /// With at most so many cells a side: of too many rows or columns some are left out.
  [[nodiscard]] UnitSurface coarsened(std::size_t most_cells) const;

 private:
  Scale x_scale_;
  Scale y_scale_;
  Scale z_scale_;
  std::vector<double> x_;
  std::vector<double> y_;
  std::vector<double> z_;
};

}  // namespace overparam::report
