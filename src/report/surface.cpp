// SPDX-License-Identifier: Apache-2.0
#include "overparam/report/surface.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "json_parts.hpp"
#include "surface_drawing.hpp"
#include "surface_frame.hpp"

namespace overparam::report {

namespace {

nlohmann::json rows_json(const Surface& surface) {
  const auto columns = static_cast<std::ptrdiff_t>(surface.x.size());
  nlohmann::json rows = nlohmann::json::array();
  for (auto row = surface.z.begin(); row != surface.z.end(); row += columns) {
    rows.push_back(numbers_json({row, row + columns}));
  }
  return rows;
}

nlohmann::json surface_json(const Surface& surface) {
  nlohmann::json marks = nlohmann::json::array();
  for (const auto& mark : surface.marks) {
    nlohmann::json place = numbers_json({mark.x, mark.y, mark.z});
    marks.push_back({{"label", mark.label}, {"x", place[0]}, {"y", place[1]}, {"z", place[2]}});
  }
  nlohmann::json paths = nlohmann::json::array();
  for (const auto& path : surface.paths) {
    paths.push_back({{"name", path.name},
                     {"x", numbers_json(path.x)},
                     {"y", numbers_json(path.y)},
                     {"z", numbers_json(path.z)}});
  }
  return {{"name", surface.name},
          {"x", numbers_json(surface.x)},
          {"y", numbers_json(surface.y)},
          {"z", rows_json(surface)},
          {"marks", std::move(marks)},
          {"paths", std::move(paths)},
          {"note", surface.note}};
}

/// What is not finite has no place in a table of places.
Cell place_cell(double value) {
  return std::isfinite(value) ? Cell(value) : Cell(std::monostate{});
}

}  // namespace

std::string to_svg(const SurfaceFigure& figure, SurfaceView view, int width) {
  return draw(figure, SurfaceCanvas{.width = width, .view = view}).svg;
}

nlohmann::json to_json(const SurfaceFigure& figure) {
  check_sizes(figure);
  nlohmann::json all = nlohmann::json::array();
  for (const auto& surface : figure.surfaces) all.push_back(surface_json(surface));
  return {{"id", figure.id},
          {"title", figure.title},
          {"caption", figure.caption},
          {"x", axis_json(figure.x)},
          {"y", axis_json(figure.y)},
          {"z", axis_json(figure.z)},
          {"shared_z", figure.shared_z},
          {"surfaces", std::move(all)}};
}

Table to_table(const SurfaceFigure& figure) {
  check_sizes(figure);
  Table table{.title = figure.title,
              .columns = {{.name = "surface"},
                          {.name = "part"},
                          {.name = "name"},
                          {.name = "x", .meaning = figure.x.label},
                          {.name = "y", .meaning = figure.y.label},
                          {.name = "z", .meaning = figure.z.label}}};
  const auto add = [&](const Surface& surface,
                       const char* part,
                       const std::string& name,
                       double x,
                       double y,
                       double z) {
    table.add_row(
        {surface.name, std::string(part), name, place_cell(x), place_cell(y), place_cell(z)});
  };
  for (const auto& surface : figure.surfaces) {
    for (std::size_t row = 0; row < surface.y.size(); ++row) {
      for (std::size_t column = 0; column < surface.x.size(); ++column) {
        const double z = surface.z[row * surface.x.size() + column];
        add(surface, "grid", "", surface.x[column], surface.y[row], z);
      }
    }
    for (const auto& mark : surface.marks) add(surface, "mark", mark.label, mark.x, mark.y, mark.z);
    for (const auto& path : surface.paths) {
      for (std::size_t i = 0; i < path.x.size(); ++i) {
        add(surface, "path", path.name, path.x[i], path.y[i], path.z[i]);
      }
    }
  }
  return table;
}

}  // namespace overparam::report
