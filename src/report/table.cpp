// SPDX-License-Identifier: Apache-2.0
#include "overparam/report/table.hpp"

#include <nlohmann/json.hpp>

#include <cmath>

#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "table_cells.hpp"

namespace overparam::report {

namespace {

/// RFC 4180, section 2: fields with commas, quotes or line breaks are quoted, quotes doubled.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string csv_cell(const Cell& cell) {
  struct Visitor {
    std::string operator()(std::monostate) const { return ""; }
    std::string operator()(const std::string& text) const { return csv_field(text); }
    std::string operator()(double value) const { return exact_number(value); }
    std::string operator()(std::int64_t value) const { return std::to_string(value); }
    std::string operator()(bool value) const { return value ? "true" : "false"; }
  };
  return std::visit(Visitor{}, cell);
}

nlohmann::json json_cell(const Cell& cell) {
  struct Visitor {
    nlohmann::json operator()(std::monostate) const { return nullptr; }
    nlohmann::json operator()(const std::string& text) const { return text; }
    nlohmann::json operator()(double value) const {
      return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(nullptr);
    }
    nlohmann::json operator()(std::int64_t value) const { return value; }
    nlohmann::json operator()(bool value) const { return value; }
  };
  return std::visit(Visitor{}, cell);
}

/// Characters that would end the cell or be read as Markdown or HTML.
std::string markdown_field(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\r') continue;
    if (c == '\n') {
      out += "<br>";
    } else if (c == '<') {
      out += "&lt;";
    } else {
      if (c == '|' || c == '*' || c == '`' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out;
}

std::string markdown_row(const std::vector<std::string>& fields) {
  std::string line = "|";
  for (const auto& field : fields) line += ' ' + field + " |";
  return line + '\n';
}

}  // namespace

void Table::add_row(std::vector<Cell> cells) {
  base::ensure(cells.size() == columns.size(),
               "table \"{}\": a row of {} cells for {} columns",
               title,
               cells.size(),
               columns.size());
  rows.push_back(std::move(cells));
}

std::string to_csv(const Table& table) {
  std::vector<std::string> fields;
  for (const auto& column : table.columns) fields.push_back(csv_field(column.name));
  std::string out = base::join(fields, ",") + "\r\n";
  for (const auto& row : table.rows) {
    for (std::size_t j = 0; j < fields.size(); ++j) fields[j] = csv_cell(cell_of(row, j));
    out += base::join(fields, ",") + "\r\n";
  }
  return out;
}

std::string to_markdown(const Table& table) {
  std::vector<std::string> names;
  std::vector<std::string> rules;
  for (std::size_t j = 0; j < table.columns.size(); ++j) {
    names.push_back(markdown_field(table.columns[j].name));
    rules.push_back(holds_numbers(table, j) ? "---:" : "---");
  }
  std::string out;
  if (!table.title.empty()) out += "**" + markdown_field(table.title) + "**\n\n";
  out += markdown_row(names) + markdown_row(rules);
  for (const auto& row : table.rows) {
    std::vector<std::string> fields;
    for (std::size_t j = 0; j < table.columns.size(); ++j) {
      fields.push_back(markdown_field(plain_cell(cell_of(row, j), table.columns[j].digits)));
    }
    out += markdown_row(fields);
  }
  if (!table.caption.empty()) out += '\n' + table.caption + '\n';
  return out;
}

nlohmann::json to_json(const Table& table) {
  nlohmann::json rows = nlohmann::json::array();
  for (const auto& row : table.rows) {
    nlohmann::json object = nlohmann::json::object();
    for (std::size_t j = 0; j < table.columns.size(); ++j) {
      object[table.columns[j].name] = json_cell(cell_of(row, j));
    }
    rows.push_back(std::move(object));
  }
  return rows;
}

}  // namespace overparam::report
