// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/threads.hpp"

#include <ATen/Parallel.h>
#include <sched.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include <algorithm>
#include <thread>

#include "overparam/base/require.hpp"

namespace overparam::base {

namespace {

constexpr int kMostThreads = 1024;

/// at::set_num_threads would also build a pool that nothing here uses anew, milliseconds a call.
/// What ATen and the BLAS obey is OpenMP's number for the calling thread, once ATen has set its own.
void set_threads(int threads) {
  if (at::get_num_threads() == threads) return;
#ifdef _OPENMP
  omp_set_num_threads(threads);
#else
  at::set_num_threads(threads);
#endif
}

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
  set_threads(threads > 0 ? threads : available_threads());
}

ThreadGuard::~ThreadGuard() { set_threads(former_); }

}  // namespace overparam::base
