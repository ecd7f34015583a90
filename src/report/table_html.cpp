// SPDX-License-Identifier: Apache-2.0
// Tables for the page: numerals aligned at their decimal points, hints on column names.
#include <fmt/format.h>

#include <algorithm>

#include "blocks.hpp"
#include "markup.hpp"
#include "table_cells.hpp"

namespace overparam::report {

namespace {

constexpr std::size_t kShortText = 24;

/// Groups of three digits, set apart by style alone so that a copied number stays a number.
std::string grouped(const std::string& digits) {
  const std::size_t point = std::min(digits.find('.'), digits.size());
  const std::size_t first = digits.starts_with("\u2212") ? 3 : 0;
  if (point - first < 5) return digits;
  std::string out = digits.substr(0, first);
  for (std::size_t i = first; i < point;) {
    const std::size_t length = (point - i) % 3 == 0 ? 3 : (point - i) % 3;
    const bool last = i + length == point;
    const std::string group = digits.substr(i, length);
    out += last ? group : "<span class=\"g\">" + group + "</span>";
    i += length;
  }
  return out + digits.substr(point);
}

/// Digits after the point, the point included.
std::size_t fraction_length(const std::string& digits) {
  const std::size_t point = digits.find('.');
  return point == std::string::npos ? 0 : digits.size() - point;
}

/// The longest fraction of a column; 0 where exponents make such an alignment meaningless.
std::size_t longest_fraction(const Table& table, std::size_t column) {
  std::size_t longest = 0;
  for (const auto& row : table.rows) {
    const auto* value = std::get_if<double>(&cell_of(row, column));
    if (value == nullptr) continue;
    const NumberText number = readable_number(*value, table.columns[column].digits);
    if (!number.exponent.empty()) return 0;
    longest = std::max(longest, fraction_length(number.digits));
  }
  return longest;
}

/// Invisible digits after a shorter fraction bring the decimal points of a column under each other.
std::string padding(const NumberText& number, std::size_t longest) {
  const std::size_t own = fraction_length(number.digits);
  const bool finite = number.digits.find_first_of("0123456789") != std::string::npos;
  if (own >= longest || !finite) return "";
  std::string missing(longest - own, '0');
  if (own == 0) missing[0] = '.';
  return fmt::format("<i data-pad=\"{}\"></i>", missing);
}

struct CellMarkup {
  const Column& column;
  std::size_t longest;

  std::string operator()(std::monostate) const { return "<span class=\"none\">\u2013</span>"; }
  std::string operator()(const std::string& text) const { return escape(text); }
  std::string operator()(bool value) const { return value ? "yes" : "no"; }
  std::string operator()(double value) const {
    return marked_up(readable_number(value, column.digits));
  }
  std::string operator()(std::int64_t value) const {
    return marked_up({.digits = std::to_string(value)});
  }

  [[nodiscard]] std::string marked_up(const NumberText& number) const {
    const bool plain = number.exponent.empty();
    return (plain ? grouped(typeset_digits(number)) : number_markup(number)) +
           padding(number, longest);
  }
};

/// Numbers are aligned, short texts kept in one line, and long ones not squeezed too narrow.
const char* cell_class(const Cell& cell, bool numeric) {
  if (numeric) return " class=\"n\"";
  const auto* text = std::get_if<std::string>(&cell);
  if (text == nullptr) return "";
  return count_characters(*text) <= kShortText ? " class=\"k\"" : " class=\"w\"";
}

std::string header_cell(const Column& column, bool numeric) {
  const std::string name = column.meaning.empty()
                               ? escape(column.name)
                               : fmt::format("<abbr title=\"{}\" tabindex=\"0\">{}</abbr>",
                                             escape(column.meaning),
                                             escape(column.name));
  return fmt::format("<th scope=\"col\"{}>{}</th>", numeric ? " class=\"n\"" : "", name);
}

}  // namespace

std::string BlockWriter::operator()(const Table& table) {
  const std::string id = ids_.fresh(table.title.empty() ? "table" : table.title);
  std::string head;
  std::vector<std::size_t> longest;
  std::vector<bool> numeric;
  for (std::size_t j = 0; j < table.columns.size(); ++j) {
    numeric.push_back(holds_numbers(table, j));
    longest.push_back(longest_fraction(table, j));
    head += header_cell(table.columns[j], numeric[j]);
  }
  std::string body;
  for (const auto& row : table.rows) {
    body += "<tr>";
    for (std::size_t j = 0; j < table.columns.size(); ++j) {
      body += fmt::format("<td{}>{}</td>",
                          cell_class(cell_of(row, j), numeric[j]),
                          std::visit(CellMarkup{table.columns[j], longest[j]}, cell_of(row, j)));
    }
    body += "</tr>\n";
  }
  const std::string name = escape(table.title.empty() ? "Table" : table.title);
  std::string out = fmt::format("<figure class=\"table\" id=\"{}\">\n", id);
  if (!table.title.empty()) out += fmt::format("<h3>{}</h3>\n", name);
  out += fmt::format(
      "<div class=\"scroll\" role=\"region\" aria-label=\"{}\" tabindex=\"0\"><table>\n"
      "<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table></div>\n",
      name,
      head,
      body);
  if (!table.caption.empty()) {
    out += fmt::format("<figcaption>{}</figcaption>\n", inline_markup(table.caption));
  }
  return out + "</figure>\n";
}

}  // namespace overparam::report
