// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace overparam::base {

/// Cores this process may use.
[[nodiscard]] int available_threads();

/// Sets how many threads ATen and the BLAS use for work started from the calling thread, and
/// restores the former number. LibTorch's own default cannot be trusted: some builds start with 1.
class ThreadGuard {
 public:
  /// @param threads at least 1 and at most 1,024; 0 means all available
  /// @throws Error(usage) for another number: the BLAS starts as many as it is told
  explicit ThreadGuard(int threads);
  ~ThreadGuard();
  ThreadGuard(const ThreadGuard&) = delete;
  ThreadGuard& operator=(const ThreadGuard&) = delete;

 private:
  int former_;
};

}  // namespace overparam::base
