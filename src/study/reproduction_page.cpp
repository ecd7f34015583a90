// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "overparam/base/text.hpp"
#include "overparam/study/pages.hpp"
#include "overparam/study/recipe.hpp"

namespace overparam::study {

namespace {

std::string repeat_command(const Reproduction& reproduction) {
  const auto& options = reproduction.options;
  std::string command = "overparam reproduce " + reproduction.recipe->name;
  if (options.scale != claims::Scale::standard) {
    command += " --scale " + claims::to_string(options.scale);
  }
  if (options.images != ReproduceOptions().images) command += " --data " + options.images;
  if (options.seed != 0) command += fmt::format(" --seed {}", options.seed);
  return command;
}

constexpr const char* kComparisons = "Against what was published";

report::KeyNumbers key_numbers(const Reproduction& reproduction) {
  std::int64_t decide = 0, met = 0;
  for (const auto& comparison : reproduction.conclusion.comparisons) {
    if (!comparison.met) continue;
    ++decide;
    met += *comparison.met ? 1 : 0;
  }
  const auto& options = reproduction.options;
  const std::string settings =
      fmt::format("scale {}, first seed {}", claims::to_string(options.scale), options.seed);
  report::KeyNumbers numbers{.items = {{"criteria met",
                                        fmt::format("{} of {}", met, decide),
                                        "each criterion stands in the table"}}};
  if (const auto all = reproduction.measured + reproduction.reused; all > 0) {
    numbers.items.push_back({"measurements", base::format_count(all), settings});
  } else {
    numbers.items.push_back({"scale", claims::to_string(options.scale), settings});
  }
  return numbers;
}

std::vector<report::Column> comparison_columns() {
  return {{"quantity", ""},
          {"against", "where the published number stands"},
          {"published", ""},
          {"measured", "mean over the seeds"},
          {"low", "95 % interval", 3},
          {"high", "95 % interval", 3},
          {"criterion", ""},
          {"met", "empty where the comparison decides nothing"}};
}

std::vector<report::Cell> cells_of(const Comparison& comparison) {
  const auto number = [](double value) {
    return std::isfinite(value) ? report::Cell(value) : report::Cell();
  };
  report::Cell met;
  if (comparison.met) met = *comparison.met ? "yes" : "no";
  return {comparison.quantity,
          comparison.against,
          number(comparison.published),
          number(comparison.measured),
          number(comparison.interval.low),
          number(comparison.interval.high),
          comparison.criterion,
          met};
}

/// Of a comparison with words there is no number, and of one run no interval.
void drop_empty_columns(report::Table& table) {
  if (table.rows.empty()) return;
  for (std::size_t i = table.columns.size(); i-- > 0;) {
    const auto is_empty = [i](const auto& row) {
      return std::holds_alternative<std::monostate>(row[i]);
    };
    if (!std::ranges::all_of(table.rows, is_empty)) continue;
    const auto place = static_cast<std::ptrdiff_t>(i);
    table.columns.erase(table.columns.begin() + place);
    for (auto& row : table.rows) row.erase(row.begin() + place);
  }
}

/// One a group.
std::vector<report::Table> comparison_tables(const std::vector<Comparison>& comparisons) {
  std::vector<report::Table> tables;
  for (const auto& comparison : comparisons) {
    if (tables.empty() || tables.back().title != comparison.group) {
      tables.push_back({.title = comparison.group, .columns = comparison_columns()});
    }
    tables.back().add_row(cells_of(comparison));
  }
  for (auto& table : tables) drop_empty_columns(table);
  return tables;
}

}  // namespace

report::Table recipe_table() {
  report::Table table{.title = "Recipes",
                      .columns = {{"name", "what overparam reproduce takes"},
                                  {"cost", "time on two cores"},
                                  {"source", ""}}};
  for (const auto& recipe : recipes()) table.add_row({recipe.name, recipe.cost, recipe.source});
  return table;
}

report::Table comparison_table(const Reproduction& reproduction) {
  report::Table table{.title = kComparisons};
  table.columns = comparison_columns();
  table.columns.insert(table.columns.begin(), {"of", ""});
  std::string group;
  for (const auto& comparison : reproduction.conclusion.comparisons) {
    auto cells = cells_of(comparison);
    const bool first = std::exchange(group, comparison.group) != comparison.group;
    cells.insert(cells.begin(), first ? report::Cell(comparison.group) : report::Cell());
    table.add_row(std::move(cells));
  }
  drop_empty_columns(table);
  return table;
}

report::Page reproduction_page(const Reproduction& reproduction) {
  const auto& conclusion = reproduction.conclusion;
  report::Page page{
      .title = reproduction.recipe->title,
      .subtitle = std::string("scale ") + claims::to_string(reproduction.options.scale)};
  page.blocks.emplace_back(report::Paragraph{reproduction.recipe->source + "."});
  page.blocks.emplace_back(key_numbers(reproduction));
  for (const auto& finding : conclusion.findings) {
    page.blocks.emplace_back(report::Paragraph{finding});
  }
  page.blocks.insert(page.blocks.end(), conclusion.blocks.begin(), conclusion.blocks.end());
  page.blocks.emplace_back(report::Heading{kComparisons});
  for (auto& table : comparison_tables(conclusion.comparisons)) {
    page.blocks.emplace_back(std::move(table));
  }
  page.blocks.emplace_back(report::Heading{"Repeat"});
  page.blocks.emplace_back(report::Command{repeat_command(reproduction)});
  page.blocks.emplace_back(report::Details{.summary = "Machine and versions",
                                           .blocks = {environment_table(environment_json())}});
  return page;
}

}  // namespace overparam::study
