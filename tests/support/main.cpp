// SPDX-License-Identifier: Apache-2.0
// Runs the tests with two threads at most, and says what it ran on.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "overparam/base/blas.hpp"
#include "overparam/base/threads.hpp"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  overparam::base::use_fast_blas_kernels();
  const overparam::base::ThreadGuard threads(std::min(2, overparam::base::available_threads()));
  const int result = RUN_ALL_TESTS();
  const auto& unit = *testing::UnitTest::GetInstance();
  std::printf("%d tests ran, %d skipped\n",
              unit.test_to_run_count() - unit.skipped_test_count(),
              unit.skipped_test_count());
  if (unit.test_to_run_count() == 0) {
    std::puts("no test matched the filter");
    return 1;
  }
  if (unit.skipped_test_count() == unit.test_to_run_count()) {
    std::puts("all tests of this file skipped");
  }
  return result;
}
