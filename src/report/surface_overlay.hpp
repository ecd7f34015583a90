// SPDX-License-Identifier: Apache-2.0
// Marks and paths on surfaces: how they look, and which parts of them are seen.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "overparam/report/surface.hpp"
#include "surface_frame.hpp"

namespace overparam::report {

/// What a legend explains: each label of a mark and each name of a path once, in order.
struct OverlayLook {
  std::string name;
  bool is_mark = false;
  int colour = 0;  ///< index into the palette's series
};

class OverlayLooks {
 public:
  explicit OverlayLooks(const SurfaceFigure& figure);

  [[nodiscard]] int colour(const SurfaceMark& mark) const { return find(mark.label, true); }
  [[nodiscard]] int colour(const SurfacePath& path) const { return find(path.name, false); }
  [[nodiscard]] const std::vector<OverlayLook>& all() const { return looks_; }

 private:
  void add(const std::string& name, bool is_mark);
  [[nodiscard]] int find(const std::string& name, bool is_mark) const;

  std::vector<OverlayLook> looks_;
};

enum class Sight { visible, hidden, outside };

/// Part of a line that is seen in one way.
struct SightRun {
  Sight sight = Sight::visible;
  std::vector<UnitPoint> points;
};

/// A line cut, to a hundredth of the frame, where `sight_of` its points changes. Left out is what
/// is outside, what is not finite, and what is less than a pixel away from the point before.
std::vector<SightRun> split_by_sight(const std::vector<UnitPoint>& line,
                                     const std::function<Sight(const UnitPoint&)>& sight_of);

/// Outside of the frame, or not finite.
bool is_outside(const UnitPoint& point);

/// SVG attributes of a line over a surface, and of the rim that sets it off.
std::string overlay_stroke(int colour, double width);
std::string overlay_rim(double width);

/// A dot in an overlay's colour.
std::string overlay_dot(double x, double y, int colour, bool pale = false);

}  // namespace overparam::report
