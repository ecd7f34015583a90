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

/// Lemma 4.1 of Cao and Gu 2019: omega <= 1 / (L^6 log^1.5 m).
bool near_enough_for_linearity(const Row& row);

/// Theorem 5 (v5), kernels: omega <= 1 / (L^9 log^1.5 m).
bool near_enough_for_kernels(const Row& row);

// Du et al. 2018, with failure probability p = 0.1; lambda_0 is a column of the row.

/// Theorem 3.2: m >= n^6 / (lambda_0^4 p^3).
bool wide_enough_for_flow(const Row& row);

/// Theorem 3.3: m >= n^6 log(m/p) / (lambda_0^4 p^3).
bool wide_enough_for_joint_flow(const Row& row);

/// Theorem 4.1: as Theorem 3.2, and eta <= lambda_0 / n^2.
bool wide_enough_for_descent(const Row& row);

/// Lemma 3.1: m >= n^2 log(n/p) / lambda_0^2.
bool wide_enough_for_limit_kernel(const Row& row);

/// Lemma 3.2: R <= p lambda_0 / n^2.
bool near_enough_for_limit_kernel(const Row& row);

}  // namespace overparam::claims
