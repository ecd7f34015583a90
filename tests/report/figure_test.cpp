// SPDX-License-Identifier: Apache-2.0
#include "overparam/report/figure.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <regex>

#include "chart.hpp"
#include "palette.hpp"
#include "report/sample.hpp"
#include "report/xml.hpp"
#include "support/files.hpp"
#include "thinning.hpp"

namespace overparam::report {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

using tests::count;
using tests::xml_fault;

/// The horizontal place of a tick label.
double label_x(const std::string& svg, const std::string& label) {
  const std::regex text("<text class=\"ov-s\" x=\"([0-9.]+)\"[^>]*text-anchor=\"middle\"[^>]*>" +
                        label + "</text>");
  std::smatch found;
  return std::regex_search(svg, found, text) ? std::stod(found[1]) : kNaN;
}

TEST(Figure, DrawingsAreWellFormedAndTheSameEachTime) {
  for (const auto& figure : {tests::log_log_figure(),
                             tests::semi_log_figure(),
                             tests::linear_figure(),
                             tests::small_log_figure()}) {
    const std::string svg = to_svg(figure);
    EXPECT_EQ(xml_fault(svg), "") << figure.id;
    EXPECT_EQ(svg, to_svg(figure)) << figure.id;
    EXPECT_EQ(count(svg, "nan") + count(svg, "inf"), 0u) << figure.id;
  }
}

TEST(Figure, TicksAreWhereTheirValuesAre) {
  Figure figure{.x = {.label = "x"}, .y = {.label = "y"}};
  figure.series.push_back({.x = {0, 10}, .y = {0, 1}});
  const std::string svg = to_svg(figure, 640, 400);
  const double at_0 = label_x(svg, "0");
  const double at_2 = label_x(svg, "2");
  const double at_10 = label_x(svg, "10");
  EXPECT_GT(at_0, 10);
  EXPECT_LT(at_10, 640);
  EXPECT_NEAR((at_2 - at_0) / (at_10 - at_0), 0.2, 1e-3);
}

TEST(Figure, PowersOfTenAreSuperscripts) {
  Figure figure{.x = {.logarithmic = true}, .y = {.logarithmic = true}};
  figure.series.push_back({.x = {1, 1e3}, .y = {1e-9, 1e-3}});
  const std::string svg = to_svg(figure);
  EXPECT_NE(svg.find(">10<tspan dy=\"-5\" font-size=\"8.64\">−6</tspan></text>"),
            std::string::npos);
  EXPECT_NE(svg.find(">10<tspan dy=\"-5\" font-size=\"8.64\">2</tspan></text>"), std::string::npos);
}

TEST(Figure, TextIsEscaped) {
  Figure figure{.id = "a", .title = "a < b & c", .x = {.label = "<x>"}, .y = {.label = "\"y\""}};
  figure.series.push_back({.name = "<script>", .x = {1}, .y = {1}});
  const std::string svg = to_svg(figure);
  EXPECT_EQ(xml_fault(svg), "");
  EXPECT_EQ(count(svg, "<script"), 0u);
  EXPECT_NE(svg.find("a &lt; b &amp; c"), std::string::npos);
}

TEST(Figure, DegenerateDataAreDrawn) {
  const std::vector<double> kinds[] = {{},
                                       {3},
                                       {2, 2, 2},
                                       {0, 0},
                                       {kNaN, kNaN},
                                       {1, kNaN, 3},
                                       {-kInfinity, kInfinity, 1},
                                       {-5, -1, 0},
                                       {1e308, -1e308, 1},
                                       {5e-324, 1}};
  for (const auto& x : kinds) {
    for (const auto mark : {Mark::line, Mark::points, Mark::line_and_points}) {
      for (const int axes : {0, 1, 2, 3}) {
        Figure figure{.x = {.logarithmic = (axes & 1) != 0}, .y = {.logarithmic = (axes & 2) != 0}};
        figure.series.push_back({.name = "s", .x = x, .y = x, .low = x, .high = x, .mark = mark});
        const std::string svg = to_svg(figure);
        EXPECT_EQ(xml_fault(svg), "");
        EXPECT_EQ(count(svg, "nan") + count(svg, "inf"), 0u);
      }
    }
  }
  EXPECT_EQ(xml_fault(to_svg(Figure{})), "");
  EXPECT_EQ(xml_fault(to_svg(tests::log_log_figure(), 1, -5)), "");
}

TEST(Figure, GapsBreakALineAndALonePointIsADot) {
  Figure figure;
  figure.series.push_back({.x = {0, 1, 2, 3, 4}, .y = {0, 1, kNaN, 1, kNaN}});
  const std::string svg = to_svg(figure);
  const std::regex path("class=\"ov-0s\"[^>]* d=\"(M[^\"]*)\"");
  std::vector<std::string> paths;
  for (std::sregex_iterator it(svg.begin(), svg.end(), path), end; it != end; ++it) {
    paths.push_back((*it)[1]);
  }
  ASSERT_EQ(paths.size(), 2u);
  EXPECT_EQ(count(paths[0], "M"), 1u);
  EXPECT_EQ(count(paths[0], "L"), 1u);
  EXPECT_TRUE(paths[1].ends_with("h0"));
}

TEST(Figure, ErrorBarsBelowZeroRunOutOfALogarithmicPlot) {
  Figure figure{.y = {.logarithmic = true}};
  figure.series.push_back(
      {.x = {1, 2}, .y = {1, 2}, .low = {-1, 1.5}, .high = {1.5, 3}, .mark = Mark::points});
  const std::string svg = to_svg(figure);
  EXPECT_EQ(count(svg, "h7"), 3u);  // caps: none where the bar leaves the plot
}

TEST(Figure, PredictionsShareTheColourOfWhatTheyPredict) {
  Figure figure;
  for (const bool dashed : {false, true, true, false}) figure.series.push_back({.dashed = dashed});
  figure.series.push_back({.dashed = true, .reference = true});
  const auto looks = series_looks(figure);
  const int expected[] = {0, 0, 1, 2, -1};
  for (std::size_t i = 0; i < looks.size(); ++i) EXPECT_EQ(looks[i].colour, expected[i]) << i;
}

TEST(Figure, LongSeriesAreThinnedToTheirOutline) {
  Series series;
  for (int i = 0; i < 200'000; ++i) {
    series.x.push_back(i);
    series.y.push_back(i == 123'456 ? 50 : std::sin(0.001 * i));
  }
  Figure figure{.series = {series}};
  EXPECT_LT(to_svg(figure).size(), 60'000u);

  const Scale x(false, {0, 200'000}, 0, 600);
  const Scale y(false, {-1, 50}, 300, 0);
  const auto kept = visible_points(to_pixels(series, x, y), Mark::line);
  EXPECT_LE(kept.size(), 4u * 601u);
  EXPECT_TRUE(std::find(kept.begin(), kept.end(), 123'456u) != kept.end());
  EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end()));
  EXPECT_EQ(kept.front(), 0u);
  EXPECT_EQ(kept.back(), 199'999u);
}

TEST(Figure, ThinningKeepsGaps) {
  Series series;
  for (int i = 0; i < 5000; ++i) {
    series.x.push_back(i);
    series.y.push_back(i >= 2000 && i < 2500 ? kNaN : 1.0);
  }
  const Scale scale(false, {0, 5000}, 0, 100);
  const auto kept = visible_points(to_pixels(series, scale, scale), Mark::line);
  const auto gaps = std::count_if(
      kept.begin(), kept.end(), [&](std::size_t i) { return std::isnan(series.y[i]); });
  EXPECT_EQ(gaps, 1);
}

TEST(Figure, ListsOfDifferentLengthsAreNamed) {
  using overparam::tests::expect_error;
  Figure figure{.id = "f", .series = {{.name = "s", .x = {1, 2}, .y = {1}}}};
  expect_error(
      ErrorKind::internal, {"\"f\"", "\"s\"", "2 values of x, 1 of y"}, [&] { to_svg(figure); });
  figure.series = {{.name = "s", .x = {1}, .y = {1}, .low = {1}}};
  expect_error(
      ErrorKind::internal, {"1 lower and 0 upper ends for 1 points"}, [&] { to_svg(figure); });
}

TEST(Figure, JsonHasTheNumbers) {
  Figure figure{.id = "f", .x = {.label = "step"}, .y = {.logarithmic = true}};
  figure.series.push_back({.name = "s", .x = {1, 2}, .y = {0.1, kInfinity}, .mark = Mark::points});
  const auto json = to_json(figure);
  EXPECT_EQ(json["x"]["label"], "step");
  EXPECT_EQ(json["y"]["logarithmic"], true);
  EXPECT_EQ(json["series"][0]["mark"], "points");
  EXPECT_EQ(json["series"][0]["y"].dump(), "[0.1,null]");
}

double luminance(const char* hex) {
  double result = 0;
  const double weights[] = {0.2126, 0.7152, 0.0722};
  for (std::size_t i = 0; i < 3; ++i) {
    const double c = std::stoi(std::string(hex + 1 + 2 * i, 2), nullptr, 16) / 255.0;
    result += weights[i] * (c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4));
  }
  return result;
}

double contrast(const char* a, const char* b) {
  const double bright = std::max(luminance(a), luminance(b)) + 0.05;
  return bright / (std::min(luminance(a), luminance(b)) + 0.05);
}

TEST(Palette, ContrastsMeetTheAccessibilityGuidelines) {
  for (const auto& palette : {kLight, kDark}) {
    EXPECT_GE(contrast(palette.text, palette.background), 7);
    EXPECT_GE(contrast(palette.soft, palette.background), 4.5);
    EXPECT_GE(contrast(palette.reference, palette.background), 3);
    for (const char* colour : palette.series) EXPECT_GE(contrast(colour, palette.background), 2.95);
  }
}

}  // namespace
}  // namespace overparam::report
