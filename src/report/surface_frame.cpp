// SPDX-License-Identifier: Apache-2.0
#include "surface_frame.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "overparam/base/require.hpp"

namespace overparam::report {

namespace {

constexpr double kLargest = 1e300;  // beyond it, differences of coordinates overflow

void check_coordinates(const SurfaceFigure& figure,
                       const Surface& surface,
                       const char* axis,
                       const std::vector<double>& values) {
  base::ensure(values.size() >= 2,
               "figure \"{}\", surface \"{}\": {} coordinates of {}, at least 2 were expected",
               figure.id,
               surface.name,
               values.size(),
               axis);
  for (std::size_t i = 0; i < values.size(); ++i) {
    base::ensure(std::abs(values[i]) <= kLargest,
                 "figure \"{}\", surface \"{}\": coordinate {} of {} is {}, not finite",
                 figure.id,
                 surface.name,
                 i,
                 axis,
                 values[i]);
    base::ensure(i == 0 || values[i - 1] < values[i],
                 "figure \"{}\", surface \"{}\": coordinates of {} do not ascend, {} after {}",
                 figure.id,
                 surface.name,
                 axis,
                 values[i],
                 values[i == 0 ? 0 : i - 1]);
  }
}

void check(const SurfaceFigure& figure, const Surface& surface) {
  check_coordinates(figure, surface, "x", surface.x);
  check_coordinates(figure, surface, "y", surface.y);
  base::ensure(surface.z.size() == surface.x.size() * surface.y.size(),
               "figure \"{}\", surface \"{}\": {} values of z for {} x {} coordinates",
               figure.id,
               surface.name,
               surface.z.size(),
               surface.y.size(),
               surface.x.size());
  for (const auto& path : surface.paths) {
    base::ensure(path.x.size() == path.y.size() && path.x.size() == path.z.size(),
                 "figure \"{}\", surface \"{}\", path \"{}\": {} values of x, {} of y, {} of z",
                 figure.id,
                 surface.name,
                 path.name,
                 path.x.size(),
                 path.y.size(),
                 path.z.size());
  }
}

/// The values of z, and the heights of the marks, which must not stick out.
void add_heights(const Surface& surface, std::vector<std::vector<double>>& lists) {
  lists.push_back(surface.z);
  lists.emplace_back();
  for (const auto& mark : surface.marks) lists.back().push_back(mark.z);
}

/// The index i with coordinates[i] <= value <= coordinates[i + 1].
std::size_t cell_of(const std::vector<double>& coordinates, double value) {
  const auto above = std::upper_bound(coordinates.begin(), coordinates.end(), value);
  const auto index = above - coordinates.begin() - 1;
  return static_cast<std::size_t>(
      std::clamp<std::ptrdiff_t>(index, 0, static_cast<std::ptrdiff_t>(coordinates.size()) - 2));
}

/// Indices from 0 to count - 1 with at most `most_cells` steps between, as even as they can be.
std::vector<std::size_t> spread_indices(std::size_t count, std::size_t most_cells) {
  const std::size_t steps = std::min(count - 1, most_cells);
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i <= steps; ++i) indices.push_back(i * (count - 1) / steps);
  return indices;
}

}  // namespace

void check_sizes(const SurfaceFigure& figure) {
  base::ensure(!figure.surfaces.empty(), "figure \"{}\" has no surface", figure.id);
  base::ensure(!figure.x.logarithmic && !figure.y.logarithmic,
               "figure \"{}\": of a surface only z may be logarithmic",
               figure.id);
  for (const auto& surface : figure.surfaces) check(figure, surface);
}

std::vector<SurfaceFrame> surface_frames(const SurfaceFigure& figure, bool shared_z) {
  check_sizes(figure);
  std::vector<std::vector<double>> all;
  if (shared_z) {
    for (const auto& surface : figure.surfaces) add_heights(surface, all);
  }
  std::vector<SurfaceFrame> frames;
  for (const auto& surface : figure.surfaces) {
    if (!shared_z) {
      all.clear();
      add_heights(surface, all);
    }
    frames.push_back({.x = {.low = surface.x.front(), .high = surface.x.back()},
                      .y = {.low = surface.y.front(), .high = surface.y.back()},
                      .z = value_range(figure.z.logarithmic, all),
                      .z_logarithmic = figure.z.logarithmic});
  }
  return frames;
}

UnitSurface::UnitSurface(const Surface& surface, const SurfaceFrame& frame)
    : x_scale_(false, frame.x, 0, 1),
      y_scale_(false, frame.y, 0, 1),
      z_scale_(frame.z_logarithmic, frame.z, 0, 1) {
  for (const double value : surface.x) x_.push_back(x_scale_.pixel(value));
  for (const double value : surface.y) y_.push_back(y_scale_.pixel(value));
  for (const double value : surface.z) z_.push_back(z_scale_.pixel(value));
}

double UnitSurface::height_at(double x, double y) const {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  if (!(x >= 0 && x <= 1 && y >= 0 && y <= 1)) return kNone;
  const std::size_t column = cell_of(x_, x);
  const std::size_t row = cell_of(y_, y);
  const double right = (x - x_[column]) / (x_[column + 1] - x_[column]);
  const double up = (y - y_[row]) / (y_[row + 1] - y_[row]);
  const double near = (1 - right) * height(row, column) + right * height(row, column + 1);
  const double far = (1 - right) * height(row + 1, column) + right * height(row + 1, column + 1);
  return (1 - up) * near + up * far;
}

UnitPoint UnitSurface::place(double x, double y, double z) const {
  return {.x = x_scale_.pixel(x), .y = y_scale_.pixel(y), .z = z_scale_.pixel(z)};
}

std::vector<UnitPoint> UnitSurface::place(const SurfacePath& path) const {
  std::vector<UnitPoint> points;
  for (std::size_t i = 0; i < path.x.size(); ++i) {
    points.push_back(place(path.x[i], path.y[i], path.z[i]));
  }
  return points;
}

UnitSurface UnitSurface::coarsened(std::size_t most_cells) const {
  UnitSurface coarse = *this;
  const auto columns = spread_indices(x_.size(), most_cells);
  const auto rows = spread_indices(y_.size(), most_cells);
  coarse.x_.clear();
  coarse.y_.clear();
  coarse.z_.clear();
  for (const std::size_t column : columns) coarse.x_.push_back(x_[column]);
  for (const std::size_t row : rows) {
    coarse.y_.push_back(y_[row]);
    for (const std::size_t column : columns) coarse.z_.push_back(height(row, column));
  }
  return coarse;
}

}  // namespace overparam::report
