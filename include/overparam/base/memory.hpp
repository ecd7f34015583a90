// SPDX-License-Identifier: Apache-2.0
// What a piece of work will need, said before it is taken.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace overparam::base {

/// Bytes that can still be taken without swapping: the smaller of the system's estimate and what
/// the control groups of this process leave.
[[nodiscard]] std::uint64_t available_memory();

/// What this process holds now, in bytes.
[[nodiscard]] std::uint64_t resident_memory();

/// The most memory this process has held at once, in bytes.
[[nodiscard]] std::uint64_t peak_resident_memory();

/// A list of what will be allocated, checked against a limit before any of it is.
class MemoryPlan {
 public:
  explicit MemoryPlan(std::string purpose) : purpose_(std::move(purpose)) {}

  void add(std::string what, std::uint64_t bytes);

  /// Count times size in bytes; an overflowing product counts as the largest number there is.
  void add(std::string what, std::vector<std::int64_t> sizes, std::uint64_t bytes_each);

  /// All items of another plan.
  void add(const MemoryPlan& other);

  [[nodiscard]] std::uint64_t total() const;

  /// One line: the total, then the items from large to small.
  [[nodiscard]] std::string describe() const;

  /// Whether it stays within `limit` bytes (0: what is available now).
  [[nodiscard]] bool fits(std::uint64_t limit = 0) const;

  /// @throws Error(capacity) with the plan if it exceeds `limit` bytes (0: what is available now).
  void check(std::uint64_t limit = 0) const;

 private:
  struct Item {
    std::string what;
    std::uint64_t bytes;
  };
  std::string purpose_;
  std::vector<Item> items_;
};

}  // namespace overparam::base
