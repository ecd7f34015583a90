// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace overparam::tests {

/// Counts the tensor storage that LibTorch takes from its CPU allocator while this lives.
class AllocationCounter {
 public:
  AllocationCounter();
  ~AllocationCounter();
  AllocationCounter(const AllocationCounter&) = delete;
  AllocationCounter& operator=(const AllocationCounter&) = delete;

  [[nodiscard]] std::int64_t count() const;
  [[nodiscard]] std::int64_t bytes() const;       ///< in all
  [[nodiscard]] std::int64_t peak_bytes() const;  ///< most at once, of what was taken since
};

}  // namespace overparam::tests
