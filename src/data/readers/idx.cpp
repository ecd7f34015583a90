// SPDX-License-Identifier: Apache-2.0
// IDX, the format of MNIST and Fashion-MNIST: bytes 0, 0, element type, number of dimensions, then
// one big-endian 32-bit size a dimension, then the elements in row-major order.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "images.hpp"
#include "input_file.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/require.hpp"
#include "overparam/data/sources.hpp"

namespace overparam::data {

namespace fs = std::filesystem;

namespace {

constexpr unsigned char kUnsignedByte = 0x08;
constexpr std::size_t kMostDimensions = 4;

/// An array of bytes as it lies in the file.
struct ByteArray {
  std::vector<std::int64_t> sizes;
  std::string bytes;
};

/// The two files of one part.
struct PartFiles {
  fs::path images;
  fs::path labels;
};

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    text += fmt::format("{}{:02x}", text.empty() ? "" : " ", static_cast<unsigned char>(byte));
  }
  return text;
}

bool has_magic(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  return bytes.size() >= 4 && byte(0) == 0 && byte(1) == 0 && byte(2) >= 0x08 && byte(2) <= 0x0e &&
         byte(3) >= 1 && byte(3) <= kMostDimensions;
}

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

std::vector<std::int64_t> read_sizes(InputFile& file, std::size_t dimensions) {
  const std::string bytes = file.take(4 * dimensions);
  base::require(bytes.size() == 4 * dimensions,
                ErrorKind::data,
                "{}: cut short at byte {}, inside its header of {} bytes",
                file.name(),
                file.position(),
                4 + 4 * dimensions);
  std::vector<std::int64_t> sizes;
  for (std::size_t i = 0; i < dimensions; ++i) {
    sizes.push_back(big_endian(std::string_view(bytes).substr(4 * i, 4)));
  }
  return sizes;
}

/// Everything after the sizes, which must be exactly what they promise.
std::string read_elements(InputFile& file, const std::vector<std::int64_t>& sizes) {
  std::uint64_t promised = 1;
  bool overflow = false;
  for (const auto size : sizes) {
    overflow |= __builtin_mul_overflow(promised, static_cast<std::uint64_t>(size), &promised);
  }
  const std::string promise = fmt::format("{}", fmt::join(sizes, " x "));
  base::require(!overflow,
                ErrorKind::data,
                "{}: the header promises {} bytes, which no file can hold",
                file.name(),
                promise);
  std::string bytes = file.take(promised);
  base::require(bytes.size() == promised,
                ErrorKind::data,
                "{}: cut short at byte {}: the header promises {} = {} bytes after it, found {}",
                file.name(),
                file.position(),
                promise,
                promised,
                bytes.size());
  const std::uint64_t end = file.position();
  base::require(file.take(1).empty(),
                ErrorKind::data,
                "{}: more data than the header promises: expected the end at byte {}",
                file.name(),
                end);
  return bytes;
}

/// @param what "images" or "labels"
ByteArray read_bytes(const fs::path& path, std::string_view what) {
  const bool want_images = what == "images";
  InputFile file(path);
  const std::string magic = file.take(4);
  base::require(!magic.empty(), ErrorKind::data, "{}: the file is empty", file.name());
  base::require(has_magic(magic),
                ErrorKind::data,
                "{}: not an IDX file: starts with bytes {}, expected 00 00 08 {} (IDX {})",
                file.name(),
                hexadecimal(magic),
                want_images ? "03" : "01",
                what);
  base::require(static_cast<unsigned char>(magic[2]) == kUnsignedByte,
                ErrorKind::data,
                "{}: element type 0x{} at byte 2, expected 0x08 (unsigned bytes)",
                file.name(),
                hexadecimal(std::string_view(magic).substr(2, 1)));
  const auto dimensions = static_cast<std::size_t>(magic[3]);
  base::require(want_images == (dimensions > 1),
                ErrorKind::data,
                "{}: holds {} (magic number {}), expected {} (magic number {})",
                file.name(),
                want_images ? "labels" : "images",
                big_endian(magic),
                what,
                want_images ? 2051 : 2049);
  ByteArray array;
  array.sizes = read_sizes(file, dimensions);
  array.bytes = read_elements(file, array.sizes);
  base::require(!array.bytes.empty(), ErrorKind::data, "{}: holds no {} at all", file.name(), what);
  return array;
}

/// Reads one part; `shape` and the class count become those of the data set.
Samples read_part(const PartFiles& files, Dataset& dataset) {
  const ByteArray images = read_bytes(files.images, "images");
  const ByteArray labels = read_bytes(files.labels, "labels");
  base::require(images.sizes[0] == labels.sizes[0],
                ErrorKind::data,
                "{} holds {} images, but {} holds {} labels",
                files.images.string(),
                images.sizes[0],
                files.labels.string(),
                labels.sizes[0]);
  const std::vector<std::int64_t> shape(images.sizes.begin() + 1, images.sizes.end());
  base::require(dataset.shape.empty() || dataset.shape == shape,
                ErrorKind::data,
                "{}: images of {}, but the training images are {}",
                files.images.string(),
                fmt::join(shape, " x "),
                fmt::join(dataset.shape, " x "));
  dataset.shape = shape;

  const std::int64_t count = images.sizes[0];
  base::plan_reading(files.images, images.bytes.size() * sizeof(float));
  Samples part;
  part.inputs = at::empty({count, static_cast<std::int64_t>(images.bytes.size()) / count});
  pixels_to_floats(images.bytes, part.inputs.data_ptr<float>());
  part.labels = at::empty({count}, at::kLong);
  auto* label = part.labels.data_ptr<std::int64_t>();
  for (const char byte : labels.bytes) *label++ = static_cast<unsigned char>(byte);
  dataset.num_classes = std::max(dataset.num_classes, part.labels.max().item<std::int64_t>() + 1);
  return part;
}

