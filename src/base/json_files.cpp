// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/json_files.hpp"

#include <nlohmann/json.hpp>

#include "overparam/base/files.hpp"
#include "overparam/base/require.hpp"

namespace overparam::base {

namespace fs = std::filesystem;

std::string json_text(const nlohmann::json& document, int indent) {
  return document.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string plain_text(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : json_text(value);
}

void write_json(const fs::path& path, const nlohmann::json& document) {
  write_file(path, json_text(document, 1) + '\n');
}

nlohmann::json read_json(const fs::path& path) {
  auto document = nlohmann::json::parse(read_file(path), nullptr, false);
  require(!document.is_discarded(), ErrorKind::data, "{}: damaged (not JSON)", path.string());
  return document;
}

JsonLinesWriter::JsonLinesWriter(const fs::path& path) : path_(path) {
  if (fs::exists(path)) {
    const std::string text = read_file(path);
    const auto last_newline = text.rfind('\n');
    const std::size_t finished = last_newline == std::string::npos ? 0 : last_newline + 1;
    if (finished != text.size()) fs::resize_file(path, finished);
  }
  stream_.open(path, std::ios::app | std::ios::binary);
  require(stream_.good(), ErrorKind::usage, "cannot write {}", path.string());
}

void JsonLinesWriter::append(const nlohmann::json& line) {
  stream_ << json_text(line) << '\n' << std::flush;
  require(
      stream_.good(), ErrorKind::capacity, "cannot write {}: is the disk full?", path_.string());
}

std::vector<nlohmann::json> read_json_lines(const fs::path& path) {
  std::vector<nlohmann::json> lines;
  if (!fs::exists(path)) return lines;
  const std::string text = read_file(path);
  std::size_t begin = 0;
  for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    auto line = nlohmann::json::parse(text.begin() + static_cast<std::ptrdiff_t>(begin),
                                      text.begin() + static_cast<std::ptrdiff_t>(end),
                                      nullptr,
                                      false);
    require(!line.is_discarded(),
            ErrorKind::data,
            "{}, line {}: not a JSON object",
            path.string(),
            lines.size() + 1);
    lines.push_back(std::move(line));
    begin = end + 1;
  }
  return lines;
}

}  // namespace overparam::base
