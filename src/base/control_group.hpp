// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

namespace overparam::base {

/// Bytes that this process's control group and the groups above it leave: the least of limit - use,
/// where cached files count as free, because the kernel gives them up before it fails. The largest
/// number there is where no group has a limit, or none can be read.
/// Reads both versions of control groups; proc/self/cgroup names the group.
/// @param root where proc and sys are found, "/" but for tests
std::uint64_t control_group_available(const std::filesystem::path& root);

}  // namespace overparam::base
