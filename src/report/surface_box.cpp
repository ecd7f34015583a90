// SPDX-License-Identifier: Apache-2.0
// A surface in its box: parallel projection, painted from back to front.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "markup.hpp"
#include "palette.hpp"
#include "path_data.hpp"
#include "surface_panel.hpp"
#include "svg.hpp"
#include "tick_labels.hpp"

namespace overparam::report {

namespace {

// The viewer stands before the corner of largest x and smallest y, 35 degrees to the side of the y
// axis and 32 above the ground: x runs to the right, y away to the right.
constexpr double kSinTurn = 0.573576;
constexpr double kCosTurn = 0.819152;
constexpr double kSinTilt = 0.529919;
constexpr double kCosTilt = 0.848048;
constexpr double kBoxHeight = 0.66;  // relative to its sides

constexpr double kAcross = kCosTurn + kSinTurn;  // extents of the projected box
constexpr double kDown = kAcross * kSinTilt + kBoxHeight * kCosTilt;

constexpr std::size_t kMostCells = 36;  // a side: finer than the eye needs in a panel
constexpr double kTickLength = 4;
constexpr double kLabelGap = 7;

struct Pixel {
  double x = 0;
  double y = 0;
};

/// From the unit cube into a rectangle.
class Projection {
 public:
  explicit Projection(const Box& box)
      : left_(box.left), top_(box.top), size_((box.right - box.left) / kAcross) {}

  Pixel operator()(const UnitPoint& point) const {
    const double away = point.y * kCosTurn - point.x * kSinTurn;
    const double down = (kCosTurn - away) * kSinTilt + kBoxHeight * (1 - point.z) * kCosTilt;
    return {.x = left_ + size_ * (point.x * kCosTurn + point.y * kSinTurn),
            .y = top_ + size_ * down};
  }

