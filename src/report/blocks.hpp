// SPDX-License-Identifier: Apache-2.0
// Each kind of block as HTML.
#pragma once

#include <string>
#include <vector>

#include "markup.hpp"
#include "overparam/report/page.hpp"

namespace overparam::report {

/// A figure's caption; nothing where it is empty.
std::string caption_element(const std::string& caption);

/// Writes the blocks of one page, which share their ids.
class BlockWriter {
 public:
  std::string operator()(const Heading& heading);
  std::string operator()(const Paragraph& paragraph);
  std::string operator()(const KeyNumbers& numbers);
  std::string operator()(const Table& table);
  std::string operator()(const Figure& figure);
  std::string operator()(const SurfaceFigure& figure);
  std::string operator()(const ImageGrid& grid);
  std::string operator()(const Command& command);
  std::string operator()(const Details& details);

  struct Entry {
    std::string id;
    std::string text;
  };
  /// The major headings written so far, for a list of contents.
  [[nodiscard]] const std::vector<Entry>& headings() const { return headings_; }

 private:
  FreshNames ids_;  // of the page's elements
  std::vector<Entry> headings_;
};

}  // namespace overparam::report
