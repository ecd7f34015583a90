// SPDX-License-Identifier: Apache-2.0
#include "csv_records.hpp"

#include <algorithm>

#include "overparam/base/require.hpp"

namespace overparam::data {

namespace {

constexpr std::size_t kBuffer = 1 << 18;
/// No number or class name is this long: the file is not what it seems.
constexpr std::size_t kLongestField = 1 << 16;

}  // namespace

CsvRecords::CsvRecords(InputFile& file) : file_(file) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  fill();
  if (std::string_view(buffer_).starts_with(kByteOrderMark)) place_ = kByteOrderMark.size();
  detect_separator();
}

void CsvRecords::fill() {
  buffer_.resize(kBuffer);
  buffer_.resize(file_.read(buffer_));
  place_ = 0;
  exhausted_ = buffer_.empty();
}

int CsvRecords::peek() {
  if (place_ == buffer_.size() && !exhausted_) fill();
  return exhausted_ ? kEnd : static_cast<unsigned char>(buffer_[place_]);
}

int CsvRecords::get() {
  const int character = peek();
  if (character == kEnd) return kEnd;
  ++place_;
  if (character == '\n') ++line_;
  return character;
}

void CsvRecords::detect_separator() {
  constexpr std::string_view kSeparators = ",;\t";
  std::int64_t counts[kSeparators.size()] = {};
  bool quoted = false;
  for (std::size_t i = place_; i < buffer_.size(); ++i) {
    if (buffer_[i] == '"') quoted = !quoted;
    if (quoted) continue;
    if (buffer_[i] == '\n') break;
    const auto which = kSeparators.find(buffer_[i]);
    if (which != std::string_view::npos) ++counts[which];
  }
  separator_ = kSeparators[static_cast<std::size_t>(std::ranges::max_element(counts) - counts)];
}

bool CsvRecords::next(std::vector<std::string>& fields) {
  while (peek() == '\n' || peek() == '\r') get();
  fields.clear();
  if (peek() == kEnd) return false;
  record_line_ = line_;
  for (;;) {
    fields.push_back(read_field());
    if (peek() != separator_) break;
    get();
  }
  get();
  return true;
}

std::string CsvRecords::read_field() {
  if (peek() == '"') return read_quoted();
  std::string field;
  for (int c = peek(); c != kEnd && c != separator_ && c != '\n'; c = peek()) {
    if (field.size() == kLongestField) {
      base::fail(ErrorKind::data,
                 "{}: line {}: a field of more than {} characters; is this a CSV file?",
                 file_.name(),
                 line_,
                 kLongestField);
    }
    field += static_cast<char>(get());
  }
  if (field.ends_with('\r')) field.pop_back();
  return field;
}

std::string CsvRecords::read_quoted() {
  const std::int64_t opened = line_;
  std::string field;
  get();
  for (;;) {
    const int c = get();
    base::require(c != kEnd && field.size() < kLongestField,
                  ErrorKind::data,
                  "{}: line {}: the quote is never closed",
                  file_.name(),
                  opened);
    if (c == '"' && peek() != '"') break;
    field += static_cast<char>(c == '"' ? get() : c);
  }
  if (peek() == '\r') get();
  const int after = peek();
  base::require(after == kEnd || after == separator_ || after == '\n',
                ErrorKind::data,
                "{}: line {}: text follows a closing quote",
                file_.name(),
                opened);
  return field;
}

}  // namespace overparam::data
