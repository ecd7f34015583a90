// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <string>

#include "overparam/base/files.hpp"

namespace overparam::data {

/// Rows of numbers whose count is not known beforehand. Grows by realloc, which moves the pages of
/// a large block instead of copying them: memory peaks at what the finished tensor needs, where a
/// vector would hold two copies while it grows, and a third for the tensor.
class RowStore {
 public:
  /// @param source whose rows they are, for messages
  RowStore(std::string source, std::int64_t columns)
      : source_(std::move(source)), columns_(columns) {}

  /// @throws Error(capacity) where more rows would not fit
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

  /// Makes room for `needed` numbers, and while rows still come for a quarter more or 128 MiB.
  void grow(std::size_t needed) {
    constexpr std::size_t kMostSpare = (128 << 20) / sizeof(double);
    const std::size_t spare = needed == size_ ? 0 : std::min(needed / 4, kMostSpare);
    const std::size_t capacity = needed + spare;
    if (capacity > capacity_) {
      base::plan_reading(source_, (capacity - capacity_) * sizeof(double));
    }
    void* block = std::realloc(values_.get(), std::max<std::size_t>(capacity, 1) * sizeof(double));
    if (block == nullptr) throw std::bad_alloc();
    (void)values_.release();
    values_.reset(static_cast<double*>(block));
    capacity_ = capacity;
  }

  std::string source_;
  std::int64_t columns_;
  std::int64_t rows_ = 0;
  std::unique_ptr<double, Free> values_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace overparam::data
