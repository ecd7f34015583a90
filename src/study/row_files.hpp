// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "overparam/base/json_files.hpp"
#include "overparam/base/require.hpp"

namespace overparam::study {

/// Reads the finished lines of a file of rows, if there is one.
/// @throws Error(data) naming file and line where one is not JSON or not what `read` expects
inline void for_each_row(const std::filesystem::path& path,
                         const std::function<void(const nlohmann::json& line)>& read) {
  std::size_t number = 0;
  for (const auto& line : base::read_json_lines(path)) {
    ++number;
    try {
      read(line);
    } catch (const nlohmann::json::exception& error) {
      base::fail(ErrorKind::data, "{}, line {}: damaged ({})", path.string(), number, error.what());
    }
  }
}

}  // namespace overparam::study
