// SPDX-License-Identifier: Apache-2.0
// The one place that starts threads. Sweep points, claim measurements and kernel tiles are items of
// a queue, which gives them cores, keeps them inside the memory limit, and stops between items when
// the user interrupts. Several machines would join here, by taking different items.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <vector>

namespace overparam::base {

struct WorkItem {
  std::string name;
  std::uint64_t bytes = 0;  ///< peak memory while it runs, for the limit below
  std::function<void()> run;
};

struct WorkFailure {
  std::string name;
  std::exception_ptr error;
};

struct WorkSummary {
  std::int64_t finished = 0;
  std::int64_t skipped = 0;  ///< not started, because of an interrupt
  std::vector<WorkFailure> failures;

  /// Rethrows the first failure, if any.
  void rethrow() const;
};

struct WorkQueueOptions {
  /// Cores for the whole queue; 0: those that the caller's work has now, as `ThreadGuard` set them,
  /// so that a queue inside an item of another stays within that item's share.
  int threads = 0;
  std::uint64_t memory_limit =
      0;  ///< bytes for the items in flight; 0: three quarters of what is free
  /// False for items that are parts of one short result: an interrupt then waits for all of them.
  bool stops_when_interrupted = true;

  /// Called after each item, never from two threads at once.
  std::function<void(std::int64_t done, std::int64_t total, const std::string& name)> on_finished;
};

/// Runs items side by side: with at least as many items as cores each item has one core to itself,
/// with fewer the cores are divided. An item that throws, or whose report does, is recorded and the
/// others go on. An item larger than the limit runs alone.
class WorkQueue {
 public:
  explicit WorkQueue(WorkQueueOptions options = {});

  /// @throws Error(usage) where an item's share of the threads is one that `ThreadGuard` refuses
  WorkSummary run(const std::vector<WorkItem>& items) const;

 private:
  WorkQueueOptions options_;
};

}  // namespace overparam::base
