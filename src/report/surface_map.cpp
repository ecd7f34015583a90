// SPDX-License-Identifier: Apache-2.0
// A surface as a map: colours, contour lines, and a bar that says what they mean.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "contour.hpp"
#include "markup.hpp"
#include "palette.hpp"
#include "path_data.hpp"
#include "png.hpp"
#include "surface_panel.hpp"
#include "svg.hpp"
#include "tick_labels.hpp"

namespace overparam::report {

namespace {

constexpr double kAspect = 0.72;  // height of a map relative to its width
constexpr double kTickLength = 4;
constexpr double kBarWidth = 11;
constexpr double kBarGap = 12;
constexpr int kBarSteps = 128;
constexpr double kSamplesPerCell = 4;  // of a picture, which viewers smooth
constexpr double kFewestSamples = 48;
constexpr double kMostSamples = 144;

std::string picture(const std::string& png, const Box& box) {
  return fmt::format(
      "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" "
      "href=\"data:image/png;base64,{}\"/>\n",
      coordinate(box.left),
      coordinate(box.top),
      coordinate(box.right - box.left),
      coordinate(box.bottom - box.top),
      base64(png));
}

void append_pixel(std::vector<std::uint8_t>& samples, double share) {
  const Rgb colour = scale_rgb(share);
  const bool shows = std::isfinite(share);
  for (const double channel : {colour.red, colour.green, colour.blue}) {
    samples.push_back(shows ? static_cast<std::uint8_t>(std::lround(channel)) : 0);
  }
  samples.push_back(shows ? 255 : 0);
}

int samples_for(std::size_t count) {
  return static_cast<int>(
      std::clamp(kSamplesPerCell * static_cast<double>(count - 1), kFewestSamples, kMostSamples));
}

std::string heat_picture(const UnitSurface& surface, const Box& box) {
  const int width = samples_for(surface.x().size());
  const int height = samples_for(surface.y().size());
  std::vector<std::uint8_t> samples;
  for (int row = 0; row < height; ++row) {
    for (int column = 0; column < width; ++column) {
      append_pixel(samples, surface.height_at((column + 0.5) / width, 1 - (row + 0.5) / height));
    }
  }
  return picture(encode_png(width, height, 4, samples), box);
}

std::string outline(const Box& box, const std::string& marks) {
  return fmt::format(
      "<path class=\"ov-a\" fill=\"none\" stroke=\"{}\" d=\"M{},{}H{}V{}H{}z{}\"/>\n",
      kLight.axis,
      coordinate(box.left),
      coordinate(box.top),
      coordinate(box.right),
      coordinate(box.bottom),
      coordinate(box.left),
      marks);
}

std::string contour_elements(const UnitSurface& surface,
                             const SurfacePanel& panel,
                             const Box& box) {
  const Scale x(false, {0, 1}, box.left, box.right);
  const Scale y(false, {0, 1}, box.bottom, box.top);
  const Scale z(panel.frame.z_logarithmic, panel.frame.z, 0, 1);
  std::string out;
  for (const auto& tick : surface_ticks(panel.frame).z) {
    const double level = z.pixel(tick.value);
    PathData path;
    for (const auto& line : contour_lines(surface.x(), surface.y(), surface.z(), level)) {
      path.move_to(x.pixel(line.x[0]), y.pixel(line.y[0]));
      for (std::size_t i = 1; i < line.x.size(); ++i) {
        path.line_to(x.pixel(line.x[i]), y.pixel(line.y[i]));
      }
      if (line.closed) path.close();
    }
    if (path.empty()) continue;
    out += fmt::format(
        "<path fill=\"none\" stroke=\"{}\" stroke-opacity=\"0.75\" stroke-width=\"0.9\" "
        "stroke-linejoin=\"round\" d=\"{}\"/>\n",
        contour_colour(level),
        path.text());
  }
  return out;
}

}  // namespace

MapLayout::MapLayout(const std::vector<SurfacePanel>& panels, double width) : width_(width) {
  double left = 0;
  double right = 0;
  for (const auto& panel : panels) {
    const SurfaceTicks ticks = surface_ticks(panel.frame);
    left = std::max(left, widest_tick(ticks.y, kPanelTickFont) + kTickLength + 4);
    right = std::max(right, kBarGap + kBarWidth + widest_tick(ticks.z, kPanelTickFont) + 5);
  }
  const SurfaceFigure& figure = panels.front().figure;
  y_label_ = panel_lines(figure.y.label, width);
  x_label_ = panel_lines(figure.x.label, width);
  plot_ = {.left = left,
           .top = 6 + kPanelLabelLine * static_cast<double>(y_label_.size()),
           .right = std::max(width - right, left + 40)};
  plot_.bottom = plot_.top + kAspect * (plot_.right - plot_.left);
  height_ = plot_.bottom + 20 + kPanelLabelLine * static_cast<double>(x_label_.size());
}

std::string MapLayout::draw(const SurfacePanel& panel) const {
  const UnitSurface surface(panel.surface, panel.frame);
  return heat_picture(surface, plot_) + contour_elements(surface, panel, plot_) + draw_axes(panel) +
         draw_colour_bar(panel) + draw_overlays(panel);
}

std::string MapLayout::draw_axes(const SurfacePanel& panel) const {
  const Scale x(false, panel.frame.x, plot_.left, plot_.right);
  const Scale y(false, panel.frame.y, plot_.bottom, plot_.top);
  const SurfaceTicks ticks = surface_ticks(panel.frame);
  std::string marks;
  std::string labels;
  for (const auto& tick : ticks.x) {
    const double at = x.pixel(tick.value);
    marks += fmt::format("M{},{}v{}", coordinate(at), coordinate(plot_.bottom), kTickLength);
    labels += text_element(at,
                           plot_.bottom + kTickLength + 12,
                           {.font_size = kPanelTickFont, .anchor = "middle", .soft = true},
                           tick_markup(tick.label, kPanelTickFont));
  }
  for (const auto& tick : ticks.y) {
    const double at = y.pixel(tick.value);
    marks += fmt::format("M{},{}h-{}", coordinate(plot_.left), coordinate(at), kTickLength);
    labels += text_element(plot_.left - kTickLength - 3,
                           at + 3.9,
                           {.font_size = kPanelTickFont, .anchor = "end", .soft = true},
                           tick_markup(tick.label, kPanelTickFont));
  }
  double line_y = 11;
  for (const auto& line : y_label_) {
    labels += text_element(0, line_y, {.font_size = kPanelLabelFont}, escape(line));
    line_y += kPanelLabelLine;
  }
  line_y = plot_.bottom + 32;
  for (const auto& line : x_label_) {
    const double half = text_width(line, kPanelLabelFont) / 2;
    const double middle = std::clamp((plot_.left + plot_.right) / 2,
                                     std::min(half, width_ / 2),
                                     std::max(width_ - half, width_ / 2));
    labels += text_element(
        middle, line_y, {.font_size = kPanelLabelFont, .anchor = "middle"}, escape(line));
    line_y += kPanelLabelLine;
  }
  return outline(plot_, marks) + labels;
}

std::string MapLayout::draw_colour_bar(const SurfacePanel& panel) const {
  const Box bar{.left = plot_.right + kBarGap,
                .top = plot_.top,
                .right = plot_.right + kBarGap + kBarWidth,
                .bottom = plot_.bottom};
  std::vector<std::uint8_t> samples;
  for (int i = 0; i < kBarSteps; ++i) append_pixel(samples, 1 - (i + 0.5) / kBarSteps);
  std::string out = picture(encode_png(1, kBarSteps, 4, samples), bar);

  const Scale z(panel.frame.z_logarithmic, panel.frame.z, 0, 1);
  std::string labels;
  for (const auto& tick : surface_ticks(panel.frame).z) {
    const double share = z.pixel(tick.value);
    const double at = bar.bottom + share * (bar.top - bar.bottom);
    out += fmt::format(
        "<path stroke=\"{}\" stroke-opacity=\"0.75\" stroke-width=\"0.9\" "
        "d=\"M{},{}H{}\"/>\n",
        contour_colour(share),
        coordinate(bar.left),
        coordinate(at),
        coordinate(bar.right));
    labels += text_element(bar.right + 5,
                           at + 3.9,
                           {.font_size = kPanelTickFont, .soft = true},
                           tick_markup(tick.label, kPanelTickFont));
  }
  return out + outline(bar, "") + labels;
}

std::string MapLayout::draw_overlays(const SurfacePanel& panel) const {
  const UnitSurface surface(panel.surface, panel.frame);
  const Scale x(false, {0, 1}, plot_.left, plot_.right);
  const Scale y(false, {0, 1}, plot_.bottom, plot_.top);
  std::string out;
  for (const auto& path : panel.surface.paths) {
    auto line = surface.place(path);
    // Seen from above, a path below the frame is seen all the same.
    for (auto& point : line) point.z = 0;
    PathData data;
    for (const auto& run : split_by_sight(line, [](const UnitPoint& point) {
           return is_outside(point) ? Sight::outside : Sight::visible;
         })) {
      for (std::size_t i = 0; i < run.points.size(); ++i) {
        const double px = x.pixel(run.points[i].x);
        const double py = y.pixel(run.points[i].y);
        if (i == 0) data.move_to(px, py);
        if (i != 0) data.line_to(px, py);
      }
    }
    if (data.empty()) continue;
    out += fmt::format("<path {} d=\"{}\"/>\n<path {} d=\"{}\"/>\n",
                       overlay_rim(3.2),
                       data.text(),
                       overlay_stroke(panel.looks.colour(path), 1.8),
                       data.text());
  }
  for (const auto& mark : panel.surface.marks) {
    UnitPoint at = surface.place(mark);
    at.z = 0;
    if (is_outside(at)) continue;
    out += overlay_dot(x.pixel(at.x), y.pixel(at.y), panel.looks.colour(mark));
  }
  return out;
}

}  // namespace overparam::report
