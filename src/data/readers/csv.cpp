// SPDX-License-Identifier: Apache-2.0
// Tables of numbers with one column of labels or targets.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "class_values.hpp"
#include "csv_records.hpp"
#include "input_file.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/base/utf8.hpp"
#include "overparam/data/sources.hpp"
#include "row_store.hpp"

namespace overparam::data {

namespace fs = std::filesystem;

namespace {

using Record = std::vector<std::string>;

/// Integers of more different values than this count something rather than name a class.
constexpr std::size_t kMostIntegerClasses = 1000;
constexpr std::string_view kLabelNames[] = {"label", "class", "target", "y"};

/// What the columns mean.
struct Layout {
  std::int64_t columns = 0;
  std::int64_t label = 0;
  Record header;  // empty where the file has none

  [[nodiscard]] std::string column_name(std::int64_t column) const {
    return header.empty() ? fmt::format("column {}", column)
                          : fmt::format("column {} (\"{}\")",
                                        column,
                                        base::trim(header[static_cast<std::size_t>(column)]));
  }
};

bool is_number(std::string_view field) { return base::parse_number(base::trim(field)).has_value(); }

/// Enough of a field to find it in the file.
std::string shorten(std::string_view field) {
  constexpr std::size_t kShown = 40;
  return fmt::format("{}{}", field.substr(0, kShown), field.size() > kShown ? "..." : "");
}

std::optional<std::int64_t> find_name(const Record& record, std::string_view name) {
  for (std::size_t i = 0; i < record.size(); ++i) {
    if (base::trim(record[i]) == name) return static_cast<std::int64_t>(i);
  }
  return std::nullopt;
}

/// The column that the user asked for by name, or the one whose name says that it is the label.
std::optional<std::int64_t> find_label_name(const Record& first, const std::string& wanted) {
  if (base::parse_integer(wanted)) return std::nullopt;
  if (!wanted.empty()) return find_name(first, wanted);
  for (const auto name : kLabelNames) {
    if (const auto column = find_name(first, name)) return column;
  }
  return std::nullopt;
}

/// The label column by position: the wanted index, else the last column.
std::int64_t label_by_index(const std::string& file,
                            const Record& first,
                            const std::string& wanted) {
  const auto columns = std::ssize(first);
  if (wanted.empty()) return columns - 1;
  const auto index = base::parse_integer(wanted);
  if (!index) {
    base::fail(ErrorKind::usage,
               "{}: label column: no column is called \"{}\"; the first line is {}{}",
               file,
               wanted,
               shorten(base::join(first, ", ")),
               base::did_you_mean(wanted, first));
  }
  base::require(*index >= -columns && *index < columns,
                ErrorKind::usage,
                "{}: label column: {} is not between {} and {}",
                file,
                *index,
                -columns,
                columns - 1);
  return *index < 0 ? *index + columns : *index;
}

/// Decides whether the first record is a header: if no field of it is a number; if its label alone
/// is none, while the second record's is one; or if it names the label column. One wrong number
/// among others makes no header: it is a mistake, and must not swallow a row.
bool is_header(const Record& first, const Record& second, std::size_t label, bool label_is_named) {
  if (is_number(first[label])) return false;
  const auto numbers = static_cast<std::size_t>(std::ranges::count_if(first, is_number));
  const bool inputs_are_numbers = numbers == first.size() - 1;
  if (numbers == 0) return true;
  if (inputs_are_numbers && label < second.size() && is_number(second[label])) return true;
  // A lone "y" behind numbers may be the answer "yes" just as well.
  const bool may_be_a_value = inputs_are_numbers && base::trim(first[label]) == "y";
  return label_is_named && !may_be_a_value;
}

/// Names and labels end in the record of a run, which is JSON.
void require_utf8(const std::string& file, std::int64_t line, const std::string& text) {
  base::require(base::is_utf8(text),
                ErrorKind::data,
                "{}: line {}: a name or label is not UTF-8; save the file as UTF-8",
                file,
                line);
}

Layout find_layout(const std::string& file,
                   const Record& first,
                   const Record& second,
                   const std::string& wanted) {
  Layout layout{.columns = std::ssize(first)};
  const auto named = find_label_name(first, wanted);
  layout.label = named ? *named : label_by_index(file, first, wanted);
  if (is_header(first, second, static_cast<std::size_t>(layout.label), named.has_value())) {
    layout.header = first;
  }
  return layout;
}

/// Collects the records of a table.
class Table {
 public:
  Table(std::string file, Layout layout)
      : file_(std::move(file)), layout_(std::move(layout)), values_(file_, layout_.columns - 1) {}

  [[nodiscard]] bool has_header() const { return !layout_.header.empty(); }

  /// @param line where the record begins
  void append(const Record& record, std::int64_t line) {
    line_ = line;
    if (std::ssize(record) != layout_.columns) {
      base::fail(ErrorKind::data,
                 "{}: line {}: {} fields, expected {} as in the first line",
                 file_,
                 line_,
                 record.size(),
                 layout_.columns);
    }
    row_.clear();
    for (std::int64_t column = 0; column < layout_.columns; ++column) {
      const auto& field = record[static_cast<std::size_t>(column)];
      if (column == layout_.label) {
        labels_.push_back(label(field));
      } else {
        row_.push_back(number(field, column));
      }
    }
    values_.append(row_);
  }

