// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "input_file.hpp"

namespace overparam::data {

/// Splits a text file into records of fields after RFC 4180: fields may be quoted, quotes in them
/// are doubled, and quoted fields may hold separators and line ends. The separator is the one of
/// comma, semicolon and tab that the first line holds most often. Blank lines are skipped.
class CsvRecords {
 public:
  explicit CsvRecords(InputFile& file);

  /// Reads the next record; false at the end of the file.
  /// @throws Error(data) naming the line of a quote that is never closed or closed too early
  bool next(std::vector<std::string>& fields);

  /// The line, from 1, where the last record began.
  [[nodiscard]] std::int64_t line() const { return record_line_; }

 private:
  static constexpr int kEnd = -1;

  int peek();
  int get();
  void fill();
  void detect_separator();
  std::string read_field();
  std::string read_quoted();

  InputFile& file_;
  std::string buffer_;
  std::size_t place_ = 0;
  bool exhausted_ = false;
  char separator_ = ',';
  std::int64_t line_ = 1;
  std::int64_t record_line_ = 0;
};

}  // namespace overparam::data
