// SPDX-License-Identifier: Apache-2.0
#include "overparam/report/surface.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <regex>

#include "contour.hpp"
#include "overparam/base/files.hpp"
#include "overparam/report/page.hpp"
#include "path_data.hpp"
#include "report/sample.hpp"
#include "report/xml.hpp"
#include "support/files.hpp"
#include "surface_frame.hpp"
#include "surface_overlay.hpp"

namespace overparam::report {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

using overparam::tests::expect_error;
using tests::count;
using tests::xml_fault;

std::vector<double> spaced(double low, double high, int count) {
  std::vector<double> values;
  for (int i = 0; i < count; ++i) values.push_back(low + (high - low) * i / (count - 1));
  return values;
}

template <typename Height>
Surface surface_of(std::vector<double> x, std::vector<double> y, const Height& height) {
  Surface surface{.name = "s", .x = std::move(x), .y = std::move(y)};
  for (const double v : surface.y) {
    for (const double u : surface.x) surface.z.push_back(height(u, v));
  }
  return surface;
}

SurfaceFigure figure_of(Surface surface) { return {.id = "f", .surfaces = {std::move(surface)}}; }

SurfaceFigure bowl() {
  return figure_of(surface_of(
      spaced(-1, 1, 9), spaced(-2, 2, 11), [](double x, double y) { return x * x + y * y; }));
}

constexpr SurfaceView kViews[] = {SurfaceView::boxes, SurfaceView::contours, SurfaceView::both};

/// The drawn cells: elements of a colour of their own.
std::size_t count_cells(const std::string& svg) { return count(svg, "<path fill=\"#"); }

TEST(Surface, DrawingsAreWellFormedAndTheSameEachTime) {
  for (const auto& figure : {tests::surface_figure(), tests::lone_surface_figure()}) {
    for (const auto view : kViews) {
      const std::string svg = to_svg(figure, view);
      EXPECT_EQ(xml_fault(svg), "") << figure.id;
      EXPECT_EQ(svg, to_svg(figure, view)) << figure.id;
      EXPECT_EQ(std::regex_search(svg, std::regex("[^a-z]nan|[^a-z]inf[^o]")), false) << figure.id;
    }
  }
}

TEST(Surface, SixOfThemFitIntoAFewHundredKilobytes) {
  EXPECT_LT(to_svg(tests::surface_figure()).size(), 400'000u);
}

/// What an attribute of the outermost element says.
double size_of(const std::string& svg, const std::string& attribute) {
  const std::size_t start = svg.find(' ' + attribute + "=\"") + attribute.size() + 3;
  return std::stod(svg.substr(start));
}

TEST(Surface, NarrowDrawingsHaveFewerInARow) {
  const auto figure = tests::surface_figure();
  double height = 0;
  for (const int width : {920, 600, 320}) {
    const std::string svg = to_svg(figure, SurfaceView::boxes, width);
    EXPECT_EQ(size_of(svg, "width"), width);
    EXPECT_GT(size_of(svg, "height"), 1.3 * height);
    height = size_of(svg, "height");
  }
}

TEST(Surface, EachCellIsDrawnOnce) {
  EXPECT_EQ(count_cells(to_svg(bowl(), SurfaceView::boxes)), 8u * 10u);
  EXPECT_EQ(count_cells(to_svg(bowl(), SurfaceView::contours)), 0u);
}

TEST(Surface, LargeGridsAreDrawnCoarser) {
  const auto figure = figure_of(surface_of(
      spaced(0, 1, 300), spaced(0, 1, 20), [](double x, double y) { return std::sin(9 * x) + y; }));
  EXPECT_EQ(count_cells(to_svg(figure, SurfaceView::boxes)), 36u * 19u);
}

TEST(Surface, AHoleTakesItsCellsWithIt) {
  for (const double missing : {kNaN, kInfinity, -kInfinity}) {
    auto figure = bowl();
    figure.surfaces[0].z[3 * 9 + 4] = missing;
    EXPECT_EQ(count_cells(to_svg(figure, SurfaceView::boxes)), 80u - 4u);
    EXPECT_EQ(xml_fault(to_svg(figure)), "");
  }
}

TEST(Surface, WhatIsNotPositiveIsAHoleOnALogarithmicAxis) {
  auto figure = bowl();
  figure.z.logarithmic = true;
  EXPECT_EQ(count_cells(to_svg(figure, SurfaceView::boxes)), 80u - 4u);  // around f(0, 0) = 0
}

TEST(Surface, DegenerateDataAreDrawn) {
  for (const double value : {0.0, 1.0, -3.0, 1e308, 5e-324, kNaN, kInfinity}) {
    for (const bool logarithmic : {false, true}) {
      auto figure = figure_of(
          surface_of({0, 1e-300}, {-1e300, 1e300}, [&](double, double) { return value; }));
      figure.z.logarithmic = logarithmic;
      figure.surfaces[0].marks.push_back({.x = value, .y = value, .z = value, .label = "m"});
      figure.surfaces[0].paths.push_back({.x = {0, value}, .y = {0, value}, .z = {value, 1}});
      for (const auto view : kViews) {
        for (const int width : {-1, 300, 2000}) {
          const std::string svg = to_svg(figure, view, width);
          EXPECT_EQ(xml_fault(svg), "");
          EXPECT_EQ(count(svg, "nan") + count(svg, "\"inf"), 0u);
        }
      }
    }
  }
}

TEST(Surface, TextIsEscaped) {
  auto figure = bowl();
  figure.title = figure.x.label = figure.y.label = figure.z.label = "<a> & \"b\"";
  auto& surface = figure.surfaces[0];
  surface.name = surface.note = "<script>";
  surface.marks.push_back({.label = "<script>"});
  surface.paths.push_back({.name = "<script>", .x = {0, 1}, .y = {0, 1}, .z = {0, 1}});
  for (const auto view : kViews) {
    const std::string svg = to_svg(figure, view);
    EXPECT_EQ(xml_fault(svg), "");
    EXPECT_EQ(count(svg, "<script"), 0u);
  }
}

TEST(Surface, PartsThatContradictEachOtherAreNamed) {
  const auto expect_fault = [](const SurfaceFigure& figure,
                               std::initializer_list<std::string_view> parts) {
    expect_error(ErrorKind::internal, parts, [&] { to_svg(figure); });
    expect_error(ErrorKind::internal, parts, [&] { to_json(figure); });
    expect_error(ErrorKind::internal, parts, [&] { to_table(figure); });
    expect_error(ErrorKind::internal, parts, [&] { to_html({.blocks = {figure}}); });
  };
  expect_fault({.id = "f"}, {"\"f\"", "no surface"});

  auto figure = bowl();
  figure.surfaces[0].z.pop_back();
  expect_fault(figure, {"\"f\"", "\"s\"", "98 values of z for 11 x 9 coordinates"});
  figure = bowl();
  figure.surfaces[0].x[1] = -2;
  expect_fault(figure, {"\"f\"", "\"s\"", "coordinates of x do not ascend, -2 after -1"});
  figure.surfaces[0].x[1] = kNaN;
  expect_fault(figure, {"coordinate 1 of x is nan"});
  figure = bowl();
  figure.surfaces[0].y[1] = figure.surfaces[0].y[0];
  expect_fault(figure, {"coordinates of y do not ascend"});
  figure.surfaces[0].y = {1};
  expect_fault(figure, {"1 coordinates of y"});
  figure = bowl();
  figure.surfaces[0].paths.push_back({.name = "p", .x = {1}, .y = {1}, .z = {}});
  expect_fault(figure, {"\"f\"", "\"s\"", "\"p\"", "1 values of x, 1 of y, 0 of z"});
  figure = bowl();
  figure.y.logarithmic = true;
  expect_fault(figure, {"\"f\"", "only z may be logarithmic"});
}

TEST(Surface, JsonAndTableHaveTheNumbers) {
  auto figure =
      figure_of(surface_of({0.1, 0.7}, {1, 2, 4}, [](double x, double y) { return x / 3 + y; }));
  figure.surfaces[0].z[5] = kNaN;
  figure.surfaces[0].marks.push_back({.x = 0.1, .y = 1, .z = kInfinity, .label = "w"});
  figure.surfaces[0].paths.push_back({.name = "p", .x = {0.2}, .y = {3}, .z = {1.0 / 7}});
  const auto json = nlohmann::json::parse(to_json(figure).dump());
  const auto& surface = json["surfaces"][0];
  EXPECT_EQ(surface["z"].size(), 3u);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(surface["z"][i / 2][i % 2].get<double>(), figure.surfaces[0].z[i]);
  }
  EXPECT_TRUE(surface["z"][2][1].is_null());
  EXPECT_TRUE(surface["marks"][0]["z"].is_null());
  EXPECT_EQ(surface["paths"][0]["z"][0].get<double>(), 1.0 / 7);

  const Table table = to_table(figure);
  ASSERT_EQ(table.rows.size(), 8u);
  EXPECT_EQ(std::get<double>(table.rows[3][5]), figure.surfaces[0].z[3]);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(table.rows[5][5]));
  EXPECT_EQ(std::get<std::string>(table.rows[6][1]), "mark");
  EXPECT_EQ(std::get<std::string>(table.rows[7][2]), "p");
}

