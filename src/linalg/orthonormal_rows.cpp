// SPDX-License-Identifier: Apache-2.0
#include "orthonormal_rows.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "overparam/base/require.hpp"
#include "overparam/base/vector_clones.hpp"
#include "overparam/linalg/products.hpp"

namespace overparam::linalg {

namespace {

/// Columns at a time: so much of the vector and of one row stay in the first cache, and of some
/// tens of rows in the second.
constexpr std::int64_t kChunk = 2048;
constexpr std::int64_t kGrain = 1 << 15;  // entries a thread takes at least

/// Columns of some rows, which lie `stride` apart.
template <typename Number>
struct Rows {
  const Number* first;
  std::int64_t stride;
  std::int64_t count;
  std::int64_t columns;

  [[nodiscard]] const Number* row(std::int64_t i) const { return first + i * stride; }
};

/// Four rows at a time, so that the vector is read from the cache a quarter as often: half as fast
/// again as row by row. Inlined, because only plain functions have clones.
template <typename Number>
[[gnu::always_inline]] inline void overlaps_of_rows(const Rows<Number>& rows,
                                                    const double* w,
                                                    double* overlaps) {
  std::int64_t i = 0;
  for (; i + 4 <= rows.count; i += 4) {
    const Number* const a = rows.row(i);
    const Number* const b = rows.row(i + 1);
    const Number* const c = rows.row(i + 2);
    const Number* const d = rows.row(i + 3);
    double with_a = 0;
    double with_b = 0;
    double with_c = 0;
    double with_d = 0;
#pragma omp simd reduction(+ : with_a, with_b, with_c, with_d)
    for (std::int64_t j = 0; j < rows.columns; ++j) {
      with_a += static_cast<double>(a[j]) * w[j];
      with_b += static_cast<double>(b[j]) * w[j];
      with_c += static_cast<double>(c[j]) * w[j];
      with_d += static_cast<double>(d[j]) * w[j];
    }
    overlaps[i] = with_a;
    overlaps[i + 1] = with_b;
    overlaps[i + 2] = with_c;
    overlaps[i + 3] = with_d;
  }
  for (; i < rows.count; ++i) {
    const Number* const a = rows.row(i);
    double with_a = 0;
#pragma omp simd reduction(+ : with_a)
    for (std::int64_t j = 0; j < rows.columns; ++j) with_a += static_cast<double>(a[j]) * w[j];
    overlaps[i] = with_a;
  }
}

template <typename Number>
[[gnu::always_inline]] inline void subtract_rows(const Rows<Number>& rows,
                                                 const double* factors,
                                                 double* w) {
  std::int64_t i = 0;
  for (; i + 4 <= rows.count; i += 4) {
    const Number* const a = rows.row(i);
    const Number* const b = rows.row(i + 1);
    const Number* const c = rows.row(i + 2);
    const Number* const d = rows.row(i + 3);
#pragma omp simd
    for (std::int64_t j = 0; j < rows.columns; ++j) {
      w[j] -= factors[i] * static_cast<double>(a[j]) + factors[i + 1] * static_cast<double>(b[j]) +
              factors[i + 2] * static_cast<double>(c[j]) +
              factors[i + 3] * static_cast<double>(d[j]);
    }
  }
  for (; i < rows.count; ++i) {
    const Number* const a = rows.row(i);
#pragma omp simd
    for (std::int64_t j = 0; j < rows.columns; ++j) {
      w[j] -= factors[i] * static_cast<double>(a[j]);
    }
  }
}

OVERPARAM_VECTOR_CLONES
void find_overlaps(const Rows<float>& rows, const double* w, double* overlaps) {
  overlaps_of_rows(rows, w, overlaps);
}

OVERPARAM_VECTOR_CLONES
void find_overlaps(const Rows<double>& rows, const double* w, double* overlaps) {
  overlaps_of_rows(rows, w, overlaps);
}

OVERPARAM_VECTOR_CLONES
void remove(const Rows<float>& rows, const double* factors, double* w) {
  subtract_rows(rows, factors, w);
}

OVERPARAM_VECTOR_CLONES
void remove(const Rows<double>& rows, const double* factors, double* w) {
  subtract_rows(rows, factors, w);
}

/// w <- w - Q^T `removed`, then `overlaps` = Q w, in one reading of Q. Either may be null.
template <typename Number>
void sweep(const Number* rows,
           std::int64_t num_rows,
           double* w,
           std::int64_t size,
           const double* removed,
           double* overlaps) {
  const std::int64_t chunks = (size + kChunk - 1) / kChunk;
  std::vector<double> sums(overlaps == nullptr ? 0 : static_cast<std::size_t>(chunks * num_rows));
  const std::int64_t grain = std::max<std::int64_t>(1, kGrain / (kChunk * (num_rows + 1)));
  at::parallel_for(0, chunks, grain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t c = first; c < last; ++c) {
      const std::int64_t begin = c * kChunk;
      const std::int64_t count = std::min(kChunk, size - begin);
      const Rows<Number> part{rows + begin, size, num_rows, count};
      if (removed != nullptr) remove(part, removed, w + begin);
      if (overlaps != nullptr) find_overlaps(part, w + begin, sums.data() + c * num_rows);
    }
  });
  if (overlaps == nullptr) return;
  std::fill_n(overlaps, num_rows, 0.0);
  for (std::int64_t c = 0; c < chunks; ++c) {
    for (std::int64_t i = 0; i < num_rows; ++i) {
      overlaps[i] += sums[static_cast<std::size_t>(c * num_rows + i)];
    }
  }
}

