// SPDX-License-Identifier: Apache-2.0
// Each kind of block as HTML.
#pragma once

#include <set>
#include <string>
#include <vector>

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
  /// An id that no other element of the page has.
  std::string fresh_id(const std::string& wanted);

  std::set<std::string> ids_;
  std::vector<Entry> headings_;
};

}  // namespace overparam::report
