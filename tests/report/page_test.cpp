// SPDX-License-Identifier: Apache-2.0
#include "overparam/report/page.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "embedded.hpp"
#include "overparam/base/files.hpp"
#include "report/sample.hpp"
#include "report/xml.hpp"
#include "support/files.hpp"

namespace overparam::report {
namespace {

using tests::count;

bool holds(const std::string& html, const std::string& part) {
  return html.find(part) != std::string::npos;
}

/// What lies between the two marks, first occurrence.
std::string between(const std::string& text, const std::string& first, const std::string& last) {
  const std::size_t start = text.find(first);
  if (start == std::string::npos) return "";
  const std::size_t end = text.find(last, start + first.size());
  return text.substr(start + first.size(), end - start - first.size());
}

TEST(Page, NeedsNothingBesideIt) {
  const std::string html = to_html(tests::sample_page());
  EXPECT_TRUE(holds(html,
                    "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
                    "script-src 'unsafe-inline';"));
  EXPECT_FALSE(
      std::regex_search(html, std::regex(R"re(<link[^>]*href="(?!data:)|<script[^>]*src=)re")));
  EXPECT_FALSE(std::regex_search(html, std::regex(R"re(<img[^>]*src="(?!data:))re")));
}

TEST(Page, IsTheSameEachTime) {
  EXPECT_EQ(to_html(tests::sample_page()), to_html(tests::sample_page()));
}

TEST(Page, EscapesEveryText) {
  const std::string bad = "</script><img src=x onerror=alert(1)>\"'&";
  Figure figure{.id = bad, .title = bad, .caption = bad, .x = {.label = bad}, .y = {.label = bad}};
  figure.series.push_back({.name = bad, .x = {1}, .y = {1}});
  Table table{.title = bad, .caption = bad, .columns = {{.name = bad, .meaning = bad}}};
  table.add_row({bad});
  const SurfaceFigure surfaces{
      .id = bad,
      .title = bad,
      .caption = bad,
      .x = {.label = bad},
      .y = {.label = bad},
      .z = {.label = bad},
      .surfaces = {{.name = bad,
                    .x = {0, 1},
                    .y = {0, 1},
                    .z = {0, 1, 2, 3},
                    .marks = {{.label = bad}},
                    .paths = {{.name = bad, .x = {0, 1}, .y = {0, 1}, .z = {0, 3}}},
                    .note = bad}}};
  const std::string html =
      to_html({.title = bad,
               .subtitle = bad,
               .blocks = {Heading{bad},
                          Paragraph{bad},
                          KeyNumbers{{{bad, bad, bad}}},
                          table,
                          figure,
                          surfaces,
                          ImageGrid{.id = bad,
                                    .title = bad,
                                    .caption = bad,
                                    .height = 1,
                                    .width = 1,
                                    .images = {{.pixels = {0}, .label = bad}}},
                          Command{bad},
                          Details{bad, {Paragraph{bad}, table, Command{bad}}}}});
  EXPECT_EQ(count(html, "<img src=x"), 0u);
  EXPECT_EQ(count(html, "onerror=alert(1)>\""), 0u);
  // Scripts: the numbers of two figures, the chart library, what draws with it, the page's own.
  EXPECT_EQ(count(html, "</script"), 5u);
}

TEST(Page, WhatIsPutInIsNotFilledAgain) {
  const std::string html =
      to_html({.title = "{{script}}", .blocks = {Paragraph{"{{nothing}} }}"}}});
  EXPECT_TRUE(holds(html, "<title>{{script}}</title>"));
  EXPECT_TRUE(holds(html, "<p>{{nothing}} }}</p>"));
}

TEST(Page, CarriesTheChartLibraryOnceAndNoMoreOfItThanItNeeds) {
  const std::string surfaces = to_html(tests::sample_page());
  const std::string charts = to_html({.title = "t", .blocks = {tests::small_log_figure()}});
  const std::string neither = to_html({.title = "t", .blocks = {Paragraph{"p"}}});
  EXPECT_LT(neither.size(), 60'000u);
  if (!has_interactive_charts()) GTEST_SKIP() << "this build carries no chart library";
  EXPECT_EQ(count(surfaces, embedded::charts_3d_js()), 1u);
  EXPECT_EQ(count(surfaces, embedded::charts_js()), 0u);
  EXPECT_EQ(count(charts, embedded::charts_js()), 1u);
  EXPECT_EQ(count(charts, embedded::charts_3d_js()), 0u);
  EXPECT_EQ(count(neither, embedded::charts_js().substr(0, 1000)), 0u);
}

TEST(Page, TheChartLibraryKeepsItsLicenceAndCannotEndItsScript) {
  if (!has_interactive_charts()) GTEST_SKIP() << "this build carries no chart library";
  EXPECT_LT(embedded::charts_js().size(), 1'600'000u);
  EXPECT_LT(embedded::charts_3d_js().size(), 2'200'000u);
  for (const auto script : {embedded::charts_js(), embedded::charts_3d_js()}) {
    EXPECT_NE(script.find("Plotly Technologies Inc."), std::string_view::npos);
    EXPECT_NE(script.find("Permission is hereby granted"), std::string_view::npos);
    EXPECT_EQ(count(script, "</script"), 0u);
    EXPECT_EQ(count(script, "<!--"), 0u);
  }
}

TEST(Page, FiguresCarryTheirNumbersAndTheirDrawings) {
  Figure figure = tests::log_log_figure();
  const std::string html = to_html({.title = "t", .blocks = {figure, figure}});
  EXPECT_EQ(count(html, "<div class=\"static wide\">\n<svg"), 2u);
  EXPECT_EQ(count(html, "<div class=\"static narrow\">\n<svg"), 2u);
  EXPECT_TRUE(holds(html, "id=\"features-move\"") && holds(html, "id=\"features-move-2\""));
  const auto data =
      nlohmann::json::parse(between(html, "<script type=\"application/json\">", "</script>"));
  ASSERT_EQ(data["series"].size(), 4u);
  EXPECT_EQ(data["series"][0]["y"][0], figure.series[0].y[0]);
  EXPECT_EQ(data["series"][1]["colour"], 0);
  EXPECT_EQ(data["series"][3]["colour"], -1);
  EXPECT_EQ(data["complete"], true);
  EXPECT_EQ(data["x"]["ticks"]["wide"]["texts"][0], "10<sup>2</sup>");
  EXPECT_LT(data["y"]["range"][0], figure.series[2].low.back());
}

TEST(Page, LongSeriesAreThinnedAndSaySo) {
  const std::string html = to_html({.title = "t", .blocks = {tests::semi_log_figure()}});
  const auto data =
      nlohmann::json::parse(between(html, "<script type=\"application/json\">", "</script>"));
  EXPECT_EQ(data["complete"], false);
  EXPECT_LT(data["series"][0]["x"].size(), 7000u);
  EXPECT_EQ(data["series"][0]["x"].size(), data["series"][0]["low"].size());
}

TEST(Page, TablesAlignNumeralsAndExplainColumns) {
  const std::string html = to_html({.title = "t", .blocks = {tests::verdict_table()}});
  EXPECT_TRUE(holds(
      html, "<abbr title=\"The exponent that the statement promises\" tabindex=\"0\">law</abbr>"));
  EXPECT_TRUE(holds(html, "<td class=\"n\">1<i data-pad=\".0000\"></i></td>"));
  EXPECT_TRUE(holds(html, "<td class=\"n\">1.83×10<sup>−7</sup></td>"));
  EXPECT_TRUE(holds(html, "<span class=\"g\">12</span><span class=\"g\">845</span>056"));
  EXPECT_TRUE(holds(html, "<td class=\"n\">NaN</td>"));
  EXPECT_TRUE(holds(html, "inconclusive: &lt;3 widths, R&amp;D"));
}

TEST(Page, IdsAreUniqueAndContentsLead) {
  Page page{.title = "t"};
  for (int i = 0; i < 4; ++i) page.blocks.push_back(Heading{"Same name"});
  const std::string html = to_html(page);
  std::set<std::string> ids;
  const std::regex id("<h2 id=\"([^\"]+)\"");
  for (std::sregex_iterator it(html.begin(), html.end(), id), end; it != end; ++it) {
    EXPECT_TRUE(ids.insert((*it)[1]).second);
    EXPECT_TRUE(holds(html, "href=\"#" + (*it)[1].str() + "\""));
  }
  EXPECT_EQ(ids.size(), 4u);
  EXPECT_FALSE(holds(to_html({.title = "t", .blocks = {Heading{"One"}}}), "<nav"));
  const Page nested{.title = "t",
                    .blocks = {Heading{"A"},
                               Heading{.text = "Below A", .minor = true},
                               Heading{"B"},
                               Heading{"C"},
                               Heading{"D"}}};
  EXPECT_TRUE(holds(to_html(nested), "<h3 id=\"below-a\">Below A</h3>"));
  EXPECT_FALSE(holds(to_html(nested), "href=\"#below-a\""));
}

TEST(Page, ItsPartsAreFilesOfTheirOwn) {
  const overparam::tests::TemporaryFolder folder;
  Table inner{.title = "All laws, and checks", .columns = {{"a", ""}}};
  inner.add_row({1.5});
  const Figure figure{.id = "line", .series = {{.name = "s", .x = {1, 2}, .y = {3, 4}}}};
  const Page page{
      .title = "Parts",
      .blocks = {figure, Details{.summary = "more", .blocks = {inner}}, Heading{"end"}}};
  const auto path = write_page(page, folder.path());
  EXPECT_EQ(base::read_file(path), to_html(page));
  EXPECT_EQ(base::read_file(folder / "figures/line.svg"), to_svg(figure));
  EXPECT_EQ(base::read_file(folder / "tables/all-laws-and-checks.csv"), to_csv(inner));
}

TEST(Page, PartsOfOneNameAreFilesOfTheirOwn) {
  const overparam::tests::TemporaryFolder folder;
  Page page{.title = "Parts"};
  for (const char* title : {"", "Same name", "Same name", ""}) {
    Table table{.title = title, .columns = {{"a", ""}}};
    table.add_row({static_cast<double>(page.blocks.size())});
    page.blocks.emplace_back(table);
  }
  write_page(page, folder.path());
  const char* files[] = {"table", "same-name", "same-name-2", "table-2"};
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(base::read_file(folder / "tables" / (std::string(files[i]) + ".csv")),
              "a\r\n" + std::to_string(i) + "\r\n");
  }
}

}  // namespace
}  // namespace overparam::report
