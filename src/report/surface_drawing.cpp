// SPDX-License-Identifier: Apache-2.0
#include "surface_drawing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "markup.hpp"
#include "palette.hpp"
#include "surface_panel.hpp"
#include "svg.hpp"

namespace overparam::report {

namespace {

constexpr int kSmallestWidth = 300;
constexpr int kNarrowWidth = 360;
constexpr double kEdge = 10;  // around a free-standing drawing; a page has its own
constexpr double kGap = 26;   // between cells
constexpr double kNarrowestCell = 250;
constexpr double kWidestCell = 460;
constexpr double kNameHeight = 24;
constexpr double kNameFont = 13.5;
constexpr double kMapGap = 10;
constexpr double kTitleLine = 22;
constexpr double kLegendRow = 20;
constexpr double kLegendSample = 24;

/// Three in a row at most, where they are wide enough to be read.
int columns_for(std::size_t count, double room) {
  const int fitting = std::max(1, static_cast<int>((room + kGap) / (kNarrowestCell + kGap)));
  return std::min(fitting, count == 4 ? 2 : static_cast<int>(std::min<std::size_t>(count, 3)));
}

std::string moved(double x, double y, const std::string& content) {
  return fmt::format(
      "<g transform=\"translate({},{})\">\n{}</g>\n", coordinate(x), coordinate(y), content);
}

/// Names of marks and paths with a sample each, in rows that fill the width.
struct Legend {
  Legend(const OverlayLooks& looks, double width) {
    double x = 0;
    for (const auto& look : looks.all()) {
      if (look.name.empty()) continue;
      const std::string name = shortened(look.name, kPanelLabelFont, width - kLegendSample);
      const double entry = kLegendSample + text_width(name, kPanelLabelFont);
      if (height == 0) height = kLegendRow;
      if (x > 0 && x + entry > width) {
        x = 0;
        height += kLegendRow;
      }
      const double y = height - kLegendRow / 2;
      markup += look.is_mark ? overlay_dot(x + 8, y, look.colour)
                             : fmt::format("<path {} d=\"M{},{}h14\"/>\n",
                                           overlay_stroke(look.colour, 2),
                                           coordinate(x + 1),
                                           coordinate(y));
      markup +=
          text_element(x + kLegendSample, y + 4.2, {.font_size = kPanelLabelFont}, escape(name));
      x += entry + 20;
    }
  }
  double height = 0;
  std::string markup;
};

/// A panel of each kind for every surface, in rows, and the legend.
class Multiples {
 public:
  Multiples(const SurfaceFigure& figure, const SurfaceCanvas& canvas)
      : figure_(figure),
        canvas_(canvas),
        looks_(figure),
        edge_(canvas.free_standing ? kEdge : 1),
        panels_(panels_of(figure, looks_)) {
    const double room = std::max(canvas.width, kSmallestWidth) - 2 * edge_;
    // A lone surface has its map beside it.
    beside_ = panels_.size() == 1 && canvas.view == SurfaceView::both && columns_for(2, room) == 2;
    columns_ = beside_ ? 2 : columns_for(panels_.size(), room);
    cell_ = std::min(kWidestCell, (room - kGap * (columns_ - 1)) / columns_);
    width_ = columns_ * cell_ + kGap * (columns_ - 1) + 2 * edge_;
    if (canvas.free_standing && !figure.title.empty()) {
      title_ = wrap_words(figure.title, width_ - 2 * edge_, title_width);
    }
  }

  [[nodiscard]] SurfaceDrawing draw() const {
    const BoxLayout box(panels_, cell_);
    const MapLayout map(panels_, cell_);
    const double panel_height = panel_height_of(box, map);

    std::string cells;
    std::vector<double> heights;
    double top = edge_ + kTitleLine * static_cast<double>(title_.size()) + (title_.empty() ? 0 : 8);
    for (std::size_t first = 0; first < panels_.size(); first += row_size()) {
      double row_height = 0;
      const std::size_t end = std::min(first + row_size(), panels_.size());
      for (std::size_t i = first; i < end; ++i) {
        const auto column = static_cast<double>(i - first);
        const auto note = panel_lines(panels_[i].surface.note, note_width());
        heights.push_back(panel_height + note_height(note));
        row_height = std::max(row_height, heights.back());
        cells +=
            moved(edge_ + column * (cell_ + kGap), top, draw_cell(i, box, map, note, panel_height));
      }
      top += row_height + kGap;
    }
    top -= kGap;
    std::string out = finished(width_, top, cells);

    const Box& shape = box.box();
    return {.svg = std::move(out),
            .narrow = canvas_.id.empty() ? "" : draw_narrow(heights),
            .shape = {.left = shape.left,
                      .top = shape.top + kNameHeight,
                      .right = shape.right,
                      .bottom = shape.bottom + kNameHeight}};
  }

 private:
  static std::vector<SurfacePanel> panels_of(const SurfaceFigure& figure,
                                             const OverlayLooks& looks) {
    const auto frames = surface_frames(figure, figure.shared_z);
    std::vector<SurfacePanel> panels;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      panels.push_back(
          {.figure = figure, .surface = figure.surfaces[i], .frame = frames[i], .looks = looks});
    }
    return panels;
  }

