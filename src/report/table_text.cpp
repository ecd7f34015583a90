// SPDX-License-Identifier: Apache-2.0
// Tables for a terminal.
#include <algorithm>

#include "markup.hpp"
#include "table_cells.hpp"

namespace overparam::report {

namespace {

constexpr std::size_t kGap = 2;             // blanks between columns
constexpr std::size_t kNarrowestText = 20;  // a wrapped column keeps at least this many characters

struct TextColumn {
  bool right_aligned = false;
  std::size_t width = 0;
};

std::string padded(const std::string& text, const TextColumn& column) {
  const std::size_t length = count_characters(text);
  const std::string blanks(column.width > length ? column.width - length : 0, ' ');
  return column.right_aligned ? blanks + text : text + blanks;
}

std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
  return wrap_words(text, width, [](const std::string& line) { return count_characters(line); });
}

std::vector<std::vector<std::string>> plain_rows(const Table& table) {
  std::vector<std::vector<std::string>> rows(1);
  for (const auto& column : table.columns) rows[0].push_back(column.name);
  for (const auto& row : table.rows) {
    auto& texts = rows.emplace_back();
    for (std::size_t j = 0; j < table.columns.size(); ++j) {
      std::string text = plain_cell(cell_of(row, j), table.columns[j].digits);
      std::replace(text.begin(), text.end(), '\n', ' ');
      texts.push_back(std::move(text));
    }
  }
  return rows;
}

bool holds_text(const Table& table, std::size_t column) {
  return std::any_of(table.rows.begin(), table.rows.end(), [&](const auto& row) {
    return std::holds_alternative<std::string>(cell_of(row, column));
  });
}

/// Makes the last column of text narrower until the table fits, if there is one.
void fit(const Table& table, std::vector<TextColumn>& columns, std::size_t width) {
  std::size_t total = kGap * (columns.size() - 1);
  for (const auto& column : columns) total += column.width;
  if (total <= width) return;
  for (std::size_t j = columns.size(); j-- > 0;) {
    if (!holds_text(table, j)) continue;
    const std::size_t excess = total - width;
    const std::size_t kept = columns[j].width > excess ? columns[j].width - excess : 0;
    columns[j].width = std::min(columns[j].width, std::max(kept, kNarrowestText));
    return;
  }
}

void append_line(std::string& out, std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + '\n';
}

/// One row of the table, which takes several lines where a cell is wrapped.
void append_row(std::string& out,
                const std::vector<std::string>& cells,
                const std::vector<TextColumn>& columns) {
  std::vector<std::vector<std::string>> lines;
  std::size_t height = 1;
  for (std::size_t j = 0; j < columns.size(); ++j) {
    lines.push_back(wrapped(cells[j], columns[j].width));
    height = std::max(height, lines.back().size());
  }
  for (std::size_t i = 0; i < height; ++i) {
    std::string line;
    for (std::size_t j = 0; j < columns.size(); ++j) {
      if (j > 0) line.append(kGap, ' ');
      line += padded(i < lines[j].size() ? lines[j][i] : "", columns[j]);
    }
    append_line(out, std::move(line));
  }
}

}  // namespace

const Cell& cell_of(const std::vector<Cell>& row, std::size_t column) {
  static const Cell missing;
  return column < row.size() ? row[column] : missing;
}

bool holds_numbers(const Table& table, std::size_t column) {
  bool any = false;
  for (const auto& row : table.rows) {
    const Cell& cell = cell_of(row, column);
    if (std::holds_alternative<std::string>(cell) || std::holds_alternative<bool>(cell)) {
      return false;
    }
    any |= !std::holds_alternative<std::monostate>(cell);
  }
  return any;
}

std::string plain_cell(const Cell& cell, int digits) {
  struct Visitor {
    int digits;
    std::string operator()(std::monostate) const { return ""; }
    std::string operator()(const std::string& text) const { return text; }
    std::string operator()(double value) const {
      return plain_number(readable_number(value, digits));
    }
    std::string operator()(std::int64_t value) const { return std::to_string(value); }
    std::string operator()(bool value) const { return value ? "yes" : "no"; }
  };
  return std::visit(Visitor{digits}, cell);
}

std::string to_text(const Table& table, int width) {
  std::string out;
  if (!table.title.empty()) out += table.title + "\n\n";
  if (!table.columns.empty()) {
    const auto rows = plain_rows(table);
    std::vector<TextColumn> columns(table.columns.size());
    for (std::size_t j = 0; j < columns.size(); ++j) {
      columns[j].right_aligned = holds_numbers(table, j);
      for (const auto& row : rows) {
        columns[j].width = std::max(columns[j].width, count_characters(row[j]));
      }
    }
    fit(table, columns, static_cast<std::size_t>(std::max(width, 1)));

    append_row(out, rows[0], columns);
    std::vector<std::string> rules;
    for (const auto& column : columns) rules.emplace_back(column.width, '-');
    append_row(out, rules, columns);
    for (std::size_t i = 1; i < rows.size(); ++i) append_row(out, rows[i], columns);
  }
  if (!table.caption.empty()) {
    out += '\n';
    for (const auto& line : wrapped(table.caption, static_cast<std::size_t>(std::max(width, 20)))) {
      append_line(out, line);
    }
  }
  return out;
}

}  // namespace overparam::report