 private:
  double left_;
  double top_;
  double size_;
};

/// Whether the surface lies between a point and the viewer.
bool is_hidden(const UnitSurface& surface, const UnitPoint& point) {
  constexpr double kStep = 0.012;
  constexpr double kTolerance = 0.012;  // points on the surface are seen
  for (double t = kStep;; t += kStep) {
    const double x = point.x + t * kSinTurn * kCosTilt;
    const double y = point.y - t * kCosTurn * kCosTilt;
    const double z = point.z + t * kSinTilt / kBoxHeight;
    if (x > 1 || y < 0 || z > 1) return false;
    if (surface.height_at(x, y) > z + kTolerance) return true;
  }
}

/// Light from above and a little left of the viewer: 1 on level ground, less on what turns away.
double brightness(double slope_x, double slope_y) {
  constexpr std::array<double, 3> kLightFrom{0.15, -0.45, 0.88};
  const double length = std::sqrt(1 + slope_x * slope_x + slope_y * slope_y);
  const double towards_viewer = (-slope_x * kSinTurn + slope_y * kCosTurn) * kCosTilt + kSinTilt;
  const double side = towards_viewer < 0 ? -1 : 1;  // seen from below
  const double facing =
      side * (-slope_x * kLightFrom[0] - slope_y * kLightFrom[1] + kLightFrom[2]) / length;
  return 0.74 + 0.34 * std::max(0.0, facing);
}

std::string draw_cell(const UnitSurface& surface,
                      const Projection& project,
                      std::size_t row,
                      std::size_t column) {
  const std::array<std::array<std::size_t, 2>, 4> corners{
      {{row, column}, {row, column + 1}, {row + 1, column + 1}, {row + 1, column}}};
  std::array<double, 4> z{};
  double mean = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    z[i] = surface.height(corners[i][0], corners[i][1]);
    mean += z[i] / 4;
  }
  if (!std::isfinite(mean)) return "";
  const double width = surface.x()[column + 1] - surface.x()[column];
  const double depth = surface.y()[row + 1] - surface.y()[row];
  const double slope_x = kBoxHeight * (z[1] + z[2] - z[0] - z[3]) / (2 * width);
  const double slope_y = kBoxHeight * (z[2] + z[3] - z[0] - z[1]) / (2 * depth);
  PathData path;
  for (std::size_t i = 0; i < 4; ++i) {
    const Pixel corner =
        project({.x = surface.x()[corners[i][1]], .y = surface.y()[corners[i][0]], .z = z[i]});
    if (i == 0) path.move_to(corner.x, corner.y);
    if (i != 0) path.line_to(corner.x, corner.y);
  }
  path.close();
  return fmt::format("<path fill=\"{}\" d=\"{}\"/>\n",
                     scale_colour(mean, brightness(slope_x, slope_y)),
                     path.text());
}

/// Rows from the far end, in each row from the left: of two cells the later one is never behind.
std::string draw_cells(const UnitSurface& surface, const Projection& project) {
  std::string out =
      "<g stroke=\"#000\" stroke-opacity=\"0.2\" stroke-width=\"0.5\" stroke-linejoin=\"round\">\n";
  for (std::size_t row = surface.y().size() - 1; row-- > 0;) {
    for (std::size_t column = 0; column + 1 < surface.x().size(); ++column) {
      out += draw_cell(surface, project, row, column);
    }
  }
  return out + "</g>\n";
}

std::string draw_line(const std::vector<UnitPoint>& line,
                      int colour,
                      double width,
                      const UnitSurface& surface,
                      const Projection& project) {
  const auto runs = split_by_sight(line, [&](const UnitPoint& point) {
    if (is_outside(point)) return Sight::outside;
    return is_hidden(surface, point) ? Sight::hidden : Sight::visible;
  });
  PathData seen;
  PathData pale;
  for (const auto& run : runs) {
    PathData& path = run.sight == Sight::hidden ? pale : seen;
    for (std::size_t i = 0; i < run.points.size(); ++i) {
      const Pixel pixel = project(run.points[i]);
      if (i == 0) path.move_to(pixel.x, pixel.y);
      if (i != 0) path.line_to(pixel.x, pixel.y);
    }
  }
  std::string out;
  if (!pale.empty()) {
    out += fmt::format(
        "<path {} opacity=\"0.45\" d=\"{}\"/>\n", overlay_stroke(colour, 0.8 * width), pale.text());
  }
  if (!seen.empty()) {
    out += fmt::format("<path {} d=\"{}\"/>\n<path {} d=\"{}\"/>\n",
                       overlay_rim(width + 1.4),
                       seen.text(),
                       overlay_stroke(colour, width),
                       seen.text());
  }
  return out;
}

/// A tick or label that leaves an edge of the box at a right angle, as far as projection allows.
struct Edge {
  UnitPoint start;
  UnitPoint end;
  Pixel outwards;
  const char* anchor;
};

/// The label of a tick, with its lower left or lower right corner at a place.
struct PlacedLabel {
  Pixel at;
  const char* anchor;
  NumberText text;

