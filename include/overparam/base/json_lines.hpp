// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace overparam::base {

/// One JSON object a line, appended and flushed line by line, so that a killed process loses at
/// most the line it was writing.
class JsonLinesWriter {
 public:
  /// Opens for appending; an unfinished last line left by a killed process is cut off first.
  explicit JsonLinesWriter(const std::filesystem::path& path);

  void append(const nlohmann::json& line);

 private:
  std::filesystem::path path_;
  std::ofstream stream_;
};

/// The finished lines of a file; none if it does not exist.
/// @throws Error(data) naming file and line where a finished line is not JSON
std::vector<nlohmann::json> read_json_lines(const std::filesystem::path& path);

}  // namespace overparam::base
