// SPDX-License-Identifier: Apache-2.0
// The two drawings of a surface: in its box, and as a map.
#pragma once

#include <string>
#include <vector>

#include "marks.hpp"
#include "scale.hpp"
#include "surface_frame.hpp"
#include "surface_overlay.hpp"

namespace overparam::report {

constexpr double kPanelTickFont = 11;
constexpr double kPanelLabelFont = 12;
constexpr double kPanelLabelLine = 15;

/// What the panels of one surface are drawn from.
struct SurfacePanel {
  const SurfaceFigure& figure;
  const Surface& surface;
  SurfaceFrame frame;
  const OverlayLooks& looks;
};

/// The ticks of one surface, for drawings of either kind. Contour lines are at those of z.
struct SurfaceTicks {
  std::vector<Tick> x;
  std::vector<Tick> y;
  std::vector<Tick> z;
};
SurfaceTicks surface_ticks(const SurfaceFrame& frame);

/// Of a contour line at a share of the scale: dark on bright colours and the other way round. Maps
/// are the same in both themes.
const char* contour_colour(double share);

/// A text in lines of whole words that fit.
std::vector<std::string> panel_lines(const std::string& text, double width);

/// Where the parts of a box go; the same for all panels of a figure, so that they line up.
class BoxLayout {
 public:
  BoxLayout(const std::vector<SurfacePanel>& panels, double width);

  [[nodiscard]] double height() const { return height_; }
  [[nodiscard]] const Box& box() const { return box_; }  ///< around the box itself, without labels

  /// Axes and labels of one panel, with its upper left corner at the origin.
  [[nodiscard]] std::string draw_axes(const SurfacePanel& panel) const;

  /// The surface with its marks and paths.
  [[nodiscard]] std::string draw_shape(const SurfacePanel& panel) const;

 private:
  [[nodiscard]] std::string draw_names(double lowest_corner, double boundary) const;

  double width_;
  double height_ = 0;
  Box box_;
  std::vector<std::string> x_label_;
  std::vector<std::string> y_label_;
  std::vector<std::string> z_label_;
};

/// The same for maps.
class MapLayout {
 public:
  MapLayout(const std::vector<SurfacePanel>& panels, double width);

  [[nodiscard]] double height() const { return height_; }
  [[nodiscard]] std::string draw(const SurfacePanel& panel) const;

 private:
  [[nodiscard]] std::string draw_axes(const SurfacePanel& panel) const;
  [[nodiscard]] std::string draw_colour_bar(const SurfacePanel& panel) const;
  [[nodiscard]] std::string draw_overlays(const SurfacePanel& panel) const;

  double width_;
  double height_ = 0;
  Box plot_;
  std::vector<std::string> x_label_;
  std::vector<std::string> y_label_;
};

}  // namespace overparam::report
