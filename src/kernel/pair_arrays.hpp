// SPDX-License-Identifier: Apache-2.0
// Loops over arrays of pairs of samples, which is where the limit kernels spend their time. A pair
// is kept as the gap 1 - c of its cosine c, because arccos near 1 loses half of the digits.
#pragma once

#include <cstdint>

namespace overparam::kernel {

/// One layer phi(g) = a g + b |g| for pairs of unit Gaussians of correlation 1 - gap: with t =
/// arccos (1 - gap) and beta = b^2 / (a^2 + b^2),
///
///     gap'  = gap - (2 beta / pi) (sin t - t cos t)        of E phi phi' / E phi^2
///     slope = 1 - 2 beta t / pi                            E D D' / E D^2,  D = phi'
///
/// which for ReLU, beta = 1/2, is 1 - k1 and k0. No digits are lost at either end of [0, 2].
/// `slope` may be null.
template <typename Real>
void advance_gaps(double beta, std::int64_t pairs, const Real* gap, Real* next, Real* slope);

/// The gap of a sum of parts with norms r_k and r'_k, where sum r_k^2 = sum r'_k^2 = 1: gap = sum_k
/// (r_k - r'_k)^2 / 2 + r_k r'_k gap_k. Adds one part; r'_k = scale * norm[j] * inverse[j].
template <typename Real>
void add_part(std::int64_t pairs,
              Real left,
              Real scale,
              const Real* norm,
              const Real* inverse,
              const Real* part_gap,
              Real* gap);

/// sum[j] += factor * norm[j] * (1 - gap[j]) * weight[j]
template <typename Real>
void add_products(std::int64_t pairs,
                  Real factor,
                  const Real* norm,
                  const Real* gap,
                  const Real* weight,
                  Real* sum);

/// out[j] = scale * norm[j] * sum_k series[k] T_k(1 - 2 t / pi), with t the angle of the gap.
template <typename Real>
void sum_series(std::int64_t pairs,
                const Real* series,
                std::int64_t terms,
                const Real* gap,
                Real scale,
                const Real* norm,
                Real* out);

/// sum[j] += factor * value[j]
template <typename Real>
void add_scaled(std::int64_t pairs, Real factor, const Real* value, Real* sum);

/// out[j] = factor * out[j] * by[j]
template <typename Real>
void scale_by(std::int64_t pairs, Real factor, const Real* by, Real* out);

}  // namespace overparam::kernel
