// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace overparam::study {

/// One `name = value` of a configuration file.
struct ConfigEntry {
  std::string key;    ///< "section.name"
  std::string value;  ///< as text
  std::string where;  ///< "file:line:column"
};

/// The entries of a TOML text in the order of the file.
/// @throws Error(usage) naming file, line and column of a syntax error or of a value that is no
/// scalar
std::vector<ConfigEntry> read_config(std::string_view text, const std::string& file);

}  // namespace overparam::study
