// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/work_queue.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "overparam/base/interrupt.hpp"
#include "overparam/base/memory.hpp"
#include "overparam/base/threads.hpp"

namespace overparam::base {

namespace {

/// What the workers of one run share; every member is guarded by `mutex`.
class SharedRun {
 public:
  SharedRun(const std::vector<WorkItem>& items, const WorkQueueOptions& options)
      : items_(items), options_(options) {
    if (options_.memory_limit == 0) options_.memory_limit = available_memory() / 4 * 3;
  }

  /// Takes items until none is left or the user interrupts.
  void work() {
    while (const WorkItem* item = take()) {
      std::exception_ptr error;
      try {
        item->run();
      } catch (...) {
        error = std::current_exception();
      }
      give_back(*item, error);
    }
  }

  WorkSummary summary() {
    summary_.skipped = static_cast<std::int64_t>(items_.size() - next_);
    return std::move(summary_);
  }

 private:
  /// Beside what is in flight, which is more than the limit where one item alone is.
  [[nodiscard]] bool fits(const WorkItem& item) const {
    return bytes_in_flight_ <= options_.memory_limit &&
           item.bytes <= options_.memory_limit - bytes_in_flight_;
  }

  const WorkItem* take() {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (next_ == items_.size()) return nullptr;
      if (options_.stops_when_interrupted && interrupted()) return nullptr;
      const WorkItem& item = items_[next_];
      if (in_flight_ == 0 || fits(item)) {
        ++next_;
        ++in_flight_;
        bytes_in_flight_ += item.bytes;
        return &item;
      }
      memory_returned_.wait(lock);
    }
  }

  void give_back(const WorkItem& item, std::exception_ptr error) {
    const std::scoped_lock lock(mutex_);
    --in_flight_;
    bytes_in_flight_ -= item.bytes;
    ++done_;
    if (error) {
      summary_.failures.push_back({item.name, error});
    } else {
      ++summary_.finished;
    }
    report(item);
    memory_returned_.notify_all();
  }

  void report(const WorkItem& item) {
    if (!options_.on_finished) return;
    try {
      options_.on_finished(done_, static_cast<std::int64_t>(items_.size()), item.name);
    } catch (...) {
      summary_.failures.push_back({item.name, std::current_exception()});
    }
  }

  const std::vector<WorkItem>& items_;
  WorkQueueOptions options_;
  std::mutex mutex_;
  std::condition_variable memory_returned_;
  std::size_t next_ = 0;
  std::int64_t in_flight_ = 0;
  std::int64_t done_ = 0;
  std::uint64_t bytes_in_flight_ = 0;
  WorkSummary summary_;
};

}  // namespace

void WorkSummary::rethrow() const {
  if (!failures.empty()) std::rethrow_exception(failures.front().error);
}

WorkQueue::WorkQueue(WorkQueueOptions options) : options_(std::move(options)) {}

WorkSummary WorkQueue::run(const std::vector<WorkItem>& items) const {
  const int threads = options_.threads == 0 ? at::get_num_threads() : options_.threads;
  const int workers = std::clamp(static_cast<int>(items.size()), 1, std::max(threads, 1));
  const int threads_each = threads / workers;

  SharedRun shared(items, options_);
  // A number that no machine has is refused here; in a helper it would end the program.
  const ThreadGuard own(threads_each);
  std::vector<std::jthread> helpers;
  for (int i = 1; i < workers; ++i) {
    helpers.emplace_back([&] {
      const ThreadGuard guard(threads_each);
      shared.work();
    });
  }
  shared.work();
  helpers.clear();
  return shared.summary();
}

}  // namespace overparam::base
