// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace overparam::base {

/// JSON on one line, or indented by `indent`. What is not UTF-8, as in the name of a file, becomes
/// U+FFFD: it must not cost the document.
std::string json_text(const nlohmann::json& document, int indent = -1);

/// A value as people read it: a string without its quotes, anything else as JSON.
std::string plain_text(const nlohmann::json& value);

/// Writes a document whole or not at all.
void write_json(const std::filesystem::path& path, const nlohmann::json& document);

/// @throws Error(data) if the file is missing or not JSON
nlohmann::json read_json(const std::filesystem::path& path);

/// One JSON object a line, appended and flushed line by line, so that a killed process loses at
/// most the line it was writing.
class JsonLinesWriter {
 public:
  /// Opens for appending; an unfinished last line left by a killed process is cut off first.
  explicit JsonLinesWriter(const std::filesystem::path& path);

  /// @throws Error(capacity) if the line cannot be written
  void append(const nlohmann::json& line);

 private:
  std::filesystem::path path_;
  std::ofstream stream_;
};

/// The finished lines of a file; none if it does not exist.
/// @throws Error(data) naming file and line where a finished line is not JSON
std::vector<nlohmann::json> read_json_lines(const std::filesystem::path& path);

}  // namespace overparam::base
