// SPDX-License-Identifier: Apache-2.0
#include "blocks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "chart.hpp"
#include "images.hpp"
#include "json_parts.hpp"
#include "markup.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/base/text.hpp"
#include "scale.hpp"
#include "thinning.hpp"

namespace overparam::report {

namespace {

constexpr Canvas kWideCanvas{.width = 920, .height = 420, .free_standing = false};
constexpr Canvas kNarrowCanvas{.width = 360, .height = 300, .free_standing = false};
/// Long series are thinned to this many pixel columns in interactive charts.
constexpr double kInteractiveColumns = 1000;
constexpr int kThinnedDigits = 7;

void round_digits(std::vector<double>& values) {
  for (double& value : values) {
    if (value == 0 || !std::isfinite(value)) continue;
    const std::string digits = fmt::format("{:.{}e}", value, kThinnedDigits - 1);
    value = base::parse_number(digits).value_or(value);
  }
}

/// The figure as the page's script reads it: its numbers, the ranges of its axes, and the looks of
/// its series, so that both drawings agree.
std::string chart_data(const Figure& figure) {
  const Range x = x_range(figure);
  const Range y = y_range(figure);
  const Scale columns(figure.x.logarithmic, x, 0, kInteractiveColumns);
  const Scale rows(figure.y.logarithmic, y, kInteractiveColumns, 0);
  Figure thinned = figure;
  bool complete = true;
  for (auto& series : thinned.series) {
    const auto kept = visible_points(to_pixels(series, columns, rows), series.mark);
    if (kept.size() == series.x.size()) continue;
    complete = false;
    series = pick(series, kept);
    for (auto* values : {&series.x, &series.y, &series.low, &series.high}) round_digits(*values);
  }
  nlohmann::json data = to_json(thinned);
  data["complete"] = complete;
  data["x"]["range"] = {x.low, x.high};
  data["y"]["range"] = {y.low, y.high};
  for (const auto& [name, canvas] : {std::pair{"wide", kWideCanvas}, {"narrow", kNarrowCanvas}}) {
    const ChartTicks ticks = chart_ticks(figure, canvas);
    data["x"]["ticks"][name] = ticks_json(ticks.x);
    data["y"]["ticks"][name] = ticks_json(ticks.y);
  }
  const auto looks = series_looks(figure);
  for (std::size_t i = 0; i < looks.size(); ++i) {
    data["series"][i]["colour"] = looks[i].colour;
    data["series"][i]["marker"] = looks[i].marker;
  }
  return escape_script_json(base::json_text(data));
}

/// Large, but never wider than its column. The sizes are those of the style sheet.
const char* value_class(const std::string& value) {
  constexpr double kColumn = 190;
  if (text_width(value, 35) <= kColumn) return "value";
  return text_width(value, 24) <= kColumn ? "value medium" : "value long";
}

}  // namespace

std::string caption_element(const std::string& caption) {
  return caption.empty() ? ""
                         : fmt::format("<figcaption>{}</figcaption>\n", inline_markup(caption));
}

std::string BlockWriter::operator()(const Heading& heading) {
  const Entry entry{.id = ids_.fresh(heading.text), .text = heading.text};
  if (!heading.minor) headings_.push_back(entry);
  return fmt::format(
      "<{0} id=\"{1}\">{2}</{0}>\n", heading.minor ? "h3" : "h2", entry.id, escape(entry.text));
}

std::string BlockWriter::operator()(const Paragraph& paragraph) {
  return fmt::format("<p>{}</p>\n", inline_markup(paragraph.text));
}

std::string BlockWriter::operator()(const KeyNumbers& numbers) {
  std::string out = "<dl class=\"key-numbers\">\n";
  for (const auto& item : numbers.items) {
    out += fmt::format("<div><dt>{}</dt><dd class=\"{}\">{}</dd>",
                       escape(item.label),
                       value_class(item.value),
                       escape(item.value));
    if (!item.note.empty()) out += fmt::format("<dd>{}</dd>", escape(item.note));
    out += "</div>\n";
  }
  return out + "</dl>\n";
}

std::string BlockWriter::operator()(const Figure& figure) {
  const std::string wide = draw(figure, kWideCanvas);
  const std::string narrow = draw(figure, kNarrowCanvas);
  const std::string id = ids_.fresh(figure.id.empty() ? "figure" : figure.id);
  std::string out = fmt::format("<figure class=\"chart\" id=\"{}\">\n", id);
  if (!figure.title.empty()) out += fmt::format("<h3>{}</h3>\n", escape(figure.title));
  out += fmt::format(
      "<div class=\"static wide\">\n{}</div>\n<div class=\"static narrow\">\n{}</div>\n"
      "<script type=\"application/json\">{}</script>\n",
      wide,
      narrow,
      chart_data(figure));
  return out + caption_element(figure.caption) + "</figure>\n";
}

std::string BlockWriter::operator()(const ImageGrid& grid) {
  const std::string id = ids_.fresh(grid.id.empty() ? "images" : grid.id);
  const CellSize cell = cell_size(grid);
  std::string out = fmt::format("<figure class=\"images\" id=\"{}\">\n", id);
  if (!grid.title.empty()) out += fmt::format("<h3>{}</h3>\n", escape(grid.title));
  out += fmt::format(
      "<ul style=\"--per-row: {}; --cell: {}px\">\n", std::max(1, grid.per_row), cell.width);
  for (const auto& image : grid.images) {
    out +=
        fmt::format("<li><img src=\"{}\" width=\"{}\" height=\"{}\" alt=\"{}\">{}</li>\n",
                    image_address(grid, image),
                    cell.width,
                    cell.height,
                    image.label.empty() ? "sample" : "",
                    image.label.empty() ? "" : fmt::format("<span>{}</span>", escape(image.label)));
  }
  return out + "</ul>\n" + caption_element(grid.caption) + "</figure>\n";
}

std::string BlockWriter::operator()(const Command& command) {
  return fmt::format("<div class=\"command\"><pre tabindex=\"0\"><code>{}</code></pre></div>\n",
                     escape(command.text));
}

std::string BlockWriter::operator()(const Details& details) {
  std::string out = fmt::format("<details>\n<summary>{}</summary>\n", escape(details.summary));
  for (const auto& block : details.blocks) {
    out += std::visit([this](const auto& inner) { return (*this)(inner); }, block);
  }
  return out + "</details>\n";
}

}  // namespace overparam::report