  [[nodiscard]] Box box() const {
    const double width = tick_width(text, kPanelTickFont);
    const double left = anchor == std::string_view("end") ? at.x - width : at.x;
    return {.left = left - 2, .top = at.y - 9, .right = left + width + 2, .bottom = at.y + 2};
  }
};

bool overlap(const Box& a, const Box& b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

/// Labels that never run into one another.
class Labels {
 public:
  /// Adds every label of an edge, or every second, third, ... of them, counted from zero where that
  /// is among them; and of these what does not meet labels of another edge.
  void add(const std::vector<PlacedLabel>& edge, std::size_t zero) {
    std::size_t stride = 1;
    while (stride < edge.size() && has_overlap(edge, zero % stride, stride)) ++stride;
    const std::vector<Box> others = taken_;
    for (std::size_t i = zero % stride; i < edge.size(); i += stride) {
      const Box box = edge[i].box();
      if (std::ranges::any_of(others, [&](const Box& other) { return overlap(box, other); }))
        continue;
      taken_.push_back(box);
      text_ += text_element(edge[i].at.x,
                            edge[i].at.y,
                            {.font_size = kPanelTickFont, .anchor = edge[i].anchor, .soft = true},
                            tick_markup(edge[i].text, kPanelTickFont));
    }
  }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  static bool has_overlap(const std::vector<PlacedLabel>& edge,
                          std::size_t first,
                          std::size_t stride) {
    for (std::size_t i = first; i + stride < edge.size(); i += stride) {
      if (overlap(edge[i].box(), edge[i + stride].box())) return true;
    }
    return false;
  }

  std::vector<Box> taken_;
  std::string text_;
};

UnitPoint at_share(const Edge& edge, double share) {
  return {.x = edge.start.x + share * (edge.end.x - edge.start.x),
          .y = edge.start.y + share * (edge.end.y - edge.start.y),
          .z = edge.start.z + share * (edge.end.z - edge.start.z)};
}

/// Draws lines of one colour.
class Lines {
 public:
  explicit Lines(const Projection& project) : project_(project) {}

  void add(const UnitPoint& from, const UnitPoint& to) { add(project_(from), project_(to)); }
  void add(Pixel from, Pixel to) {
    path_.move_to(from.x, from.y);
    path_.line_to(to.x, to.y);
  }

  [[nodiscard]] std::string element(const char* name, const char* colour) const {
    return fmt::format(
        "<path class=\"{}\" fill=\"none\" stroke=\"{}\" d=\"{}\"/>\n", name, colour, path_.text());
  }

 private:
  const Projection& project_;
  PathData path_;
};

constexpr Edge kXEdge{
    .start = {0, 0, 0}, .end = {1, 0, 0}, .outwards = {-0.83, 0.56}, .anchor = "end"};
constexpr Edge kYEdge{
    .start = {1, 0, 0}, .end = {1, 1, 0}, .outwards = {0.95, 0.31}, .anchor = "start"};
constexpr Edge kZEdge{.start = {0, 0, 0}, .end = {0, 0, 1}, .outwards = {-1, 0}, .anchor = "end"};

double share_of(const Tick& tick, bool logarithmic, Range range) {
  return Scale(logarithmic, range, 0, 1).pixel(tick.value);
}

}  // namespace

BoxLayout::BoxLayout(const std::vector<SurfacePanel>& panels, double width) : width_(width) {
  double left = 0;
  double right = 0;
  for (const auto& panel : panels) {
    const SurfaceTicks ticks = surface_ticks(panel.frame);
    left = std::max({left,
                     widest_tick(ticks.z, kPanelTickFont) + kLabelGap,
                     widest_tick(ticks.x, kPanelTickFont) + kLabelGap});
    right = std::max(right, widest_tick(ticks.y, kPanelTickFont) + kLabelGap);
  }
  const SurfaceFigure& figure = panels.front().figure;
  z_label_ = panel_lines(figure.z.label, width);
  const double top = kPanelLabelLine * static_cast<double>(z_label_.size()) + 2;
  box_ = {.left = left, .top = top, .right = std::max(width - right, left + 40), .bottom = top};
  const double size = (box_.right - box_.left) / kAcross;
  box_.bottom += size * kDown;

  const double boundary = box_.left + size * kCosTurn;
  x_label_ = panel_lines(figure.x.label, boundary - 8);
  y_label_ = panel_lines(figure.y.label, width - boundary - 8);
  const auto lines = static_cast<double>(std::max(x_label_.size(), y_label_.size()));
  height_ = box_.bottom + 18 + kPanelLabelLine * lines;
}

std::string BoxLayout::draw_axes(const SurfacePanel& panel) const {
  const Projection project(box_);
  const SurfaceTicks ticks = surface_ticks(panel.frame);
  Lines grid(project);
  Lines axes(project);
  Labels labels;
  const auto add_ticks = [&](const Edge& edge,
                             const std::vector<Tick>& all,
                             bool logarithmic,
                             Range range,
                             const auto& add_grid) {
    axes.add(edge.start, edge.end);
    std::vector<PlacedLabel> placed;
    std::size_t zero = 0;
    for (const auto& tick : all) {
      const double share = share_of(tick, logarithmic, range);
      const Pixel at = project(at_share(edge, share));
      add_grid(share);
      const auto beyond = [&](double length) {
        return Pixel{at.x + length * edge.outwards.x, at.y + length * edge.outwards.y};
      };
      axes.add(at, beyond(kTickLength));
      const Pixel label = beyond(kLabelGap);
      const double lower = edge.outwards.y > 0 ? 8 : 4;
      if (tick.value == 0) zero = placed.size();
      placed.push_back(
          {.at = {label.x, label.y + lower}, .anchor = edge.anchor, .text = tick.label});
    }
    labels.add(placed, zero);
  };
  add_ticks(kXEdge, ticks.x, false, panel.frame.x, [&](double share) {
    grid.add(UnitPoint{share, 0, 0}, {share, 1, 0});
    grid.add(UnitPoint{share, 1, 0}, {share, 1, 1});
  });
  add_ticks(kYEdge, ticks.y, false, panel.frame.y, [&](double share) {
    grid.add(UnitPoint{0, share, 0}, {1, share, 0});
    grid.add(UnitPoint{0, share, 0}, {0, share, 1});
  });
  add_ticks(kZEdge, ticks.z, panel.frame.z_logarithmic, panel.frame.z, [&](double share) {
    grid.add(UnitPoint{0, 0, share}, {0, 1, share});
    grid.add(UnitPoint{0, 1, share}, {1, 1, share});
  });
  constexpr std::array<std::array<UnitPoint, 2>, 6> kBack{{{{{0, 0, 0}, {0, 1, 0}}},
                                                           {{{0, 1, 0}, {1, 1, 0}}},
                                                           {{{0, 1, 0}, {0, 1, 1}}},
                                                           {{{0, 0, 1}, {0, 1, 1}}},
                                                           {{{0, 1, 1}, {1, 1, 1}}},
                                                           {{{1, 1, 0}, {1, 1, 1}}}}};
  for (const auto& [from, to] : kBack) grid.add(from, to);
  const Pixel front = project({1, 0, 0});
  return grid.element("ov-g", kLight.grid) + axes.element("ov-a", kLight.axis) + labels.text() +
         draw_names(front.y, front.x);
}

std::string BoxLayout::draw_names(double lowest_corner, double boundary) const {
  std::string out;
  const auto add =
      [&](const std::vector<std::string>& lines, double x, double y, const char* anchor) {
        for (const auto& line : lines) {
          out += text_element(x, y, {.font_size = kPanelLabelFont, .anchor = anchor}, escape(line));
          y += kPanelLabelLine;
        }
      };
  add(z_label_, 0, 11, "start");
  add(x_label_, boundary / 2, lowest_corner + 28, "middle");
  add(y_label_, (boundary + width_) / 2, lowest_corner + 28, "middle");
  return out;
}

std::string BoxLayout::draw_shape(const SurfacePanel& panel) const {
  const Projection project(box_);
  const UnitSurface surface(panel.surface, panel.frame);
  std::string out = draw_cells(surface.coarsened(kMostCells), project);
  for (const auto& path : panel.surface.paths) {
    out += draw_line(surface.place(path), panel.looks.colour(path), 1.8, surface, project);
  }
  for (const auto& mark : panel.surface.marks) {
    const int colour = panel.looks.colour(mark);
    const UnitPoint at = surface.place(mark);
    out += draw_line({{at.x, at.y, 0}, {at.x, at.y, 1}}, colour, 2.2, surface, project);
    if (is_outside(at)) continue;
    const Pixel pixel = project(at);
    out += overlay_dot(pixel.x, pixel.y, colour, is_hidden(surface, at));
  }
  return out;
}

}  // namespace overparam::report
