// SPDX-License-Identifier: Apache-2.0
// Files that are either the old one or the new one, never half of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace overparam::base {

/// Collects a new version of `path` beside it, and puts it in place by `commit`. Without a commit
/// nothing is left behind.
class AtomicFile {
 public:
  /// @throws Error(usage) if the folder cannot be written
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// @throws Error(capacity) if the device is full, Error(usage) on any other failed write
  void write(const void* bytes, std::size_t count);
  void write(std::string_view text) { write(text.data(), text.size()); }

  /// Flushes, checks and renames. @throws as `write`
  void commit();

 private:
  [[noreturn]] void fail_to_write(int error_number) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

/// The text becomes the file at once, or the file stays as it was. @throws as `AtomicFile`
void write_file(const std::filesystem::path& path, std::string_view text);

/// Refuses what would not fit before it is read. @throws Error(capacity) naming the path
void plan_reading(const std::filesystem::path& path, std::uint64_t bytes);

/// The whole file. @throws Error(data) naming the path and the reason, Error(capacity) for one that
/// would not fit the memory
std::string read_file(const std::filesystem::path& path);

/// Makes sure `folder` exists and can be written. @throws Error(usage) saying which part cannot
void make_writable_folder(const std::filesystem::path& folder);

}  // namespace overparam::base
