// SPDX-License-Identifier: Apache-2.0
// Arrays larger than memory, made piece by piece on disk.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace overparam::base {

/// A .npy in the making: PATH.part holds the array, mapped into memory, and PATH.tiles says what it
/// is and which of its tiles are done. An interrupted process leaves both, and the next one with
/// the same identity goes on from them; `commit` leaves PATH alone.
class MappedArray {
 public:
  /// @param identity of the content, one line: what an unfinished file must agree with
  /// @param tile_side of the tiles that a new file will be made of; an unfinished one keeps its own
  /// @param fresh throw away what an earlier process left
  /// @throws Error(usage) if an unfinished file is of something else, or the folder cannot be
  /// written
  /// @throws Error(capacity) if the file system has less room than the array needs
  MappedArray(std::filesystem::path path,
              std::vector<std::int64_t> sizes,
              at::ScalarType type,
              const std::string& identity,
              std::int64_t tile_side,
              bool fresh = false);
  ~MappedArray();
  MappedArray(const MappedArray&) = delete;
  MappedArray& operator=(const MappedArray&) = delete;

  /// Removes what an interrupted process left of this array.
  static void forget(const std::filesystem::path& path);

  /// A view of the file; valid while this is.
  [[nodiscard]] at::Tensor& tensor() { return tensor_; }

  /// What the numbers of tiles refer to.
  [[nodiscard]] std::int64_t tile_side() const { return tile_side_; }

  [[nodiscard]] bool is_done(std::int64_t tile) const { return done_.contains(tile); }
  [[nodiscard]] std::int64_t tiles_done() const { return std::ssize(done_); }

  /// Notes a tile, which is then kept by a later process.
  void finish(std::int64_t tile);

  /// Puts the file in place. The view stays.
  void commit();

 private:
  void read_log(const std::string& identity, bool fresh);
  void map_file(std::uint64_t header_bytes, std::uint64_t bytes);

  std::filesystem::path path_;
  std::filesystem::path part_;
  std::filesystem::path log_;
  std::int64_t tile_side_;
  std::set<std::int64_t> done_;
  at::Tensor tensor_;
  void* memory_ = nullptr;
  std::uint64_t mapped_ = 0;
};

}  // namespace overparam::base
