// SPDX-License-Identifier: Apache-2.0
// Surfaces on a page: their static drawing, and what the page's script draws them from.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "blocks.hpp"
#include "json_parts.hpp"
#include "markup.hpp"
#include "overparam/base/json_files.hpp"
#include "palette.hpp"
#include "surface_drawing.hpp"
#include "surface_panel.hpp"

namespace overparam::report {

namespace {

nlohmann::json scale_json(Range range, const std::vector<Tick>& ticks) {
  return {{"range", {range.low, range.high}}, {"ticks", ticks_json(ticks)}};
}

/// With the colours of the contour lines at its ticks.
nlohmann::json height_json(const SurfaceFrame& frame) {
  const auto ticks = surface_ticks(frame).z;
  const Scale shares(frame.z_logarithmic, frame.z, 0, 1);
  nlohmann::json json = scale_json(frame.z, ticks);
  json["lines"] = nlohmann::json::array();
  for (const auto& tick : ticks) {
    json["lines"].push_back(contour_colour(shares.pixel(tick.value)));
  }
  return json;
}

/// The figure as the page's script reads it: its numbers, and what both drawings agree on.
std::string surface_data(const SurfaceFigure& figure, const Box& shape) {
  const auto own = surface_frames(figure, false);
  const auto shared = surface_frames(figure, true);
  const OverlayLooks looks(figure);
  nlohmann::json data = to_json(figure);
  data["scale"] = kScale;
  data["shape"] = {shape.left, shape.top, shape.right - shape.left, shape.bottom - shape.top};
  for (std::size_t i = 0; i < figure.surfaces.size(); ++i) {
    const SurfaceTicks ticks = surface_ticks(own[i]);
    auto& surface = data["surfaces"][i];
    surface["axes"] = {{"x", scale_json(own[i].x, ticks.x)},
                       {"y", scale_json(own[i].y, ticks.y)},
                       {"own_z", height_json(own[i])},
                       {"shared_z", height_json(shared[i])}};
    for (std::size_t j = 0; j < figure.surfaces[i].marks.size(); ++j) {
      surface["marks"][j]["colour"] = looks.colour(figure.surfaces[i].marks[j]);
    }
    for (std::size_t j = 0; j < figure.surfaces[i].paths.size(); ++j) {
      surface["paths"][j]["colour"] = looks.colour(figure.surfaces[i].paths[j]);
    }
  }
  return escape_script_json(base::json_text(data));
}

}  // namespace

std::string BlockWriter::operator()(const SurfaceFigure& figure) {
  const std::string id = ids_.fresh(figure.id.empty() ? "surfaces" : figure.id);
  const SurfaceDrawing drawing = draw(figure, SurfaceCanvas{.free_standing = false, .id = id});
  std::string out = fmt::format("<figure class=\"surfaces\" id=\"{}\">\n", id);
  if (!figure.title.empty()) out += fmt::format("<h3>{}</h3>\n", escape(figure.title));
  out += fmt::format(
      "<div class=\"static wide\">\n{}</div>\n<div class=\"static narrow\">\n{}</div>\n"
      "<script type=\"application/json\">{}</script>\n",
      drawing.svg,
      drawing.narrow,
      surface_data(figure, drawing.shape));
  return out + caption_element(figure.caption) + "</figure>\n";
}

}  // namespace overparam::report
