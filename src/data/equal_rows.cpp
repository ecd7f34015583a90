// SPDX-License-Identifier: Apache-2.0
#include "equal_rows.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <numeric>
#include <span>
#include <string_view>

#include "overparam/base/text.hpp"

namespace overparam::data {

namespace {

constexpr std::int64_t kRowsPerTask = 64;

template <typename Number>
class RowGrouping {
 public:
  explicit RowGrouping(const at::Tensor& matrix)
      : values_(matrix.data_ptr<Number>()),
        rows_(matrix.size(0)),
        columns_(matrix.size(1)),
        hashes_(static_cast<std::size_t>(rows_)) {
    at::parallel_for(0, rows_, kRowsPerTask, [&](std::int64_t first, std::int64_t last) {
      std::vector<Number> buffer(static_cast<std::size_t>(columns_));
      for (std::int64_t i = first; i < last; ++i)
        hashes_[static_cast<std::size_t>(i)] = hash(i, buffer);
    });
  }

  std::vector<std::vector<std::int64_t>> groups() const {
    std::vector<std::int64_t> order(hashes_.size());
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::ranges::sort(order, [&](std::int64_t a, std::int64_t b) {
      return std::pair(hash_of(a), a) < std::pair(hash_of(b), b);
    });
    std::vector<std::vector<std::int64_t>> groups;
    for (auto first = order.begin(); first != order.end();) {
      const auto last = std::find_if(
          first, order.end(), [&](std::int64_t i) { return hash_of(i) != hash_of(*first); });
      if (last - first > 1) split_run({first, last}, groups);
      first = last;
    }
    std::ranges::sort(groups, {}, [](const auto& group) { return group.front(); });
    return groups;
  }

 private:
  [[nodiscard]] std::uint64_t hash_of(std::int64_t row) const {
    return hashes_[static_cast<std::size_t>(row)];
  }

  std::uint64_t hash(std::int64_t row, std::vector<Number>& buffer) const {
    // Adding zero turns -0.0 into 0.0.
    std::transform(
        values_ + row * columns_, values_ + (row + 1) * columns_, buffer.begin(), [](Number value) {
          return value + Number{0};
        });
    return base::stable_hash({reinterpret_cast<const char*>(buffer.data()),
                              static_cast<std::size_t>(columns_) * sizeof(Number)});
  }

  [[nodiscard]] bool equal(std::int64_t a, std::int64_t b) const {
    return std::equal(values_ + a * columns_, values_ + (a + 1) * columns_, values_ + b * columns_);
  }

  /// Rows of one hash are nearly always equal; where they are not, they are told apart here.
  void split_run(std::span<const std::int64_t> run,
                 std::vector<std::vector<std::int64_t>>& groups) const {
    std::vector<std::vector<std::int64_t>> distinct;
    for (const auto row : run) {
      const auto group = std::ranges::find_if(
          distinct, [&](const auto& members) { return equal(members.front(), row); });
      if (group == distinct.end()) {
        distinct.push_back({row});
      } else {
        group->push_back(row);
      }
    }
    for (auto& members : distinct) {
      if (members.size() > 1) groups.push_back(std::move(members));
    }
  }

  const Number* values_;
  std::int64_t rows_;
  std::int64_t columns_;
  std::vector<std::uint64_t> hashes_;
};

}  // namespace

std::vector<std::vector<std::int64_t>> equal_rows(const at::Tensor& matrix) {
  const at::Tensor plain = matrix.contiguous();
  return plain.scalar_type() == at::kFloat ? RowGrouping<float>(plain).groups()
                                           : RowGrouping<double>(plain).groups();
}

}  // namespace overparam::data
