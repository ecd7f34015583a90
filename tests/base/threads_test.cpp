// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/threads.hpp"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "support/files.hpp"

namespace overparam::base {
namespace {

TEST(Threads, AreRestoredAfterTheGuard) {
  const ThreadGuard outer(1);
  {
    const ThreadGuard inner(0);
    EXPECT_EQ(at::get_num_threads(), available_threads());
  }
  EXPECT_EQ(at::get_num_threads(), 1);
}

TEST(Threads, NumbersThatNoMachineHasAreRefused) {
  for (const int threads : {-1, 100'000}) {
    tests::expect_error(ErrorKind::usage, {"threads", std::to_string(threads), "1024"}, [&] {
      const ThreadGuard guard(threads);
    });
  }
}

}  // namespace
}  // namespace overparam::base
