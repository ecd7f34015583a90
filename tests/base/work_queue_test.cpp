// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/work_queue.hpp"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <limits>
#include <thread>

#include "overparam/base/interrupt.hpp"
#include "overparam/base/threads.hpp"
#include "support/files.hpp"

namespace overparam::base {
namespace {

TEST(WorkQueue, RunsEveryItemOnceAndReportsInTurn) {
  std::atomic<int> sum = 0;
  std::vector<WorkItem> items;
  for (int i = 1; i <= 100; ++i) items.push_back({std::to_string(i), 0, [&sum, i] { sum += i; }});
  std::int64_t reports = 0;
  const WorkQueue queue(
      {.threads = 4, .on_finished = [&](std::int64_t done, std::int64_t total, auto&) {
         EXPECT_EQ(done, ++reports);
         EXPECT_EQ(total, 100);
       }});
  const auto summary = queue.run(items);
  EXPECT_EQ(sum, 5050);
  EXPECT_EQ(summary.finished, 100);
  EXPECT_EQ(reports, 100);
}

TEST(WorkQueue, AFailureDoesNotStopTheOthers) {
  std::atomic<int> finished = 0;
  const WorkQueue queue({.threads = 2});
  const auto summary = queue.run({
      {"good", 0, [&] { ++finished; }},
      {"bad", 0, [] { throw Error(ErrorKind::numeric, "overflow"); }},
      {"also good", 0, [&] { ++finished; }},
  });
  EXPECT_EQ(finished, 2);
  ASSERT_EQ(summary.failures.size(), 1u);
  EXPECT_EQ(summary.failures[0].name, "bad");
  tests::expect_error(ErrorKind::numeric, {"overflow"}, [&] { summary.rethrow(); });
}

TEST(WorkQueue, StaysInsideTheMemoryLimit) {
  std::atomic<int> in_flight = 0;
  std::atomic<int> most = 0;
  std::vector<WorkItem> items;
  for (int i = 0; i < 8; ++i) {
    items.push_back({"item", 60, [&] {
                       most = std::max<int>(most, ++in_flight);
                       std::this_thread::sleep_for(std::chrono::milliseconds(5));
                       --in_flight;
                     }});
  }
  EXPECT_EQ(WorkQueue({.threads = 4, .memory_limit = 100}).run(items).finished, 8);
  EXPECT_EQ(most, 1);
  most = 0;
  EXPECT_EQ(WorkQueue({.threads = 4, .memory_limit = 130}).run(items).finished, 8);
  EXPECT_EQ(most, 2);
  // Beside one of any size there is no room, whatever their sum comes to in 64 bits.
  most = 0;
  items[0].bytes = std::numeric_limits<std::uint64_t>::max() - 10;
  EXPECT_EQ(WorkQueue({.threads = 4, .memory_limit = 100}).run(items).finished, 8);
  EXPECT_EQ(most, 1);
}

TEST(WorkQueue, AFailedReportIsRecordedLikeAFailedItem) {
  const WorkItem item{"item", 0, [] {}};
  const WorkQueue queue({.threads = 2, .on_finished = [](std::int64_t done, std::int64_t, auto&) {
                           if (done == 3) throw Error(ErrorKind::capacity, "disk full");
                         }});
  const auto summary = queue.run({item, item, item, item});
  EXPECT_EQ(summary.finished, 4);
  ASSERT_EQ(summary.failures.size(), 1u);
  tests::expect_error(ErrorKind::capacity, {"disk full"}, [&] { summary.rethrow(); });
}

TEST(WorkQueue, ThreadsThatNoMachineHasAreRefusedBeforeAnyStarts) {
  std::atomic<int> ran = 0;
  const WorkItem item{"item", 0, [&] { ++ran; }};
  for (const int threads : {-1, 100'000}) {
    tests::expect_error(ErrorKind::usage, {"threads"}, [&] {
      WorkQueue({.threads = threads}).run({item, item});
    });
  }
  EXPECT_EQ(ran, 0);
}

TEST(WorkQueue, DividesTheCores) {
  std::atomic<int> seen = 0;
  const WorkItem look{"look", 0, [&] { seen = at::get_num_threads(); }};
  WorkQueue({.threads = 4}).run({look});
  EXPECT_EQ(seen, 4);
  WorkQueue({.threads = 4}).run({look, look});
  EXPECT_EQ(seen, 2);
  WorkQueue({.threads = 2}).run({look, look, look});
  EXPECT_EQ(seen, 1);
}

TEST(WorkQueue, StaysWithinTheCoresOfItsCaller) {
  std::atomic<int> seen = 0;
  const WorkItem look{"look", 0, [&] { seen = at::get_num_threads(); }};
  {
    const ThreadGuard one(1);
    WorkQueue().run({look});
    EXPECT_EQ(seen, 1);
  }
  {
    const ThreadGuard six(6);
    WorkQueue().run({look, look});
    EXPECT_EQ(seen, 3);
  }
  const WorkItem inner{"inner", 0, [&] { WorkQueue().run({look}); }};
  WorkQueue({.threads = 4}).run({inner, inner});
  EXPECT_EQ(seen, 2);
}

TEST(WorkQueue, StopsBetweenItemsWhenInterrupted) {
  std::atomic<int> ran = 0;
  const WorkItem item{"item", 0, [&] {
                        ++ran;
                        set_interrupt(2);
                      }};
  const auto summary = WorkQueue({.threads = 1}).run({item, item, item});
  set_interrupt(0);
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(summary.finished, 1);
  EXPECT_EQ(summary.skipped, 2);
}

}  // namespace
}  // namespace overparam::base
