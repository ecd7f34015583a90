// SPDX-License-Identifier: Apache-2.0
// The binary versions of CIFAR-10 (rows of one label and 3,072 pixels) and CIFAR-100 (a coarse
// label before the fine one). Pixels are the red, green and blue planes of 32 x 32.
// https://www.cs.toronto.edu/~kriz/cifar.html
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "images.hpp"
#include "input_file.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/data/sources.hpp"

namespace overparam::data {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kPixels = 3 * 32 * 32;
constexpr std::int64_t kRowsToJudge = 64;

struct Format {
  std::string_view name;
  std::int64_t label_bytes;  // before the pixels; the last of them is the label we take
  std::int64_t num_classes;
  std::string_view folder;
  std::string_view class_names;

  [[nodiscard]] std::int64_t row_size() const { return label_bytes + kPixels; }
};

constexpr Format kCifar10{.name = "CIFAR-10",
                          .label_bytes = 1,
                          .num_classes = 10,
                          .folder = "cifar-10-batches-bin",
                          .class_names = "batches.meta.txt"};
constexpr Format kCifar100{.name = "CIFAR-100",
                           .label_bytes = 2,
                           .num_classes = 100,
                           .folder = "cifar-100-binary",
                           .class_names = "fine_label_names.txt"};

/// What a path turned out to hold.
struct Found {
  const Format* format = nullptr;
  fs::path folder;
  std::vector<fs::path> train;
  std::vector<fs::path> test;
};

/// N of data_batch_N.bin, or nothing.
std::optional<std::int64_t> batch_number(const fs::path& path) {
  constexpr std::string_view kPrefix = "data_batch_";
  const std::string stem = path.stem().string();
  if (path.extension() != ".bin" || !stem.starts_with(kPrefix)) return std::nullopt;
  return base::parse_integer(std::string_view(stem).substr(kPrefix.size()));
}

std::vector<fs::path> batches_in(const fs::path& folder) {
  std::vector<std::pair<std::int64_t, fs::path>> numbered;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (const auto number = batch_number(entry.path()))
      numbered.emplace_back(*number, entry.path());
  }
  std::ranges::sort(numbered);
  std::vector<fs::path> paths;
  for (auto& [number, path] : numbered) paths.push_back(std::move(path));
  return paths;
}

std::vector<fs::path> existing(const fs::path& path) {
  return fs::is_regular_file(path) ? std::vector{path} : std::vector<fs::path>{};
}

Found find_in_folder(const fs::path& path) {
  for (const auto& folder : {path, path / kCifar10.folder}) {
    Found found{.format = &kCifar10,
                .folder = folder,
                .train = batches_in(folder),
                .test = existing(folder / "test_batch.bin")};
    if (!found.train.empty() || !found.test.empty()) return found;
  }
  for (const auto& folder : {path, path / kCifar100.folder}) {
    Found found{.format = &kCifar100,
                .folder = folder,
                .train = existing(folder / "train.bin"),
                .test = existing(folder / "test.bin")};
    if (!found.train.empty() || !found.test.empty()) return found;
  }
  return {};
}

/// True if the file is whole rows of this format, and its first rows have labels of it.
bool fits(const fs::path& path, const Format& format) {
  std::error_code error;
  const auto size = static_cast<std::int64_t>(fs::file_size(path, error));
  if (error || size <= 0 || size % format.row_size() != 0) return false;
  const std::int64_t rows = std::min(kRowsToJudge, size / format.row_size());
  const std::string bytes = first_bytes(path, static_cast<std::uint64_t>(rows * format.row_size()));
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto place = static_cast<std::size_t>(row * format.row_size() + format.label_bytes - 1);
    if (place >= bytes.size() || static_cast<unsigned char>(bytes[place]) >= format.num_classes)
      return false;
  }
  return true;
}

/// What a single file holds: by its distributed name, else by its contents.
const Format& format_of(const fs::path& path) {
  const std::string stem = path.stem().string();
  if (batch_number(path) || stem == "test_batch") return kCifar10;
  if (stem == "train" || stem == "test") return kCifar100;
  return !fits(path, kCifar10) && fits(path, kCifar100) ? kCifar100 : kCifar10;
}

std::int64_t count_rows(const fs::path& path, const Format& format) {
  std::error_code error;
  const auto size = static_cast<std::int64_t>(fs::file_size(path, error));
  base::require(!error, ErrorKind::data, "cannot read {}: {}", path.string(), error.message());
  base::require(size > 0, ErrorKind::data, "{}: the file is empty", path.string());
  base::require(size % format.row_size() == 0,
                ErrorKind::data,
                "{}: {} bytes are no whole number of {} rows of {} bytes ({} rows and {} bytes)",
                path.string(),
                size,
                format.name,
                format.row_size(),
                size / format.row_size(),
                size % format.row_size());
  return size / format.row_size();
}

