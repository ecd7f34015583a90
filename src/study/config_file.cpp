// SPDX-License-Identifier: Apache-2.0
// The only file that sees toml++, which costs 20 s to compile.
#include "config_file.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <utility>

#include "overparam/base/require.hpp"

namespace overparam::study {

namespace {

std::string location(const std::string& file, const toml::source_region& source) {
  return fmt::format("{}:{}:{}", file, source.begin.line, source.begin.column);
}

std::string scalar_text(const toml::node& node, const std::string& where) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto* whole = node.as_integer()) return std::to_string(whole->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  base::fail(ErrorKind::usage, "{}: expected a text, a number, true or false", where);
}

}  // namespace

std::vector<ConfigEntry> read_config(std::string_view text, const std::string& file) {
  std::vector<std::pair<toml::source_position, ConfigEntry>> found;
  try {
    const toml::table table = toml::parse(text, file);
    for (const auto& [section, contents] : table) {
      const std::string where = location(file, section.source());
      const auto* names = contents.as_table();
      base::require(names != nullptr,
                    ErrorKind::usage,
                    "{}: \"{}\" stands outside a section, expected [section] first",
                    where,
                    section.str());
      for (const auto& [name, value] : *names) {
        const std::string place = location(file, name.source());
        found.push_back(
            {name.source().begin,
             {fmt::format("{}.{}", section.str(), name.str()), scalar_text(value, place), place}});
      }
    }
  } catch (const toml::parse_error& error) {
    base::fail(ErrorKind::usage, "{}: {}", location(file, error.source()), error.description());
  }
  // A table is sorted by name.
  std::ranges::sort(
      found, {}, [](const auto& entry) { return std::pair(entry.first.line, entry.first.column); });
  std::vector<ConfigEntry> entries;
  for (auto& [position, entry] : found) entries.push_back(std::move(entry));
  return entries;
}

}  // namespace overparam::study