TEST(Surface, ItsPartsAreFilesBesideThePage) {
  const overparam::tests::TemporaryFolder folder;
  write_page({.title = "t", .blocks = {bowl()}}, folder.path());
  EXPECT_EQ(base::read_file(folder / "figures/f.svg"), to_svg(bowl(), SurfaceView::boxes));
  EXPECT_EQ(base::read_file(folder / "figures/f-contours.svg"),
            to_svg(bowl(), SurfaceView::contours));
  EXPECT_EQ(base::read_file(folder / "tables/f.csv"), to_csv(to_table(bowl())));
}

TEST(Surface, APageShowsEachDrawingOnceAndRefersToIt) {
  const auto figure = tests::surface_figure();
  const std::string html = to_html({.title = "t", .blocks = {figure, figure}});
  for (const std::string id : {"landscape", "landscape-2"}) {
    for (int i = 0; i < 6; ++i) {
      const std::string cell = id + "-cell-" + std::to_string(i) + "\"";
      EXPECT_EQ(count(html, "id=\"" + cell), 1u);
      EXPECT_EQ(count(html, "href=\"#" + cell), 1u);
      EXPECT_EQ(count(html, "id=\"" + id + "-shape-" + std::to_string(i) + "\""), 1u);
    }
  }
  EXPECT_EQ(count(to_svg(figure), " id=\""), 0u);
}

