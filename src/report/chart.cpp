// SPDX-License-Identifier: Apache-2.0
#include "chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "marks.hpp"
#include "markup.hpp"
#include "overparam/base/require.hpp"
#include "palette.hpp"
#include "scale.hpp"
#include "svg.hpp"
#include "tick_labels.hpp"

namespace overparam::report {

namespace {

constexpr double kTickFont = 12;
constexpr double kLabelFont = 13;
constexpr double kLabelLine = 17;
constexpr double kTitleLine = 22;
constexpr double kTitleGap = 8;
constexpr double kEdge = 10;  // around a free-standing drawing; a page has its own
constexpr double kLabelledTick = 5;
constexpr double kPlainTick = 3;

/// As many ticks as fit beside one another.
std::vector<Tick> horizontal_ticks(const Axis& axis, Range range, double width) {
  for (int target = std::max(2, static_cast<int>(width / 70)); target > 2; --target) {
    auto result = ticks(axis.logarithmic, range, target);
    const auto labels =
        std::count_if(result.begin(), result.end(), [](const Tick& tick) { return tick.labelled; });
    if (static_cast<double>(labels) * (widest_tick(result, kTickFont) + 14) <= width) return result;
  }
  return ticks(axis.logarithmic, range, 2);
}

/// Everything around the data, laid out from the outside in.
class Chart {
 public:
  Chart(const Figure& figure, const Canvas& canvas)
      : figure_(figure),
        canvas_(canvas),
        edge_(canvas.free_standing ? kEdge : 1),
        x_range_(x_range(figure)),
        y_range_(y_range(figure)),
        legend_(figure, canvas.width - 2 * edge_) {
    const double room = canvas.width - 2 * edge_;
    const auto label_width = [](const std::string& line) { return text_width(line, kLabelFont); };
    if (canvas.free_standing) title_ = lines_of(figure.title, room, title_width);
    x_label_ = lines_of(figure.x.label, room, label_width);
    y_label_ = lines_of(figure.y.label, room, label_width);
    place();
  }

  [[nodiscard]] std::string draw() const {
    std::string out = open_svg(canvas_.width, height_, alternative_text(figure_));
    if (canvas_.free_standing) out += free_standing_head(figure_.title) + draw_title();
    const Scale x(figure_.x.logarithmic, x_range_, plot_.left, plot_.right);
    const Scale y(figure_.y.logarithmic, y_range_, plot_.bottom, plot_.top);
    out += draw_axes(x, y);
    out += draw_series(figure_, x, y, plot_);
    out += legend_.draw(edge_, height_ - legend_.height() - 4);
    return out + "</svg>\n";
  }

  [[nodiscard]] const ChartTicks& all_ticks() const { return ticks_; }

 private:
  template <typename Measure>
  static std::vector<std::string> lines_of(const std::string& text,
                                           double room,
                                           const Measure& measure) {
    return text.empty() ? std::vector<std::string>{} : wrap_words(text, room, measure);
  }

