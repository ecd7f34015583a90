// SPDX-License-Identifier: Apache-2.0
// Parts of a page, to be looked at one by one.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "overparam/report/page.hpp"

namespace overparam::tests {

inline std::vector<std::string> figure_ids(const report::Page& page) {
  std::vector<std::string> ids;
  for (const auto& block : page.blocks) {
    if (const auto* figure = std::get_if<report::Figure>(&block)) ids.push_back(figure->id);
  }
  return ids;
}

inline const report::Figure& figure_called(const report::Page& page, const std::string& id) {
  for (const auto& block : page.blocks) {
    const auto* figure = std::get_if<report::Figure>(&block);
    if (figure != nullptr && figure->id == id) return *figure;
  }
  throw std::runtime_error("no figure " + id);
}

inline const report::Table& table_called(const report::Page& page, const std::string& title) {
  for (const auto& block : page.blocks) {
    const auto* table = std::get_if<report::Table>(&block);
    if (table != nullptr && table->title == title) return *table;
  }
  throw std::runtime_error("no table " + title);
}

inline std::vector<std::string> names(const report::Figure& figure) {
  std::vector<std::string> result;
  for (const auto& series : figure.series) result.push_back(series.name);
  return result;
}

template <typename Block>
std::size_t count(const report::Page& page) {
  return static_cast<std::size_t>(std::ranges::count_if(
      page.blocks, [](const auto& block) { return std::holds_alternative<Block>(block); }));
}

inline bool mentions(const report::Page& page, const std::string& text) {
  return report::to_html(page).find(text) != std::string::npos;
}

}  // namespace overparam::tests
