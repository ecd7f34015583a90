// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"

namespace overparam::base {

/// Refuses `name`. @throws Error(usage) with "did you mean" and all names
[[noreturn]] inline void fail_unknown(std::string_view kind,
                                      const std::string& name,
                                      const std::vector<std::string>& known) {
  fail(ErrorKind::usage,
       "there is no {} \"{}\"{}; known: {}",
       kind,
       name,
       did_you_mean(name, known),
       join(known, ", "));
}

template <typename Entry>
std::vector<std::string> names_of(const std::vector<Entry>& catalogue) {
  std::vector<std::string> names;
  for (const auto& entry : catalogue) names.push_back(entry.name);
  return names;
}

/// The entry called `name`. @throws Error(usage) with "did you mean" and all names
template <typename Entry>
const Entry& find_by_name(const std::vector<Entry>& catalogue,
                          std::string_view kind,
                          const std::string& name) {
  for (const auto& entry : catalogue) {
    if (entry.name == name) return entry;
  }
  fail_unknown(kind, name, names_of(catalogue));
}

/// The names of an enumeration's values.
template <typename Enum, std::size_t Count>
using EnumNames = std::array<std::pair<Enum, const char*>, Count>;

template <typename Enum, std::size_t Count>
std::string name_in(const EnumNames<Enum, Count>& names, Enum value) {
  for (const auto& [entry, name] : names) {
    if (entry == value) return name;
  }
  fail(ErrorKind::internal, "an enumerator without a name");
}

/// The value called `text`. @throws Error(usage) with "did you mean" and all names
template <typename Enum, std::size_t Count>
Enum value_in(const EnumNames<Enum, Count>& names, std::string_view kind, const std::string& text) {
  std::vector<std::string> known;
  for (const auto& [entry, name] : names) {
    if (text == name) return entry;
    known.emplace_back(name);
  }
  fail_unknown(kind, text, known);
}

}  // namespace overparam::base
