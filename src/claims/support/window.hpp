// SPDX-License-Identifier: Apache-2.0
// The conditions under which the statements are proved, with 1 for every constant that the source
// leaves open. A row that lacks one of the values lies outside.
#pragma once

#include "overparam/claims/claim.hpp"

namespace overparam::claims {

/// There is no condition, or every design satisfies it.
bool everywhere(const Row& row);

/// Theorem 1 (full version): m >= n^24 L^12 d log^5 m / delta^8.
bool wide_enough_to_train(const Row& row);

/// Theorem 3: wide_enough_to_train, and omega <= delta^1.5 / (n^4.5 L^6 log^3 m), 0 where the row
/// has no omega.
bool near_enough_for_gradients(const Row& row);

/// Lemma B.2: omega <= 1 / (L^4.5 log^3 m).
bool near_enough_for_stability(const Row& row);

}  // namespace overparam::claims