  void place() {
    const double title_height =
        title_.empty() ? 0 : static_cast<double>(title_.size()) * kTitleLine + kTitleGap;
    const auto y_lines = static_cast<double>(y_label_.size());
    const auto x_lines = static_cast<double>(x_label_.size());
    plot_.top = edge_ + title_height + (y_lines > 0 ? 3 + kLabelLine * y_lines : 0);
    const double more_lines = kLabelLine * (std::max(x_lines, 1.0) + std::max(y_lines, 1.0) - 2);
    const double bottom = title_height + canvas_.height + more_lines;
    plot_.bottom = bottom - 28 - (x_lines > 0 ? 5 + kLabelLine * x_lines : 0);
    ticks_.y = ticks(figure_.y.logarithmic,
                     y_range_,
                     std::max(2, static_cast<int>((plot_.bottom - plot_.top) / 42)));
    plot_.left = edge_ + widest_tick(ticks_.y, kTickFont) + kLabelledTick + 4;
    plot_.right = canvas_.width - 22;
    ticks_.x = horizontal_ticks(figure_.x, x_range_, plot_.right - plot_.left);
    height_ = bottom + (legend_.height() > 0 ? legend_.height() + 8 : 0);
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

  [[nodiscard]] std::string draw_axes(const Scale& x, const Scale& y) const {
    std::string grid;
    std::string marks;
    std::string labels;
    for (const auto& tick : ticks_.x) {
      const double at = x.pixel(tick.value);
      const double length = tick.labelled ? kLabelledTick : kPlainTick;
      marks += fmt::format("M{},{}v{}", coordinate(at), coordinate(plot_.bottom), length);
      if (!tick.labelled) continue;
      grid +=
          fmt::format("M{},{}V{}", coordinate(at), coordinate(plot_.bottom), coordinate(plot_.top));
      labels += text_element(at,
                             plot_.bottom + 19,
                             {.font_size = kTickFont, .anchor = "middle", .soft = true},
                             tick_markup(tick.label, kTickFont));
    }
    for (const auto& tick : ticks_.y) {
      const double at = y.pixel(tick.value);
      const double length = tick.labelled ? kLabelledTick : kPlainTick;
      marks += fmt::format("M{},{}h-{}", coordinate(plot_.left), coordinate(at), length);
      if (!tick.labelled) continue;
      grid +=
          fmt::format("M{},{}H{}", coordinate(plot_.left), coordinate(at), coordinate(plot_.right));
      labels += text_element(plot_.left - kLabelledTick - 3,
                             at + 4.2,
                             {.font_size = kTickFont, .anchor = "end", .soft = true},
                             tick_markup(tick.label, kTickFont));
    }
    std::string out;
    if (!grid.empty()) {
      out += fmt::format(R"(<path class="ov-g" fill="none" stroke="{}" d="{}"/>)"
                         "\n",
                         kLight.grid,
                         grid);
    }
    out += fmt::format(R"(<path class="ov-a" fill="none" stroke="{}" d="M{},{}V{}H{}{}"/>)"
                       "\n",
                       kLight.axis,
                       coordinate(plot_.left),
                       coordinate(plot_.top),
                       coordinate(plot_.bottom),
                       coordinate(plot_.right),
                       marks);
    return out + labels + draw_axis_labels();
  }

  /// The vertical axis is named above it, where it can be read without turning the head.
  [[nodiscard]] std::string draw_axis_labels() const {
    std::string out;
    double y = plot_.top - 11 - kLabelLine * static_cast<double>(y_label_.size() - 1);
    for (const auto& line : y_label_) {
      out += text_element(edge_, y, {.font_size = kLabelFont}, escape(line));
      y += kLabelLine;
    }
    y = plot_.bottom + 41;
    for (const auto& line : x_label_) {
      const double half = text_width(line, kLabelFont) / 2;
      const double middle = std::clamp((plot_.left + plot_.right) / 2,
                                       std::min(half, canvas_.width / 2.0),
                                       std::max(canvas_.width - half, canvas_.width / 2.0));
      out += text_element(middle, y, {.font_size = kLabelFont, .anchor = "middle"}, escape(line));
      y += kLabelLine;
    }
    return out;
  }

  const Figure& figure_;
  Canvas canvas_;
  double edge_;
  Range x_range_;
  Range y_range_;
  Legend legend_;
  std::vector<std::string> title_;
  std::vector<std::string> x_label_;
  std::vector<std::string> y_label_;
  ChartTicks ticks_;
  Box plot_;
  double height_ = 0;
};

}  // namespace

void check_lengths(const Figure& figure) {
  for (const auto& series : figure.series) {
    const std::size_t count = series.x.size();
    base::ensure(series.y.size() == count,
                 "figure \"{}\", series \"{}\": {} values of x, {} of y",
                 figure.id,
                 series.name,
                 count,
                 series.y.size());
    base::ensure(series.low.size() == series.high.size() &&
                     (series.low.empty() || series.low.size() == count),
                 "figure \"{}\", series \"{}\": {} lower and {} upper ends for {} points",
                 figure.id,
                 series.name,
                 series.low.size(),
                 series.high.size(),
                 count);
  }
}

std::string alternative_text(const Figure& figure) {
  std::string text = figure.title.empty() ? "Chart" : figure.title;
  if (!figure.x.label.empty() && !figure.y.label.empty()) {
    text += fmt::format(": {} against {}", figure.y.label, figure.x.label);
  }
  std::vector<std::string> names;
  for (const auto& series : figure.series) {
    if (!series.name.empty()) names.push_back(series.name);
  }
  if (!names.empty()) text += fmt::format("; {}", fmt::join(names, ", "));
  return text;
}

std::string draw(const Figure& figure, const Canvas& canvas) {
  check_lengths(figure);
  return Chart(figure, canvas).draw();
}

ChartTicks chart_ticks(const Figure& figure, const Canvas& canvas) {
  return Chart(figure, canvas).all_ticks();
}

}  // namespace overparam::report
