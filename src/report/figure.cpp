// SPDX-License-Identifier: Apache-2.0
#include "overparam/report/figure.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "chart.hpp"
#include "json_parts.hpp"

namespace overparam::report {

namespace {

constexpr int kSmallestWidth = 240;
constexpr int kSmallestHeight = 160;

const char* mark_name(Mark mark) {
  switch (mark) {
    case Mark::points:
      return "points";
    case Mark::line_and_points:
      return "line-and-points";
    case Mark::line:
      break;
  }
  return "line";
}

}  // namespace

std::string to_svg(const Figure& figure, int width, int height) {
  return draw(
      figure,
      {.width = std::max(width, kSmallestWidth), .height = std::max(height, kSmallestHeight)});
}

nlohmann::json to_json(const Figure& figure) {
  nlohmann::json all = nlohmann::json::array();
  for (const auto& series : figure.series) {
    all.push_back({{"name", series.name},
                   {"x", numbers_json(series.x)},
                   {"y", numbers_json(series.y)},
                   {"low", numbers_json(series.low)},
                   {"high", numbers_json(series.high)},
                   {"mark", mark_name(series.mark)},
                   {"dashed", series.dashed},
                   {"reference", series.reference}});
  }
  return {{"id", figure.id},
          {"title", figure.title},
          {"caption", figure.caption},
          {"x", axis_json(figure.x)},
          {"y", axis_json(figure.y)},
          {"series", std::move(all)}};
}

}  // namespace overparam::report