void read_rows(const fs::path& path,
               const Format& format,
               std::int64_t count,
               float* pixels,
               std::int64_t* labels) {
  InputFile file(path);
  for (std::int64_t row = 0; row < count; ++row) {
    const std::string bytes = file.take(static_cast<std::uint64_t>(format.row_size()));
    if (std::ssize(bytes) != format.row_size()) {
      base::fail(ErrorKind::data, "{}: cut short at byte {}", file.name(), file.position());
    }
    const auto label_at = static_cast<std::size_t>(format.label_bytes - 1);
    labels[row] = static_cast<unsigned char>(bytes[label_at]);
    if (labels[row] >= format.num_classes) {
      base::fail(ErrorKind::data,
                 "{}: row {} (byte {}): label {}, expected 0 to {} for {}",
                 file.name(),
                 row,
                 row * format.row_size() + format.label_bytes - 1,
                 labels[row],
                 format.num_classes - 1,
                 format.name);
    }
    pixels_to_floats(std::string_view(bytes).substr(label_at + 1), pixels + row * kPixels);
  }
}

Samples read_files(const std::vector<fs::path>& files, const Format& format) {
  std::vector<std::int64_t> counts;
  std::int64_t total = 0;
  for (const auto& file : files) {
    counts.push_back(count_rows(file, format));
    total += counts.back();
  }
  base::plan_reading(files.front(), static_cast<std::uint64_t>(total * kPixels) * sizeof(float));
  Samples part{.inputs = at::empty({total, kPixels}), .labels = at::empty({total}, at::kLong)};
  auto* pixels = part.inputs.data_ptr<float>();
  auto* labels = part.labels.data_ptr<std::int64_t>();
  for (std::size_t i = 0; i < files.size(); ++i) {
    read_rows(files[i], format, counts[i], pixels, labels);
    pixels += counts[i] * kPixels;
    labels += counts[i];
  }
  return part;
}

/// The names beside the data, where there is exactly one for each class.
std::vector<std::string> read_class_names(const fs::path& folder, const Format& format) {
  std::vector<std::string> names;
  const std::string text = first_bytes(folder / format.class_names, 1 << 16);
  for (const auto& line : base::split(text, '\n')) {
    if (const auto name = base::trim(line); !name.empty()) names.emplace_back(name);
  }
  return std::ssize(names) == format.num_classes ? names : std::vector<std::string>{};
}

bool is_python_version(const fs::path& path) {
  return fs::is_regular_file(path / "data_batch_1") ||
         fs::is_regular_file(path / "cifar-10-batches-py" / "data_batch_1");
}

Dataset read_cifar(const fs::path& path, const ReaderOptions&) {
  Found found;
  if (fs::is_directory(path)) {
    found = find_in_folder(path);
    base::require(found.format != nullptr,
                  ErrorKind::data,
                  "{}: holds the Python version of CIFAR-10, expected the binary version "
                  "(cifar-10-binary.tar.gz, with data_batch_1.bin)",
                  path.string());
    if (found.train.empty()) std::swap(found.train, found.test);
  } else {
    found = {.format = &format_of(path), .folder = path.parent_path(), .train = {path}};
  }
  const Format& format = *found.format;
  Dataset dataset{
      .name = path.string(),
      .source = fmt::format("{} binary, {} file{}",
                            format.name,
                            found.train.size() + found.test.size(),
                            found.train.size() + found.test.size() == 1 ? "" : "s"),
      .shape = {3, 32, 32},
      .num_classes = format.num_classes,
      .class_names = read_class_names(found.folder, format),
      .default_normalisation = Normalisation::sphere,
      .train = read_files(found.train, format),
  };
  if (!found.test.empty()) dataset.test = read_files(found.test, format);
  return dataset;
}

bool recognises_cifar(const fs::path& path) {
  if (fs::is_directory(path)) {
    return find_in_folder(path).format != nullptr || is_python_version(path);
  }
  if (path.extension() == ".bin") return true;
  return !path.has_extension() && (fits(path, kCifar10) || fits(path, kCifar100));
}

}  // namespace

Reader cifar() {
  return {
      .name = "cifar",
      .description =
          "CIFAR-10 and CIFAR-100, binary version: a .bin file of whole rows (3,073 or 3,074 "
          "bytes), or a folder with data_batch_*.bin and test_batch.bin, or train.bin and "
          "test.bin; cifar-10-batches-bin and cifar-100-binary are found from their parent",
      .recognises = recognises_cifar,
      .read = read_cifar,
  };
}

}  // namespace overparam::data
