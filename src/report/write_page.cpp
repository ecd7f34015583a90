// SPDX-License-Identifier: Apache-2.0
#include <cctype>

#include "overparam/base/files.hpp"
#include "overparam/report/page.hpp"

namespace overparam::report {

namespace {

namespace fs = std::filesystem;

/// "All laws and checks" -> "all-laws-and-checks"
std::string file_name(const std::string& title) {
  std::string name;
  for (const char c : title) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) {
      name += static_cast<char>(std::tolower(byte));
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  while (name.ends_with('-')) name.pop_back();
  return name.empty() ? "table" : name;
}

/// Writes what has a form of its own outside the page.
struct PartWriter {
  fs::path folder;

  void operator()(const Figure& figure) const { write_figure(figure.id, to_svg(figure)); }
  void operator()(const SurfaceFigure& figure) const {
    write_figure(figure.id, to_svg(figure, SurfaceView::boxes));
    write_figure(figure.id + "-contours", to_svg(figure, SurfaceView::contours));
    write_table(figure.id, to_table(figure));
  }
  void operator()(const ImageGrid& grid) const { write_figure(grid.id, to_svg(grid)); }
  void operator()(const Table& table) const { write_table(file_name(table.title), table); }
  void operator()(const Details& details) const {
    for (const auto& block : details.blocks) std::visit(*this, block);
  }
  template <class Text>
  void operator()(const Text& /*has no form but the page's*/) const {}

 private:
  void write_figure(const std::string& id, const std::string& svg) const {
    base::make_writable_folder(folder / "figures");
    base::write_file(folder / "figures" / (id + ".svg"), svg);
  }
  void write_table(const std::string& name, const Table& table) const {
    base::make_writable_folder(folder / "tables");
    base::write_file(folder / "tables" / (name + ".csv"), to_csv(table));
  }
};

}  // namespace

fs::path write_page(const Page& page, const fs::path& folder) {
  for (const auto& block : page.blocks) std::visit(PartWriter{folder}, block);
  const fs::path path = folder / "report.html";
  base::write_file(path, to_html(page));
  return path;
}

}  // namespace overparam::report