TEST(SurfaceFrames, AreOfEachSurfaceOrOfAll) {
  auto figure = bowl();  // z from 0 to 5
  figure.surfaces.push_back(surface_of({0, 3}, {0, 1}, [](double, double) { return 100; }));
  const auto own = surface_frames(figure, false);
  EXPECT_NEAR(own[0].z.high, 5.2, 1e-12);
  EXPECT_GT(own[1].z.low, 80);
  EXPECT_EQ(own[1].x.high, 3);
  const auto shared = surface_frames(figure, true);
  EXPECT_EQ(shared[0].z.high, shared[1].z.high);
  EXPECT_EQ(shared[0].z.low, 0);
  EXPECT_EQ(shared[0].x.high, 1);
}

TEST(UnitSurface, IsBilinearBetweenItsValues) {
  const auto figure = figure_of(
      surface_of({0, 1, 4}, {0, 2}, [](double x, double y) { return 1 + x + 2 * y + x * y; }));
  const UnitSurface surface(figure.surfaces[0], {{0, 4}, {0, 2}, {0, 20}, false});
  for (const double x : {0.0, 0.3, 1.0, 2.5, 4.0}) {
    for (const double y : {0.0, 0.7, 2.0}) {
      EXPECT_NEAR(surface.height_at(x / 4, y / 2), (1 + x + 2 * y + x * y) / 20, 1e-12);
    }
  }
  EXPECT_TRUE(std::isnan(surface.height_at(-0.01, 0.5)));
  EXPECT_TRUE(std::isnan(surface.height_at(0.5, 1.01)));
}

TEST(Contours, OfARoundBowlAreCircles) {
  const auto x = spaced(-1.5, 1.5, 61);
  const auto y = spaced(-1.5, 1.5, 41);
  const double h = 0.075;
  const Surface bowl = surface_of(x, y, [](double u, double v) { return u * u + v * v; });
  for (const double radius : {0.3, 0.8, 1.3}) {
    const auto lines = contour_lines(x, y, bowl.z, radius * radius);
    ASSERT_EQ(lines.size(), 1u) << radius;
    EXPECT_TRUE(lines[0].closed);
    EXPECT_EQ(lines[0].x.front(), lines[0].x.back());
    double length = 0;
    for (std::size_t i = 0; i < lines[0].x.size(); ++i) {
      // Along an edge of length h the bowl is at most h^2 / 4 below its chord, and its slope is 2
      // r.
      EXPECT_NEAR(std::hypot(lines[0].x[i], lines[0].y[i]), radius, 1.01 * h * h / 8 / radius);
      if (i == 0) continue;
      length += std::hypot(lines[0].x[i] - lines[0].x[i - 1], lines[0].y[i] - lines[0].y[i - 1]);
    }
    EXPECT_NEAR(length / (2 * M_PI * radius), 1, 0.01);
  }
  const auto corners = contour_lines(x, y, bowl.z, 1.8 * 1.8);
  EXPECT_EQ(corners.size(), 4u);  // cut off by the border
  for (const auto& line : corners) EXPECT_FALSE(line.closed);
  EXPECT_TRUE(contour_lines(x, y, bowl.z, -1).empty());
  EXPECT_TRUE(contour_lines(x, y, bowl.z, 100).empty());
}

