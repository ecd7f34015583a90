// SPDX-License-Identifier: Apache-2.0
#include "markup.hpp"
#include "overparam/base/files.hpp"
#include "overparam/report/page.hpp"

namespace overparam::report {

namespace {

namespace fs = std::filesystem;

/// Writes what has a form of its own outside the page, each under a name of its own.
class PartWriter {
 public:
  explicit PartWriter(const fs::path& folder) : folder_(folder) {}

  void operator()(const Figure& figure) { write_figure(figure.id, to_svg(figure)); }
  void operator()(const SurfaceFigure& figure) {
    write_figure(figure.id, to_svg(figure, SurfaceView::boxes));
    write_figure(figure.id + "-contours", to_svg(figure, SurfaceView::contours));
    write_table(figure.id, to_table(figure));
  }
  void operator()(const ImageGrid& grid) { write_figure(grid.id, to_svg(grid)); }
  void operator()(const Table& table) {
    write_table(table.title.empty() ? "table" : table.title, table);
  }
  void operator()(const Details& details) {
    for (const auto& block : details.blocks) std::visit(*this, block);
  }
  template <class Text>
  void operator()(const Text& /*has no form but the page's*/) {}

 private:
  void write_figure(const std::string& id, const std::string& svg) {
    base::make_writable_folder(folder_ / "figures");
    base::write_file(folder_ / "figures" / (figures_.fresh(id) + ".svg"), svg);
  }
  void write_table(const std::string& name, const Table& table) {
    base::make_writable_folder(folder_ / "tables");
    base::write_file(folder_ / "tables" / (tables_.fresh(name) + ".csv"), to_csv(table));
  }

  const fs::path& folder_;
  FreshNames figures_, tables_;
};

}  // namespace

fs::path write_page(const Page& page, const fs::path& folder) {
  PartWriter writer(folder);
  for (const auto& block : page.blocks) std::visit(writer, block);
  const fs::path path = folder / "report.html";
  base::write_file(path, to_html(page));
  return path;
}

}  // namespace overparam::report