  [[nodiscard]] std::size_t row_size() const {
    return beside_ ? 1 : static_cast<std::size_t>(columns_);
  }
  [[nodiscard]] double note_width() const { return beside_ ? 2 * cell_ + kGap : cell_; }
  [[nodiscard]] static double note_height(const std::vector<std::string>& note) {
    return note.empty() ? 0 : 6 + kPanelLabelLine * static_cast<double>(note.size());
  }

  [[nodiscard]] double panel_height_of(const BoxLayout& box, const MapLayout& map) const {
    if (canvas_.view == SurfaceView::boxes) return kNameHeight + box.height();
    if (canvas_.view == SurfaceView::contours) return kNameHeight + map.height();
    if (beside_) return kNameHeight + std::max(box.height(), map.height());
    return kNameHeight + box.height() + kMapGap + map.height();
  }

  [[nodiscard]] std::string identified(const char* part,
                                       std::size_t i,
                                       const std::string& content) const {
    if (canvas_.id.empty()) return content;
    return fmt::format("<g id=\"{}-{}-{}\">\n{}</g>\n", canvas_.id, part, i, content);
  }

  [[nodiscard]] std::string draw_cell(std::size_t i,
                                      const BoxLayout& box,
                                      const MapLayout& map,
                                      const std::vector<std::string>& note,
                                      double panel_height) const {
    const SurfacePanel& panel = panels_[i];
    std::string out = text_element(0,
                                   14,
                                   {.font_size = kNameFont, .bold = true},
                                   escape(shortened(panel.surface.name, 1.06 * kNameFont, cell_)));
    if (canvas_.view != SurfaceView::contours) {
      out += moved(0, kNameHeight, box.draw_axes(panel));
      out += identified("shape", i, moved(0, kNameHeight, box.draw_shape(panel)));
    }
    if (canvas_.view == SurfaceView::contours) out += moved(0, kNameHeight, map.draw(panel));
    if (canvas_.view == SurfaceView::both) {
      out += beside_ ? moved(cell_ + kGap, kNameHeight, map.draw(panel))
                     : moved(0, kNameHeight + box.height() + kMapGap, map.draw(panel));
    }
    double y = panel_height + 6 + 11;
    for (const auto& line : note) {
      out += text_element(0, y, {.font_size = kPanelLabelFont, .soft = true}, escape(line));
      y += kPanelLabelLine;
    }
    return identified("cell", i, out);
  }

  /// The cells with what is around them.
  [[nodiscard]] std::string finished(double width, double bottom, const std::string& cells) const {
    const Legend legend(looks_, width - 2 * edge_);
    const double height = bottom + (legend.height > 0 ? 10 + legend.height : 0) + edge_;
    std::string out = open_svg(width, height, alternative_text(figure_));
    if (canvas_.free_standing) out += free_standing_head(figure_.title) + draw_title();
    return out + cells + moved(edge_, bottom + 10, legend.markup) + "</svg>\n";
  }

  [[nodiscard]] std::string draw_title() const {
    std::string out;
    double y = edge_ + 14;
    for (const auto& line : title_) {
      out += text_element(edge_, y, kTitleStyle, escape(line));
      y += kTitleLine;
    }
    return out;
  }

  [[nodiscard]] std::string draw_narrow(const std::vector<double>& heights) const {
    if (beside_) {
      SurfaceCanvas narrow = canvas_;
      narrow.width = kNarrowWidth;
      narrow.id.clear();
      return Multiples(figure_, narrow).draw().svg;
    }
    const double scale = (kNarrowWidth - 2 * edge_) / cell_;
    std::string cells;
    double top = edge_;
    for (std::size_t i = 0; i < heights.size(); ++i) {
      cells += fmt::format("<use href=\"#{}-cell-{}\" transform=\"translate({},{}) scale({})\"/>\n",
                           canvas_.id,
                           i,
                           coordinate(edge_),
                           coordinate(top),
                           coordinate(scale));
      top += scale * heights[i] + kGap;
    }
    return finished(kNarrowWidth, top - kGap, cells);
  }

  const SurfaceFigure& figure_;
  const SurfaceCanvas& canvas_;
  OverlayLooks looks_;
  double edge_;
  std::vector<SurfacePanel> panels_;
  std::vector<std::string> title_;
  bool beside_ = false;
  int columns_ = 1;
  double cell_ = 0;
  double width_ = 0;
};

}  // namespace

std::string alternative_text(const SurfaceFigure& figure) {
  std::string text = figure.title.empty() ? "Surfaces" : figure.title;
  if (!figure.x.label.empty() && !figure.y.label.empty() && !figure.z.label.empty()) {
    text += fmt::format(": {} over {} and {}", figure.z.label, figure.x.label, figure.y.label);
  }
  std::vector<std::string> names;
  for (const auto& surface : figure.surfaces) {
    if (!surface.name.empty()) names.push_back(surface.name);
  }
  if (!names.empty()) text += fmt::format("; {}", fmt::join(names, ", "));
  return text;
}

SurfaceDrawing draw(const SurfaceFigure& figure, const SurfaceCanvas& canvas) {
  return Multiples(figure, canvas).draw();
}

}  // namespace overparam::report
