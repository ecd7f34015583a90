// SPDX-License-Identifier: Apache-2.0
#include "markup.hpp"

#include <fmt/format.h>

#include "overparam/base/utf8.hpp"

namespace overparam::report {

namespace {

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

/// U+0300 to U+036F, as they appear in UTF-8.
bool is_combining_mark(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead == 0xCC) return true;
  return lead == 0xCD && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xB0;
}

/// Bytes of the well-formed character at the front of `text`; 0 if there is none.
std::size_t character_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xC2 && lead < 0xE0 ? 2
                             : lead >= 0xE0 && lead < 0xF0 ? 3
                             : lead >= 0xF0 && lead < 0xF5 ? 4
                                                           : 0;
  const bool whole = length > 0 && length <= text.size();
  return whole && base::is_utf8(text.substr(0, length)) ? length : 0;
}

bool is_superscript(std::string_view text) {
  return text.starts_with("\xe2\x81") || text.starts_with("\u00b2") || text.starts_with("\u00b3") ||
         text.starts_with("\u00b9");
}

/// Of the character at the front, in units of the font size; 0 within a character. Fonts differ by
/// about a tenth; the wider ones decide.
double character_width(std::string_view text) {
  const char lead = text.front();
  if (is_continuation(lead)) return 0;
  if (static_cast<unsigned char>(lead) >= 0x80) return is_superscript(text) ? 0.5 : 0.84;
  constexpr std::string_view kNarrow = "ijlI.,:;'|!()[]{} ";
  constexpr std::string_view kWide = "mwMW@%";
  if (kNarrow.find(lead) != std::string_view::npos) return 0.36;
  if (kWide.find(lead) != std::string_view::npos) return 0.95;
  if (lead >= 'A' && lead <= 'Z') return 0.72;
  return 0.61;
}

/// Appends the first character of `text` and removes it. A byte that is no UTF-8 would make a whole
/// file unreadable to an XML parser, so it becomes the replacement character.
void escape_next(std::string& out, std::string_view& text) {
  const std::size_t length = character_length(text);
  const char c = text.front();
  if (length != 1) {
    out += length == 0 ? std::string_view("\ufffd") : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
    return;
  }
  text.remove_prefix(1);
  switch (c) {
    case '&':
      out += "&amp;";
      return;
    case '<':
      out += "&lt;";
      return;
    case '>':
      out += "&gt;";
      return;
    case '"':
      out += "&quot;";
      return;
    case '\'':
      out += "&#39;";
      return;
    default:
      break;
  }
  const bool control = static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t';
  out += control ? ' ' : c;
}

/// If `text` starts with `mark`, something, `mark`: the something.
std::string_view marked(std::string_view text, std::string_view mark) {
  if (!text.starts_with(mark)) return {};
  const std::size_t end = text.find(mark, mark.size());
  return end == std::string_view::npos ? std::string_view{}
                                       : text.substr(mark.size(), end - mark.size());
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) escape_next(out, text);
  return out;
}

std::string inline_markup(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (const auto code = marked(text, "`"); !code.empty()) {
      out += "<code>" + escape(code) + "</code>";
      text.remove_prefix(code.size() + 2);
    } else if (const auto strong = marked(text, "**"); !strong.empty()) {
      out += "<strong>" + inline_markup(strong) + "</strong>";
      text.remove_prefix(strong.size() + 4);
    } else {
      escape_next(out, text);
    }
  }
  return out;
}

std::string escape_script_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

std::string slug(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool kept = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (kept) {
      out += upper ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  while (out.ends_with('-')) out.pop_back();
  return out.empty() ? "section" : out;
}

std::string FreshNames::fresh(std::string_view wanted) {
  const std::string base = slug(wanted);
  std::string name = base;
  for (int suffix = 2; !taken_.insert(name).second; ++suffix) {
    name = fmt::format("{}-{}", base, suffix);
  }
  return name;
}

std::size_t count_characters(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    count += !is_continuation(text[i]) && !is_combining_mark(text, i) ? 1 : 0;
  }
  return count;
}

double text_width(std::string_view text, double font_size) {
  double width = 0;
  for (std::size_t i = 0; i < text.size(); ++i) width += character_width(text.substr(i));
  return width * font_size;
}

std::string shortened(std::string_view text, double font_size, double width) {
  if (text_width(text, font_size) <= width) return std::string(text);
  const double room = width - 0.9 * font_size;
  double used = 0;
  std::size_t end = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_continuation(text[i])) end = i;
    used += character_width(text.substr(i)) * font_size;
    if (used > room) break;
  }
  return std::string(text.substr(0, end)) + "\u2026";
}

}  // namespace overparam::report
