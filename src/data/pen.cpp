// SPDX-License-Identifier: Apache-2.0
#include "pen.hpp"

#include <algorithm>
#include <cmath>

namespace overparam::data {

namespace {

/// Half the width of the soft edge, in pixels.
constexpr double kSoftness = 0.75;

/// Ink at `outside` pixels beyond the pen's edge: from 1 inside to 0 outside without a kink.
double ink(double outside) {
  const double t = std::clamp(0.5 - outside / (2 * kSoftness), 0.0, 1.0);
  return t * t * (3 - 2 * t);
}

}  // namespace

void Canvas::draw(std::span<const PlanePoint> points, std::span<const double> radii) {
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    draw_segment(points[i], points[i + 1], radii[i], radii[i + 1]);
  }
}

void Canvas::draw_segment(PlanePoint a, PlanePoint b, double radius_a, double radius_b) {
  const double reach = std::max(radius_a, radius_b) + kSoftness;
  const auto first = [&](double low) { return std::max(0, static_cast<int>(low - reach)); };
  const auto last = [&](double high) {
    return std::min(size_ - 1, static_cast<int>(high + reach));
  };
  const PlanePoint along{b.x - a.x, b.y - a.y};
  const double squared_length = along.x * along.x + along.y * along.y;
  for (int row = first(std::min(a.y, b.y)); row <= last(std::max(a.y, b.y)); ++row) {
    for (int column = first(std::min(a.x, b.x)); column <= last(std::max(a.x, b.x)); ++column) {
      const PlanePoint from_a{column + 0.5 - a.x, row + 0.5 - a.y};
      const double projection = from_a.x * along.x + from_a.y * along.y;
      const double t = squared_length > 0 ? std::clamp(projection / squared_length, 0.0, 1.0) : 0.0;
      const double distance = std::hypot(from_a.x - t * along.x, from_a.y - t * along.y);
      float& pixel = pixels_[row * size_ + column];
      const double outside = distance - (radius_a + t * (radius_b - radius_a));
      pixel = std::max(pixel, static_cast<float>(ink(outside)));
    }
  }
}

}  // namespace overparam::data
