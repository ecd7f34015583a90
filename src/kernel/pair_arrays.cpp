// SPDX-License-Identifier: Apache-2.0
#include "pair_arrays.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "overparam/base/vector_clones.hpp"

namespace overparam::kernel {

namespace {

/// Chebyshev fits on z in [0, 1/2], highest power first: relative error 4e-18 in double, 3e-9 in
/// float.
template <typename Real>
struct Fits;

template <>
struct Fits<double> {
  /// arcsin(sqrt z) / sqrt z
  static constexpr double arcsine[] = {
      1.1264192878807509,   -4.438816692066939,    8.32498352944691,     -9.669659398550623,
      7.768165374555008,    -4.535791802822955,    2.0016041109291547,   -0.6641236302549411,
      0.1809574620911065,   -0.026316324552338826, 0.015091795028583365, 0.01092934906491237,
      0.01401917204006966,  0.017349310327158196,  0.022372313172485805, 0.030381939881673394,
      0.044642857225197834, 0.07499999999921603,   0.16666666666666963,  1.0};

  /// (sin t - t cos t) / z^(3/2) with z = sin(t/2)^2
  static constexpr double loss[] = {
      0.16302580414060958,   -0.635669269989946,     1.1860423874534798,   -1.3711978915135448,
      1.0988109144018983,    -0.6390844242100717,    0.2824806666477421,   -0.0923044287946081,
      0.02670221148617691,   -0.0019451023687505182, 0.004464880743266882, 0.004776852845523789,
      0.0065792847966825874, 0.0092543251847718,     0.013767504031192807, 0.022095958959117118,
      0.03968253969402908,   0.08571428571417634,    0.26666666666666705,  2.6666666666666665};
};

template <>
struct Fits<float> {
  static constexpr float arcsine[] = {0.123913495F,
                                      -0.135916271F,
                                      0.107400021F,
                                      -0.00702057915F,
                                      0.0358142393F,
                                      0.0440916167F,
                                      0.0750275732F,
                                      0.166666142F,
                                      1.0F};
  static constexpr float loss[] = {0.0406523743F,
                                   -0.040031073F,
                                   0.0369211894F,
                                   0.00480227976F,
                                   0.0237449978F,
                                   0.0395157321F,
                                   0.0857226129F,
                                   0.266666508F,
                                   2.66666667F};
};

/// Horner's rule without a loop: GCC does not unroll twenty terms before it looks for vectors.
template <typename Real, std::size_t N, std::size_t... k>
[[gnu::always_inline]] inline Real horner(const Real (&coefficients)[N],
                                          Real z,
                                          std::index_sequence<k...>) {
  Real sum = coefficients[0];
  ((sum = sum * z + coefficients[k + 1]), ...);
  return sum;
}

template <typename Real, std::size_t N>
[[gnu::always_inline]] inline Real horner(const Real (&coefficients)[N], Real z) {
  return horner(coefficients, z, std::make_index_sequence<N - 1>{});
}

template <typename Real, bool with_slope>
[[gnu::always_inline]] inline void advance(
    double beta, std::int64_t pairs, const Real* gap, Real* next, Real* slope) {
  constexpr Real kPi = std::numbers::pi_v<Real>;
  const Real share = static_cast<Real>(2 * beta / std::numbers::pi);
  for (std::int64_t j = 0; j < pairs; ++j) {
    // Angles beyond a right one are reflected: t = pi - t~, and with it sin t - t cos t = sin t~ -
    // t~ cos t~ + pi cos t~.
    const Real half = gap[j] / 2;  // sin(t/2)^2
    const bool reflected = half > Real{0.5};
    Real z = reflected ? 1 - half : half;
    z = z > 0 ? z : 0;
    const Real root = std::sqrt(z);
    Real lost = z * root * horner(Fits<Real>::loss, z);
    lost += reflected ? kPi * (1 - 2 * z) : Real{0};
    next[j] = gap[j] - share * lost;
    if constexpr (with_slope) {
      const Real angle = 2 * root * horner(Fits<Real>::arcsine, z);
      slope[j] = 1 - share * (reflected ? kPi - angle : angle);
    }
  }
}

/// Clenshaw's rule, with the terms in the outer loop over a few pairs at a time.
template <typename Real>
[[gnu::always_inline]] inline void sum_all_series(std::int64_t pairs,
                                                  const Real* series,
                                                  std::int64_t terms,
                                                  const Real* gap,
                                                  Real scale,
                                                  const Real* norm,
                                                  Real* out) {
  constexpr int kBlock = 32;
  constexpr Real kPi = std::numbers::pi_v<Real>;
  for (std::int64_t begin = 0; begin < pairs; begin += kBlock) {
    const std::int64_t count = std::min<std::int64_t>(kBlock, pairs - begin);
    Real place[kBlock] = {};
    Real last[kBlock] = {};
    Real before[kBlock] = {};
    for (std::int64_t j = 0; j < count; ++j) {
      const Real half = gap[begin + j] / 2;
      const bool reflected = half > Real{0.5};
      Real z = reflected ? 1 - half : half;
      z = z > 0 ? z : 0;
      const Real angle = 2 * std::sqrt(z) * horner(Fits<Real>::arcsine, z);
      place[j] = 1 - 2 / kPi * (reflected ? kPi - angle : angle);
    }
    for (std::int64_t k = terms - 1; k >= 1; --k) {
      for (int j = 0; j < kBlock; ++j) {
        const Real next = series[k] + 2 * place[j] * last[j] - before[j];
        before[j] = last[j];
        last[j] = next;
      }
    }
    for (std::int64_t j = 0; j < count; ++j) {
      out[begin + j] = scale * norm[begin + j] * (series[0] + place[j] * last[j] - before[j]);
    }
  }
}

template <typename Real>
[[gnu::always_inline]] inline void add_one_part(std::int64_t pairs,
                                                Real left,
                                                Real scale,
                                                const Real* norm,
                                                const Real* inverse,
                                                const Real* part_gap,
                                                Real* gap) {
  for (std::int64_t j = 0; j < pairs; ++j) {
    const Real right = scale * norm[j] * inverse[j];
    const Real difference = left - right;
    gap[j] += difference * difference / 2 + left * right * part_gap[j];
  }
}

template <typename Real>
[[gnu::always_inline]] inline void add_all_products(std::int64_t pairs,
                                                    Real factor,
                                                    const Real* norm,
                                                    const Real* gap,
                                                    const Real* weight,
                                                    Real* sum) {
  for (std::int64_t j = 0; j < pairs; ++j) sum[j] += factor * norm[j] * (1 - gap[j]) * weight[j];
}

}  // namespace

#define OVERPARAM_PAIR_ARRAYS(Real)                                                \
  template <>                                                                      \
  OVERPARAM_VECTOR_CLONES void advance_gaps(                                       \
      double beta, std::int64_t pairs, const Real* gap, Real* next, Real* slope) { \
    if (slope != nullptr) {                                                        \
      advance<Real, true>(beta, pairs, gap, next, slope);                          \
    } else {                                                                       \
      advance<Real, false>(beta, pairs, gap, next, slope);                         \
    }                                                                              \
  }                                                                                \
  template <>                                                                      \
  OVERPARAM_VECTOR_CLONES void add_part(std::int64_t pairs,                        \
                                        Real left,                                 \
                                        Real scale,                                \
                                        const Real* norm,                          \
                                        const Real* inverse,                       \
                                        const Real* part_gap,                      \
                                        Real* gap) {                               \
    add_one_part(pairs, left, scale, norm, inverse, part_gap, gap);                \
  }                                                                                \
  template <>                                                                      \
  OVERPARAM_VECTOR_CLONES void add_products(std::int64_t pairs,                    \
                                            Real factor,                           \
                                            const Real* norm,                      \
                                            const Real* gap,                       \
                                            const Real* weight,                    \
                                            Real* sum) {                           \
    add_all_products(pairs, factor, norm, gap, weight, sum);                       \
  }                                                                                \
  template <>                                                                      \
  OVERPARAM_VECTOR_CLONES void sum_series(std::int64_t pairs,                      \
                                          const Real* series,                      \
                                          std::int64_t terms,                      \
                                          const Real* gap,                         \
                                          Real scale,                              \
                                          const Real* norm,                        \
                                          Real* out) {                             \
    sum_all_series(pairs, series, terms, gap, scale, norm, out);                   \
  }                                                                                \
  template <>                                                                      \
  OVERPARAM_VECTOR_CLONES void add_scaled(                                         \
      std::int64_t pairs, Real factor, const Real* value, Real* sum) {             \
    for (std::int64_t j = 0; j < pairs; ++j) sum[j] += factor * value[j];          \
  }                                                                                \
  template <>                                                                      \
  OVERPARAM_VECTOR_CLONES void scale_by(                                           \
      std::int64_t pairs, Real factor, const Real* by, Real* out) {                \
    for (std::int64_t j = 0; j < pairs; ++j) out[j] *= factor * by[j];             \
  }

OVERPARAM_PAIR_ARRAYS(double)
OVERPARAM_PAIR_ARRAYS(float)

#undef OVERPARAM_PAIR_ARRAYS

}  // namespace overparam::kernel
