// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

struct gzFile_s;

namespace overparam::data {

/// Reads a file front to back, unpacking gzip on the way. All counts are of unpacked bytes.
class InputFile {
 public:
  /// @throws Error(data) naming the file if it cannot be opened
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// Fills `out` as far as the file goes, and returns how far.
  /// @throws Error(data) naming file and byte where gzip data are damaged or cut short
  std::size_t read(std::span<char> out);

  /// The next `count` bytes, or fewer at the end of the file. Memory grows with what is really
  /// there, so that a header that lies about its size costs none.
  /// @throws Error(capacity) where as much as the file can hold of them would not fit
  std::string take(std::uint64_t count);

  [[nodiscard]] std::uint64_t position() const { return position_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  /// Bytes that can still come out of it.
  [[nodiscard]] std::uint64_t most_left() const;

  std::string name_;
  std::uint64_t size_ = 0;  // on disk
  gzFile_s* file_ = nullptr;
  std::uint64_t position_ = 0;
};

/// Up to `count` bytes from the start of a file, unpacked; none if it cannot be read. For judging
/// what a file is.
std::string first_bytes(const std::filesystem::path& path, std::uint64_t count);

}  // namespace overparam::data