TEST(Contours, OfAPlaneAreStraight) {
  const auto x = spaced(0, 4, 5);
  const Surface plane = surface_of(x, {0, 1, 5}, [](double u, double v) { return u + 0.5 * v; });
  const auto lines = contour_lines(x, plane.y, plane.z, 2.2);
  ASSERT_EQ(lines.size(), 1u);
  for (std::size_t i = 0; i < lines[0].x.size(); ++i) {
    EXPECT_NEAR(lines[0].x[i] + 0.5 * lines[0].y[i], 2.2, 1e-12);
  }
}

TEST(Contours, OfASaddleFollowItsMiddle) {
  const std::vector<double> unit{0, 1};
  const auto joins_near_corner = [&](double low) {
    // High at (0, 0) and (1, 1), low at the others.
    const auto lines = contour_lines(unit, unit, {1, low, low, 1}, 0.5);
    EXPECT_EQ(lines.size(), 2u);
    return lines[0].x[0] + lines[0].y[0] + lines[0].x[1] + lines[0].y[1] < 1.5;
  };
  EXPECT_TRUE(joins_near_corner(-0.5));  // the middle is low: each high corner is cut off
  EXPECT_FALSE(joins_near_corner(0.4));
}

TEST(Contours, EndAtHoles) {
  const auto x = spaced(-1, 1, 21);
  Surface bowl = surface_of(x, x, [](double u, double v) { return u * u + v * v; });
  bowl.z[10 * 21 + 16] = kNaN;  // on the circle of radius 0.6
  const auto lines = contour_lines(x, x, bowl.z, 0.36);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_FALSE(lines[0].closed);
  for (std::size_t i = 0; i < lines[0].x.size(); ++i) {
    EXPECT_FALSE(lines[0].x[i] > 0.51 && std::abs(lines[0].y[i]) < 0.09);
  }
}

TEST(PathData, IsShortAndDoesNotDrift) {
  PathData path;
  path.move_to(10.04, 0.5);
  path.line_to(9.5, -0.26);
  path.line_to(9.5, 12);
  path.close();
  EXPECT_EQ(path.text(), "M10 .5l-.5-.8 0 12.3z");
  PathData small;
  small.move_to(0, 0);
  for (int i = 1; i <= 1000; ++i) small.line_to(0.04 * i, 0);
  double x = 0;
  const std::string text = small.text();
  const std::regex number("(-?[0-9]*\\.?[0-9]+) 0");
  for (std::sregex_iterator it(text.begin() + 4, text.end(), number), end; it != end; ++it) {
    x += std::stod((*it)[1]);
  }
  EXPECT_NEAR(x, 40, 1e-9);
}

TEST(Sight, CutsLinesWhereTheyLeave) {
  const auto runs = split_by_sight({{-1, 0.5, 0}, {2, 0.5, 0}}, [](const UnitPoint& point) {
    if (is_outside(point)) return Sight::outside;
    return point.x < 0.5 ? Sight::visible : Sight::hidden;
  });
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_NEAR(runs[0].points.front().x, 0, 0.02);
  EXPECT_NEAR(runs[0].points.back().x, 0.5, 0.02);
  EXPECT_EQ(runs[1].sight, Sight::hidden);
  EXPECT_NEAR(runs[1].points.back().x, 1, 0.02);
  EXPECT_EQ(runs[0].points.size(), 2u);
}

TEST(Sight, KeepsGaps) {
  const auto everywhere = [](const UnitPoint&) { return Sight::visible; };
  const std::vector<UnitPoint> line{{0, 0, 0}, {0.5, 0, 0}, {kNaN, 0, 0}, {0.6, 0, 0}, {1, 0, 0}};
  const auto runs = split_by_sight(line, everywhere);
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].points.back().x, 0.5);
  EXPECT_EQ(runs[1].points.front().x, 0.6);
}

TEST(Overlays, OfTheSameNameLookTheSame) {
  auto figure = bowl();
  figure.surfaces.push_back(figure.surfaces[0]);
  figure.surfaces[0].marks = {{.label = "a"}, {.label = "b"}};
  figure.surfaces[1].marks = {{.label = "b"}};
  figure.surfaces[1].paths = {{.name = "a"}};
  const OverlayLooks looks(figure);
  EXPECT_EQ(looks.all().size(), 3u);
  EXPECT_EQ(looks.colour(figure.surfaces[0].marks[1]), looks.colour(figure.surfaces[1].marks[0]));
  EXPECT_NE(looks.colour(figure.surfaces[0].marks[0]), looks.colour(figure.surfaces[1].paths[0]));
}

}  // namespace
}  // namespace overparam::report
