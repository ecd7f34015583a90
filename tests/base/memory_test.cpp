// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/memory.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "support/files.hpp"

namespace overparam::base {
namespace {

TEST(Memory, PlanAddsUpAndSaysWhatIsLarge) {
  MemoryPlan plan("training");
  plan.add("features", {1024, 2048, 5}, 4);
  plan.add("weights", {2048, 2048, 4}, 4);
  EXPECT_EQ(plan.total(), (1024ull * 2048 * 5 + 2048ull * 2048 * 4) * 4);
  EXPECT_EQ(plan.describe(), "training: 104 MiB (weights 64 MiB, features 40 MiB)");
  plan.check(1ull << 30);
}

TEST(Memory, PlanRefusesWhatDoesNotFit) {
  MemoryPlan plan("kernel");
  plan.add("kernel", {1'000'000, 1'000'000}, 8);
  tests::expect_error(ErrorKind::capacity, {"would not fit", "allowed", "kernel 7.3 TiB"}, [&] {
    plan.check(1ull << 30);
  });
}

TEST(Memory, PlanSurvivesOverflow) {
  MemoryPlan plan("absurd");
  plan.add("kernel", {1LL << 40, 1LL << 40}, 8);
  plan.add("more", 1);
  EXPECT_EQ(plan.total(), std::numeric_limits<std::uint64_t>::max());
}

TEST(Memory, TheMachineHasSome) {
  EXPECT_GT(available_memory(), 1ull << 20);
  EXPECT_GT(peak_resident_memory(), 1ull << 20);
}

TEST(Memory, WhatIsHeldRisesAndFalls) {
  constexpr std::uint64_t kBytes = 256u << 20;
  const std::uint64_t before = resident_memory();
  {
    const std::vector<char> large(kBytes, 1);
    EXPECT_GT(resident_memory(), before + kBytes / 2) << large.size();
  }
  EXPECT_LT(resident_memory(), before + kBytes / 2);
}

}  // namespace
}  // namespace overparam::base
