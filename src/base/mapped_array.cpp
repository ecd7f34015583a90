// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/mapped_array.hpp"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "npy_header.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"

namespace overparam::base {

namespace fs = std::filesystem;

namespace {

fs::path with_suffix(fs::path path, const char* suffix) {
  path += suffix;
  return path;
}

/// A descriptor that closes itself.
struct Descriptor {
  explicit Descriptor(int opened) : number(opened) {}
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number;
};

[[noreturn]] void fail_to_make(const fs::path& path, int reason) {
  const bool full = reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
  fail(full ? ErrorKind::capacity : ErrorKind::usage,
       "cannot write {}: {}",
       path.string(),
       std::strerror(reason));
}

}  // namespace

void MappedArray::forget(const fs::path& path) {
  fs::remove(with_suffix(path, ".tiles"));
  fs::remove(with_suffix(path, ".part"));
}

MappedArray::MappedArray(fs::path path,
                         std::vector<std::int64_t> sizes,
                         at::ScalarType type,
                         const std::string& identity,
                         std::int64_t tile_side,
                         bool fresh)
    : path_(std::move(path)),
      part_(with_suffix(path_, ".part")),
      log_(with_suffix(path_, ".tiles")),
      tile_side_(tile_side) {
  const fs::path folder = path_.has_parent_path() ? path_.parent_path() : fs::path(".");
  make_writable_folder(folder);
  require(!fs::is_directory(path_),
          ErrorKind::usage,
          "cannot write {}: it is a folder",
          path_.string());
  std::uint64_t bytes = c10::elementSize(type);
  for (const auto size : sizes) bytes *= static_cast<std::uint64_t>(size);
  const std::string header = npy_header(sizes, type);
  read_log(identity, fresh);
  if (done_.empty()) {
    forget(path_);  // first, because it takes room
    const auto room = fs::space(folder).available;
    require(bytes + header.size() <= room,
            ErrorKind::capacity,
            "{} needs {}, and its file system has {}",
            path_.string(),
            format_bytes(bytes),
            format_bytes(room));
    write_file(part_, header);
    write_file(log_, fmt::format("{}\n{}\n", identity, tile_side_));
  }
  map_file(header.size(), bytes);
  tensor_ = at::from_blob(
      static_cast<char*>(memory_) + header.size(), sizes, at::TensorOptions().dtype(type));
}

MappedArray::~MappedArray() {
  if (memory_ != nullptr) ::munmap(memory_, mapped_);
}

void MappedArray::read_log(const std::string& identity, bool fresh) {
  std::error_code ignored;
  if (fresh || !fs::exists(log_, ignored) || !fs::exists(part_, ignored)) return;
  const std::string text = read_file(log_);
  const std::size_t whole_lines = text.rfind('\n') + 1;
  std::istringstream log(text.substr(0, whole_lines));
  std::string found;
  std::getline(log, found);
  require(found == identity,
          ErrorKind::usage,
          "{} is unfinished and of something else: it says \"{}\", this is \"{}\"; --fresh removes "
          "it",
          path_.string(),
          found,
          identity);
  std::string side;
  std::getline(log, side);
  const auto stored = parse_integer(side);
  if (!stored) return;  // killed before the first tile
  // A line that was cut short says nothing, and must not become the beginning of the next one.
  fs::resize_file(log_, whole_lines);
  for (std::string line; std::getline(log, line);) {
    if (const auto tile = parse_integer(line)) done_.insert(*tile);
  }
  if (!done_.empty()) tile_side_ = *stored;
}

void MappedArray::map_file(std::uint64_t header_bytes, std::uint64_t bytes) {
  mapped_ = header_bytes + bytes;
  const Descriptor file(::open(part_.c_str(), O_RDWR | O_CLOEXEC));
  if (file.number < 0) fail_to_make(part_, errno);
  // Room is taken now: a full device is an error here and no signal later.
  if (const int reason = ::posix_fallocate(file.number, 0, static_cast<::off_t>(mapped_))) {
    fail_to_make(part_, reason);
  }
  memory_ = ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_SHARED, file.number, 0);
  if (memory_ == MAP_FAILED) {
    memory_ = nullptr;
    fail_to_make(part_, errno);
  }
}

void MappedArray::finish(std::int64_t tile) {
  done_.insert(tile);
  std::ofstream log(log_, std::ios::app);
  log << tile << '\n';
  log.flush();
  require(log.good(), ErrorKind::capacity, "cannot write {}", log_.string());
}

void MappedArray::commit() {
  if (::msync(memory_, mapped_, MS_SYNC) != 0) fail_to_make(part_, errno);
  std::error_code failed;
  fs::rename(part_, path_, failed);
  if (failed) fail_to_make(path_, failed.value());
  fs::remove(log_, failed);
}

}  // namespace overparam::base
