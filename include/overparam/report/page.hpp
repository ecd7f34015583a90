// SPDX-License-Identifier: Apache-2.0
// A report as a list of blocks, and the one self-contained HTML file it becomes.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "overparam/report/figure.hpp"
#include "overparam/report/surface.hpp"
#include "overparam/report/table.hpp"

namespace overparam::report {

struct Heading {
  std::string text;
  bool minor = false;  ///< one level down, and not in the list of contents
};

/// Text with `code` and **strong** as in Markdown, nothing else. Captions and the subtitle of a
/// page are read in the same way; every other text is plain.
struct Paragraph {
  std::string text;
};

/// Large numbers at the top of a page: "training accuracy", "1.0", "all 200 digits right".
struct KeyNumbers {
  struct Item {
    std::string label;
    std::string value;
    std::string note;
  };
  std::vector<Item> items;
};

/// A command to copy.
struct Command {
  std::string text;
};

/// Blocks that a reader may unfold: long tables, settings, versions.
struct Details {
  std::string summary;
  std::vector<std::variant<Paragraph, Table, Command>> blocks;
};

using Block = std::variant<Heading,
                           Paragraph,
                           KeyNumbers,
                           Table,
                           Figure,
                           SurfaceFigure,
                           ImageGrid,
                           Command,
                           Details>;

struct Page {
  std::string title;
  std::string subtitle;
  std::vector<Block> blocks;
};

/// One HTML file that needs no other file and no network. Every figure carries its static SVG;
/// where this build has the chart library (`has_interactive_charts`) and the browser runs scripts,
/// an interactive chart takes its place; surfaces need WebGL as well. Sets `window.ready = true`
/// when all charts are drawn.
/// @throws Error(internal) as `to_svg` for figures and images that contradict themselves
std::string to_html(const Page& page);

/// Writes report.html into `folder`, every chart and picture again as figures/<id>.svg, and every
/// table as tables/<title>.csv, for papers and spreadsheets; of things called the same the second
/// ends with -2, and so on. Surfaces become figures/<id>.svg,
/// their maps figures/<id>-contours.svg and their numbers tables/<id>.csv. Returns the path of
/// report.html.
/// @throws Error(usage) if the folder cannot be written, Error(capacity) if it is full
std::filesystem::path write_page(const Page& page, const std::filesystem::path& folder);

/// Whether the chart library was bundled into this build.
bool has_interactive_charts();

}  // namespace overparam::report