void sweep(const at::Tensor& rows, at::Tensor& w, const double* removed, double* overlaps) {
  base::ensure(rows.is_contiguous() && w.is_contiguous() && rows.size(1) == w.numel() &&
                   w.scalar_type() == at::kDouble,
               "orthonormal rows: expected contiguous rows as long as the float64 vector");
  double* const vector = w.data_ptr<double>();
  if (rows.scalar_type() == at::kFloat) {
    sweep(rows.data_ptr<float>(), rows.size(0), vector, w.numel(), removed, overlaps);
  } else {
    sweep(rows.data_ptr<double>(), rows.size(0), vector, w.numel(), removed, overlaps);
  }
}

}  // namespace

double sum_of_products(const at::Tensor& a, const at::Tensor& b) {
  double sum = 0;
  sweep(a.data_ptr<double>(), 1, b.data_ptr<double>(), a.numel(), nullptr, &sum);
  return sum;
}

void add_multiple(at::Tensor& a, const at::Tensor& b, double factor) {
  const double removed = -factor;
  sweep(b.data_ptr<double>(), 1, a.data_ptr<double>(), a.numel(), &removed, nullptr);
}

void remove_rows(at::Tensor& w, const at::Tensor& rows, at::Tensor& overlaps) {
  // Twice is enough (Parlett, "The Symmetric Eigenvalue Problem", section 6.9).
  base::ensure(overlaps.numel() >= rows.size(0), "orthonormal rows: too little working space");
  double* const along = overlaps.data_ptr<double>();
  sweep(rows, w, nullptr, along);
  sweep(rows, w, along, along);
  sweep(rows, w, along, nullptr);
}

double normalise(at::Tensor& w, double scale) {
  constexpr double kNothing = 1e-14;
  const double norm = std::sqrt(sum_of_products(w, w));
  if (norm <= kNothing * scale) return 0;
  double* const values = w.data_ptr<double>();
  at::parallel_for(0, w.numel(), kGrain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) values[i] /= norm;
  });
  return norm;
}

double orthonormalise(at::Tensor& w, const at::Tensor& rows, at::Tensor& overlaps, double scale) {
  constexpr double kDoubtful = 1e-6;  // above it the rounding of a float32 basis does no harm
  remove_rows(w, rows, overlaps);
  const double left = normalise(w, scale);
  if (left == 0 || left > kDoubtful * scale) return left;
  // So little is left that it may lie along the rows again. If it does, there was nothing else.
  remove_rows(w, rows, overlaps);
  return normalise(w, 0) < 0.5 ? 0 : left;
}

void combine_rows(at::Tensor& out, const at::Tensor& coefficients, const at::Tensor& rows) {
  constexpr std::int64_t kColumns = 1 << 14;
  const std::int64_t size = rows.size(1);
  const std::int64_t columns = std::min(kColumns, size);
  at::Tensor from = at::empty({rows.size(0), columns}, at::kDouble);
  at::Tensor to = at::empty({coefficients.size(0), columns}, at::kDouble);
  for (std::int64_t begin = 0; begin < size; begin += columns) {
    const std::int64_t count = std::min(columns, size - begin);
    at::Tensor source = from.narrow(1, 0, count);
    at::Tensor target = to.narrow(1, 0, count);
    source.copy_(rows.narrow(1, begin, count));
    multiply(target, coefficients, source);
    out.narrow(1, begin, count).copy_(target);
  }
}

}  // namespace overparam::linalg
