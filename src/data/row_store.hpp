// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>

namespace overparam::data {

/// Rows of numbers whose count is not known beforehand. Grows by realloc, which moves the pages of
/// a large block instead of copying them: memory peaks at what the finished tensor needs, where a
/// vector would hold two copies while it grows, and a third for the tensor.
class RowStore {
 public:
  explicit RowStore(std::int64_t columns) : columns_(columns) {}

  void append(std::span<const double> row) {
    if (size_ + row.size() > capacity_) grow(size_ + row.size());
    std::ranges::copy(row, values_.get() + size_);
    size_ += row.size();
    ++rows_;
  }

  [[nodiscard]] std::int64_t rows() const { return rows_; }

  /// The rows as (rows, columns) float64; leaves the store empty.
  at::Tensor take() {
    grow(size_);
    double* values = values_.release();
    const at::Tensor tensor = at::from_blob(
        values, {rows_, columns_}, [](void* block) { std::free(block); }, at::kDouble);
    size_ = capacity_ = 0;
    rows_ = 0;
    return tensor;
  }

 private:
  struct Free {
    void operator()(double* block) const { std::free(block); }
  };

  /// Makes room for `needed` numbers and a quarter more while rows still come.
  void grow(std::size_t needed) {
    const std::size_t capacity = needed == size_ ? needed : needed + needed / 4;
    void* block = std::realloc(values_.get(), std::max<std::size_t>(capacity, 1) * sizeof(double));
    if (block == nullptr) throw std::bad_alloc();
    (void)values_.release();
    values_.reset(static_cast<double*>(block));
    capacity_ = capacity;
  }

  std::int64_t columns_;
  std::int64_t rows_ = 0;
  std::unique_ptr<double, Free> values_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace overparam::data
