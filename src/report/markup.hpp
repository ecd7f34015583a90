// SPDX-License-Identifier: Apache-2.0
// Text on its way into SVG and HTML.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace overparam::report {

/// Safe as content and inside double quotes, in HTML and in XML. Control characters, which XML
/// forbids, become spaces; bytes that are no UTF-8 become U+FFFD.
std::string escape(std::string_view text);

/// `code` and **strong** become elements, everything else is escaped; a mark without its partner
/// stays as it is.
std::string inline_markup(std::string_view text);

/// Safe inside a <script> element: no "</script" and no "<!--" can be spelled in it.
std::string escape_script_json(std::string_view json);

/// Lower-case letters, digits and dashes, for ids; "section" if nothing is left.
std::string slug(std::string_view text);

/// Names for things that may be called the same: slugs, from the second on with a number.
class FreshNames {
 public:
  std::string fresh(std::string_view wanted);

 private:
  std::set<std::string> taken_;
};

/// How many characters a terminal shows: code points without combining marks.
std::size_t count_characters(std::string_view text);

/// Width of `text` in a sans-serif font of this size, an estimate a little on the large side.
double text_width(std::string_view text, double font_size);

/// `text` cut to `width` with an ellipsis, if it is longer.
std::string shortened(std::string_view text, double font_size, double width);

/// Lines of whole words, each at most `width` by `measure`; a longer word has its own line.
template <typename Measure, typename Width>
std::vector<std::string> wrap_words(std::string_view text, Width width, const Measure& measure) {
  std::vector<std::string> lines;
  std::string line;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    const std::string word(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (!line.empty() && measure(line + ' ' + word) > width) {
      lines.push_back(std::move(line));
      line.clear();
    }
    line += line.empty() ? word : ' ' + word;
  }
  lines.push_back(std::move(line));
  return lines;
}

}  // namespace overparam::report
