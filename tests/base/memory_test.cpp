// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/memory.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <vector>

#include "control_group.hpp"
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

constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

/// A folder that stands for "/".
class ControlGroups : public testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) const {
    const auto file = root_ / path;
    std::filesystem::create_directories(file.parent_path());
    tests::write_bytes(file, text);
  }

  void write_group(const std::string& folder,
                   const std::string& limit,
                   const std::string& use,
                   const std::string& cache) const {
    write(folder + "/memory.max", limit + "\n");
    write(folder + "/memory.current", use + "\n");
    write(folder + "/memory.stat", "anon 7\ninactive_file " + cache + "\nslab 9\n");
  }

  [[nodiscard]] std::uint64_t available() const { return control_group_available(root_.path()); }

 private:
  tests::TemporaryFolder root_;
};

TEST_F(ControlGroups, TheTightestFromThisOneUpwardsCounts) {
  write("proc/self/cgroup", "0::/slice/unit\n");
  write_group("sys/fs/cgroup/slice", "1000", "900", "300");
  write_group("sys/fs/cgroup/slice/unit", "800", "300", "0");
  write_group("sys/fs/cgroup/slice/another", "10", "10", "0");
  EXPECT_EQ(available(), 400U);  // 1000 - (900 - 300)
  write_group("sys/fs/cgroup/slice/unit", "max", "300", "0");
  EXPECT_EQ(available(), 400U);
  write_group("sys/fs/cgroup/slice", "max", "900", "300");
  EXPECT_EQ(available(), kUnlimited);
  write_group("sys/fs/cgroup/slice/unit", "800", "900", "50");
  EXPECT_EQ(available(), 0U);
}

TEST_F(ControlGroups, TheFirstVersionHasNamesOfItsOwn) {
  write("proc/self/cgroup", "5:cpu,cpuacct:/deep\n4:memory:/jobs/one\n0::/\n");
  const std::string folder = "sys/fs/cgroup/memory/jobs/one/";
  write(folder + "memory.limit_in_bytes", "5000\n");
  write(folder + "memory.usage_in_bytes", "4500\n");
  write(folder + "memory.stat", "inactive_file 1\ntotal_inactive_file 1500\n");
  EXPECT_EQ(available(), 2000U);
  const std::string above = "sys/fs/cgroup/memory/";
  write(above + "memory.limit_in_bytes", "1000\n");
  write(above + "memory.usage_in_bytes", "10\n");
  EXPECT_EQ(available(), 990U);
}

TEST_F(ControlGroups, OneUnderANameOfTheHostIsFoundAtTheMount) {
  write("proc/self/cgroup", "0::/../host/name\n");
  write_group("sys/fs/cgroup", "600", "200", "0");
  EXPECT_EQ(available(), 400U);
}

TEST_F(ControlGroups, WithoutThemNothingIsLimited) {
  EXPECT_EQ(available(), kUnlimited);
  write("proc/self/cgroup", "nonsense\n0::/gone\n");
  EXPECT_EQ(available(), kUnlimited);
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
