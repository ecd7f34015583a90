// SPDX-License-Identifier: Apache-2.0
// A table of values, apart from how it is shown.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>
#include <vector>

namespace overparam::report {

/// A missing value is std::monostate: blank in text, null in JSON, empty in CSV.
using Cell = std::variant<std::monostate, std::string, double, std::int64_t, bool>;

struct Column {
  std::string name;
  std::string meaning;  ///< longer explanation, shown as a hint on the page; may be empty
  int digits = 4;       ///< significant digits of real numbers where people read them
};

struct Table {
  std::string title;
  std::string caption;
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;

  /// @throws Error(internal) if the row has another number of cells than there are columns
  void add_row(std::vector<Cell> cells);
};

/// Columns aligned with spaces, numbers to the right; wraps the last column of text at `width`.
std::string to_text(const Table& table, int width = 100);

/// RFC 4180, full precision, the names as header.
std::string to_csv(const Table& table);

/// GitHub's Markdown.
std::string to_markdown(const Table& table);

/// An array of objects keyed by column name, full precision; NaN and infinities become null.
nlohmann::json to_json(const Table& table);

}  // namespace overparam::report
