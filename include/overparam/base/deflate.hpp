// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace overparam::base {

/// What deflate makes of a byte at most: about 1032, and a little more.
inline constexpr std::uint64_t kMostInflated = 1040;

}  // namespace overparam::base
