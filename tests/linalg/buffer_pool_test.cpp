// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/buffer_pool.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "support/allocations.hpp"

namespace overparam::linalg {
namespace {

TEST(BufferPool, ASecondRoundAllocatesNothing) {
  BufferPool pool(at::kFloat);
  const auto round = [&] {
    const Scratch a = pool.take({10, 20});
    const Scratch b = pool.take({10, 20});
    const Scratch small = pool.take({3});
    EXPECT_NE(a.tensor().data_ptr(), b.tensor().data_ptr());
    EXPECT_EQ(a.tensor().sizes(), (std::vector<std::int64_t>{10, 20}));
    EXPECT_TRUE(a.tensor().is_contiguous());
  };
  round();
  const auto bytes = pool.bytes();
  EXPECT_EQ(bytes, (200u + 200u + 3u) * sizeof(float));
  const tests::AllocationCounter counter;
  round();
  EXPECT_EQ(counter.count(), 0);
  EXPECT_EQ(pool.bytes(), bytes);
}

TEST(BufferPool, ASmallerRequestReusesALargerBuffer) {
  BufferPool pool(at::kDouble);
  pool.take({100, 10}).give_back();
  const Scratch last_batch = pool.take({7, 10});
  EXPECT_EQ(pool.bytes(), 1000 * sizeof(double));
}

TEST(BufferPool, MovingKeepsTheLoan) {
  BufferPool pool(at::kFloat);
  Scratch first = pool.take({4});
  const void* data = first.tensor().data_ptr();
  Scratch second = std::move(first);
  EXPECT_FALSE(first);
  EXPECT_EQ(second.tensor().data_ptr(), data);
  second.give_back();
  EXPECT_FALSE(second);
  EXPECT_EQ(pool.take({4}).tensor().data_ptr(), data);
}

}  // namespace
}  // namespace overparam::linalg
