// SPDX-License-Identifier: Apache-2.0
#include "overparam/data/sources.hpp"

#include "overparam/base/catalogue.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"

namespace overparam::data {

namespace {

Dataset read_recognised(const std::filesystem::path& path, const ReaderOptions& options) {
  std::string looked_for;
  for (const auto& reader : readers()) {
    if (reader.recognises(path)) {
      base::require(reader.has_label_column || options.label_column.empty(),
                    ErrorKind::usage,
                    "{}: read as {}, which has no label column, found \"{}\"",
                    path.string(),
                    reader.name,
                    options.label_column);
      return reader.read(path, options);
    }
    looked_for += fmt::format("\n  {}: {}", reader.name, reader.description);
  }
  base::fail(ErrorKind::data,
             "{}: {}; looked for{}",
             path.string(),
             std::filesystem::is_directory(path) ? "nothing in this folder is recognised"
                                                 : "this file is not recognised",
             looked_for);
}

}  // namespace

Dataset read_dataset(const std::filesystem::path& path, const ReaderOptions& options) {
  std::error_code error;
  base::require(std::filesystem::exists(path, error),
                ErrorKind::data,
                "cannot read {}: {}",
                path.string(),
                error ? error.message() : "no such file or folder");
  base::require(
      std::filesystem::is_regular_file(path, error) || std::filesystem::is_directory(path, error),
      ErrorKind::data,
      "cannot read {}: expected a file or a folder",
      path.string());
  try {
    return read_recognised(path, options);
  } catch (const std::filesystem::filesystem_error& failure) {
    base::fail(
        ErrorKind::data, "cannot read {}: {}", failure.path1().string(), failure.code().message());
  }
}

const Generator& find_generator(const std::string& name) {
  return base::find_by_name(generators(), "generator", name);
}

}  // namespace overparam::data
