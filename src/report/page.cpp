// SPDX-License-Identifier: Apache-2.0
#include "overparam/report/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "blocks.hpp"
#include "embedded.hpp"
#include "markup.hpp"
#include "overparam/base/require.hpp"
#include "palette.hpp"

namespace overparam::report {

namespace {

constexpr std::size_t kFewHeadings = 4;  // a page with fewer needs no list of contents

/// What the page's script calls where a page has no figures.
constexpr std::string_view kNoFigures = "const drawInteractiveCharts = async () => {};";

/// Replaces every {{name}} of `text`; what is put in is not searched again.
std::string fill(std::string_view text,
                 const std::map<std::string_view, std::string_view>& values) {
  std::string out;
  for (;;) {
    const std::size_t start = text.find("{{");
    out += text.substr(0, start);
    if (start == std::string_view::npos) return out;
    const std::size_t end = text.find("}}", start);
    base::ensure(end != std::string_view::npos, "page.html: a {{{{ without its }}}}");
    const auto name = text.substr(start + 2, end - start - 2);
    const auto value = values.find(name);
    base::ensure(value != values.end(), "page.html: nothing is called {}", name);
    out += value->second;
    text.remove_prefix(end + 2);
  }
}

std::string contents(const std::vector<BlockWriter::Entry>& headings) {
  if (headings.size() < kFewHeadings) return "";
  std::string out = "<nav aria-label=\"Contents\"><ul>\n";
  for (const auto& heading : headings) {
    out += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", heading.id, escape(heading.text));
  }
  return out + "</ul></nav>\n";
}

std::string colours() {
  return fmt::format(":root {}\n@media screen and (prefers-color-scheme: dark) {{ :root {} }}\n{}",
                     css_variables(kLight),
                     css_variables(kDark),
                     css_classes());
}

std::string_view chart_library(bool has_figures, bool has_surfaces) {
  if (has_surfaces) return embedded::charts_3d_js();
  return has_figures ? embedded::charts_js() : std::string_view{};
}

std::string chart_scripts(bool has_figures, bool has_surfaces) {
  if (!has_figures && !has_surfaces) return std::string(kNoFigures);
  std::string out;
  for (const auto script : {embedded::chart_tools_js(),
                            embedded::figures_js(),
                            embedded::surfaces_js(),
                            embedded::draw_charts_js()}) {
    out += script;
  }
  return out;
}

}  // namespace

std::string to_html(const Page& page) {
  BlockWriter write;
  std::string body;
  bool has_figures = false;
  bool has_surfaces = false;
  for (const auto& block : page.blocks) {
    body += std::visit(write, block);
    has_figures |= std::holds_alternative<Figure>(block);
    has_surfaces |= std::holds_alternative<SurfaceFigure>(block);
  }
  const std::string drawing = chart_scripts(has_figures, has_surfaces);
  const std::string title = escape(page.title);
  const std::string subtitle = page.subtitle.empty() ? ""
                                                     : fmt::format("<p class=\"subtitle\">{}</p>",
                                                                   inline_markup(page.subtitle));
  return fill(embedded::page_html(),
              {{"title", title},
               {"subtitle", subtitle},
               {"colours", colours()},
               {"style", embedded::page_css()},
               {"contents", contents(write.headings())},
               {"body", body},
               {"charts", chart_library(has_figures, has_surfaces)},
               {"figures", drawing},
               {"script", embedded::page_js()}});
}

bool has_interactive_charts() { return !embedded::charts_js().empty(); }

}  // namespace overparam::report