/// `path` itself, or its packed sibling, or nothing.
fs::path plain_or_packed(const fs::path& path) {
  if (fs::exists(path)) return path;
  fs::path packed = path;
  packed += ".gz";
  return fs::exists(packed) ? packed : fs::path();
}

/// The images or labels of `part` ("train", "t10k") in `folder`, under either distributed name.
fs::path find_in(const fs::path& folder, const std::string& part, const std::string& kind) {
  for (const char* form : {"{}-{}-idx{}-ubyte", "{}-{}.idx{}-ubyte"}) {
    const auto name = fmt::format(fmt::runtime(form), part, kind, kind == "images" ? 3 : 1);
    if (auto path = plain_or_packed(folder / name); !path.empty()) return path;
  }
  return {};
}

bool holds_images(const fs::path& folder) {
  return !find_in(folder, "train", "images").empty() || !find_in(folder, "t10k", "images").empty();
}

/// The folder with the files: `path`, `path`/raw, or torchvision's layout below `path`.
/// @throws Error(data) if two data sets lie below it
fs::path find_folder(const fs::path& path) {
  std::vector<fs::path> found;
  for (const char* below : {"", "raw", "MNIST/raw", "FashionMNIST/raw"}) {
    const fs::path folder = *below == '\0' ? path : path / below;
    if (holds_images(folder)) found.push_back(folder);
  }
  if (found.empty()) return {};
  base::require(found.size() == 1 || found[0] == path,
                ErrorKind::data,
                "{}: holds more than one data set: name {} or {}",
                path.string(),
                found[0].string(),
                found.back().string());
  return found[0];
}

PartFiles files_of(const fs::path& folder, const std::string& part) {
  PartFiles files{.images = find_in(folder, part, "images"),
                  .labels = find_in(folder, part, "labels")};
  if (files.images.empty()) return {};
  base::require(!files.labels.empty(),
                ErrorKind::data,
                "{}: no labels beside it, looked for {}-labels-idx1-ubyte and "
                "{}-labels-idx1-ubyte.gz",
                files.images.string(),
                part,
                part);
  return files;
}

/// The labels file that belongs to a single images file, by its name.
PartFiles files_beside(const fs::path& images) {
  std::string name = images.filename().string();
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  const auto rename = [&name](std::string_view from, std::string_view to) {
    const auto place = name.find(from);
    if (place != std::string::npos) name.replace(place, from.size(), to);
    return place != std::string::npos;
  };
  const bool renamed = rename("images", "labels");
  rename("idx3", "idx1");
  const auto labels = renamed ? plain_or_packed(images.parent_path() / name) : fs::path();
  base::require(!labels.empty(),
                ErrorKind::data,
                "{}: no labels beside it, looked for {}",
                images.string(),
                renamed ? fmt::format("{} and {}.gz", name, name)
                        : "a file of the same name with \"labels\" in place of \"images\"");
  return {.images = images, .labels = labels};
}

/// A labels file named by the user is a likely slip, and worth a better answer than a missing file.
void require_images(const fs::path& path) {
  const std::string magic = first_bytes(path, 4);
  base::require(!has_magic(magic) || magic[3] != 1,
                ErrorKind::data,
                "{}: holds labels (magic number {}), expected images (magic number 2051); name the "
                "images file or the folder, the labels are found beside it",
                path.string(),
                big_endian(magic));
}

Dataset read_idx(const fs::path& path, const ReaderOptions&) {
  PartFiles train;
  PartFiles test;
  if (fs::is_directory(path)) {
    const fs::path folder = find_folder(path);
    train = files_of(folder, "train");
    test = files_of(folder, "t10k");
    if (train.images.empty()) std::swap(train, test);
  } else {
    require_images(path);
    train = files_beside(path);
  }
  Dataset dataset{.name = path.string(), .default_normalisation = Normalisation::sphere};
  dataset.train = read_part(train, dataset);
  if (!test.images.empty()) dataset.test = read_part(test, dataset);
  dataset.source = fmt::format("IDX, images of {} from {}{}{}",
                               fmt::join(dataset.shape, " x "),
                               train.images.filename().string(),
                               test.images.empty() ? "" : " and ",
                               test.images.filename().string());
  return dataset;
}

bool recognises_idx(const fs::path& path) {
  if (fs::is_directory(path)) {
    for (const char* below : {"", "raw", "MNIST/raw", "FashionMNIST/raw"}) {
      if (holds_images(path / below)) return true;
    }
    return false;
  }
  const std::string name = path.filename().string();
  if (name.find("idx3-ubyte") != std::string::npos || name.find("idx1-ubyte") != std::string::npos)
    return true;
  // A CIFAR file may begin with these bytes too: label 0 and a dark corner.
  return path.extension() != ".bin" && has_magic(first_bytes(path, 4));
}

}  // namespace

Reader idx() {
  return {
      .name = "idx",
      .description =
          "MNIST, Fashion-MNIST: an IDX images file with its labels file beside it, or "
          "a folder with train-images-idx3-ubyte and so on (or t10k-*), plain or .gz; "
          "torchvision's ROOT/MNIST/raw and ROOT/FashionMNIST/raw are found from ROOT",
      .recognises = recognises_idx,
      .read = read_idx,
  };
}

}  // namespace overparam::data