  /// The finished data set.
  Dataset take(const fs::path& path) {
    base::require(values_.rows() > 0,
                  ErrorKind::data,
                  "{}: {}",
                  file_,
                  layout_.header.empty() ? "the file is empty" : "a header, but no rows follow it");
    Dataset dataset{
        .name = path.string(),
        .source = fmt::format("CSV, label in {}", layout_.column_name(layout_.label)),
        .shape = {layout_.columns - 1},
        .default_normalisation = Normalisation::footnote3,
    };
    dataset.train.inputs = values_.take();
    take_labels(dataset);
    return dataset;
  }

 private:
  double number(const std::string& field, std::int64_t column) const {
    const auto value = base::parse_number(base::trim(field));
    if (!value) {
      base::fail(ErrorKind::data,
                 "{}: line {}, {}: \"{}\" is not a number",
                 file_,
                 line_,
                 layout_.column_name(column),
                 shorten(field));
    }
    require_finite(*value, column);
    return *value;
  }

  /// Labels stay text until it is known whether all of them are numbers.
  std::string label(const std::string& field) const {
    std::string text(base::trim(field));
    if (text.empty()) {
      base::fail(ErrorKind::data,
                 "{}: line {}, {}: the label is missing",
                 file_,
                 line_,
                 layout_.column_name(layout_.label));
    }
    require_utf8(file_, line_, text);
    if (const auto value = base::parse_number(text)) require_finite(*value, layout_.label);
    return text;
  }

  void require_finite(double value, std::int64_t column) const {
    if (std::isfinite(value)) return;
    base::fail(ErrorKind::data,
               "{}: line {}, {}: {} is not finite",
               file_,
               line_,
               layout_.column_name(column),
               value);
  }

  void take_labels(Dataset& dataset) {
    if (!std::ranges::all_of(labels_, is_number)) {
      const Classes classes = number_classes(labels_, dataset.train.labels);
      dataset.num_classes = classes.count;
      dataset.class_names = classes.names;
      return;
    }
    at::Tensor numbers = at::empty({std::ssize(labels_), 1}, at::kDouble);
    auto* out = numbers.data_ptr<double>();
    for (const auto& text : labels_) *out++ = *base::parse_number(text);
    if (!name_classes(numbers)) {
      dataset.train.targets = numbers;
      return;
    }
    dataset.train.labels = numbers.view({-1}).to(at::kLong);
    const Classes classes = number_classes(std::vector{&dataset.train.labels});
    dataset.num_classes = classes.count;
    dataset.class_names = classes.names;
  }

  /// True if the numbers name classes: integers, and not too many different ones.
  static bool name_classes(const at::Tensor& numbers) {
    constexpr double kLargestExactInteger = 0x1p53;
    std::set<double> distinct;
    const auto* values = numbers.data_ptr<double>();
    for (std::int64_t i = 0; i < numbers.numel(); ++i) {
      if (values[i] != std::floor(values[i]) || std::abs(values[i]) > kLargestExactInteger)
        return false;
      distinct.insert(values[i]);
      if (distinct.size() > kMostIntegerClasses) return false;
    }
    return true;
  }

  std::string file_;
  Layout layout_;
  RowStore values_;
  std::vector<double> row_;
  std::vector<std::string> labels_;
  std::int64_t line_ = 0;
};

Dataset read_csv(const fs::path& path, const ReaderOptions& options) {
  InputFile file(path);
  CsvRecords records(file);
  Record first;
  base::require(records.next(first), ErrorKind::data, "{}: the file is empty", file.name());
  base::require(first.size() >= 2,
                ErrorKind::data,
                "{}: line {}: one column, expected inputs and a label separated by comma, "
                "semicolon or tab",
                file.name(),
                records.line());
  const std::int64_t first_line = records.line();
  Record second;
  const bool has_second = records.next(second);

  Table table(file.name(), find_layout(file.name(), first, second, options.label_column));
  if (table.has_header()) {
    for (const auto& name : first) require_utf8(file.name(), first_line, name);
  } else {
    table.append(first, first_line);
  }
  if (has_second) table.append(second, records.line());
  for (Record record; records.next(record);) table.append(record, records.line());
  return table.take(path);
}

bool recognises_csv(const fs::path& path) {
  if (fs::is_directory(path)) return false;
  fs::path name = path.filename();
  if (name.extension() == ".gz") name = name.stem();
  for (const char* extension : {".csv", ".tsv", ".txt", ".data"}) {
    if (name.extension() == extension) return true;
  }
  const std::string text = first_bytes(path, 4096);
  const auto is_text = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 || byte == '\t' || byte == '\n' || byte == '\r';
  };
  const auto first_line = std::string_view(text).substr(0, text.find('\n'));
  return std::ranges::all_of(text, is_text) &&
         first_line.find_first_of(",;\t") != std::string_view::npos;
}

}  // namespace

Reader csv() {
  return {
      .name = "csv",
      .description =
          "tables (.csv, .tsv, .txt, .data, also .gz) separated by comma, semicolon or tab, with "
          "or without a header; one column holds text or integers (classes) or other numbers "
          "(targets), every other column an input",
      .has_label_column = true,
      .recognises = recognises_csv,
      .read = read_csv,
  };
}

}  // namespace overparam::data
