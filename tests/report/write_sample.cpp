// SPDX-License-Identifier: Apache-2.0
// Writes the sample page, and each of its figures as SVG, for the test in a browser.
#include <filesystem>
#include <iostream>
#include <utility>

#include "overparam/base/files.hpp"
#include "report/sample.hpp"

int main(int argc, char** argv) {
  using namespace overparam;
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " FOLDER\n";
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  base::make_writable_folder(folder);
  base::write_file(folder / "sample.html", report::to_html(report::tests::sample_page()));
  for (const auto& figure : {report::tests::log_log_figure(),
                             report::tests::semi_log_figure(),
                             report::tests::linear_figure(),
                             report::tests::small_log_figure()}) {
    base::write_file(folder / (figure.id + ".svg"), report::to_svg(figure));
  }
  for (const auto& figure :
       {report::tests::surface_figure(), report::tests::lone_surface_figure()}) {
    for (const auto& [view, ending] : {std::pair{report::SurfaceView::both, ""},
                                       {report::SurfaceView::boxes, "-boxes"},
                                       {report::SurfaceView::contours, "-contours"}}) {
      base::write_file(folder / (figure.id + ending + ".svg"), report::to_svg(figure, view));
    }
  }
  for (const auto& grid : {report::tests::grey_images(), report::tests::colour_images()}) {
    base::write_file(folder / (grid.id + ".svg"), report::to_svg(grid));
  }
  std::cout << (report::has_interactive_charts() ? "interactive charts\n" : "static charts\n");
  return 0;
}
