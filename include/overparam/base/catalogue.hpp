// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"

namespace overparam::base {

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
  const auto names = names_of(catalogue);
  fail(ErrorKind::usage,
       "there is no {} \"{}\"{}; known: {}",
       kind,
       name,
       did_you_mean(name, names),
       join(names, ", "));
}

}  // namespace overparam::base
