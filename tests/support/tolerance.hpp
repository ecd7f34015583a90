// SPDX-License-Identifier: Apache-2.0
// Named relative tolerances, so that no test invents its own.
#pragma once

namespace overparam::tests {

/// Two float64 routes to the same number that differ only in the order of their sums.
inline constexpr double kRounding = 1e-12;

/// A hand-written pass against autograd, float64.
inline constexpr double kAutograd = 1e-10;

/// A derivative against central differences in float64 with steps near 1e-5.
inline constexpr double kFirstDifference = 1e-6;

/// The same two routes in float32.
inline constexpr double kRoundingSingle = 1e-5;

}  // namespace overparam::tests
