// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/threads.hpp"

#include <ATen/Parallel.h>
#include <sched.h>

#include <algorithm>
#include <thread>

namespace overparam::base {

int available_threads() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return std::max(1, CPU_COUNT(&allowed));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

ThreadGuard::ThreadGuard(int threads) : former_(at::get_num_threads()) {
  at::set_num_threads(threads > 0 ? threads : available_threads());
}

ThreadGuard::~ThreadGuard() { at::set_num_threads(former_); }

}  // namespace overparam::base
