// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/threads.hpp"

#include <ATen/Parallel.h>
#include <sched.h>

#include <algorithm>
#include <thread>

#include "overparam/base/require.hpp"

namespace overparam::base {

namespace {

constexpr int kMostThreads = 1024;

}  // namespace

int available_threads() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return std::max(1, CPU_COUNT(&allowed));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

ThreadGuard::ThreadGuard(int threads) : former_(at::get_num_threads()) {
  require(threads >= 0 && threads <= kMostThreads,
          ErrorKind::usage,
          "threads must lie between 0 (all cores) and {}, found {}",
          kMostThreads,
          threads);
  at::set_num_threads(threads > 0 ? threads : available_threads());
}

ThreadGuard::~ThreadGuard() { at::set_num_threads(former_); }

}  // namespace overparam::base
