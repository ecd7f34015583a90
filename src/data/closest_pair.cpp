// SPDX-License-Identifier: Apache-2.0
// All pairs through blocked Gram matrices, few pairs by their differences.
//
// Let z_i be the rows minus their mean, scaled so that |z_i| <= 1, and a_i their rounding to a type
// with unit roundoff u: |a_i - z_i| <= 2u |z_i|. A matrix product sums dx products in some order,
// so the computed G_ij differs from a_i . a_j by at most gamma |a_i||a_j|, gamma = dx u/(1 - dx u),
// which is at most gamma (|a_i|^2 + |a_j|^2) / 2. Therefore
//
//   |a_i - a_j|^2 >= (1 - gamma) (|a_i|^2 + |a_j|^2) - 2 G_ij,
//
// and a pair can be as close as `best` only if the right-hand side is at most (best + 4u)^2. Pairs
// that pass are measured by their differences in float64. float32 leaves almost no pair of real
// data over; a tile where it leaves many (tight clusters) is done again in float64.
#include "closest_pair.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "overparam/base/require.hpp"
#include "overparam/linalg/products.hpp"

namespace overparam::data {

namespace {

constexpr std::int64_t kTile = 2048;
constexpr std::int64_t kRowsPerTask = 32;
constexpr std::int64_t kPairsPerTask = 256;
/// Pairs of one float32 tile beyond which a product in float64 is cheaper than the differences.
constexpr std::size_t kManyPairs = 4096;

using Pair = std::pair<std::int64_t, std::int64_t>;

struct Range {
  std::int64_t begin;
  std::int64_t end;

  [[nodiscard]] std::int64_t size() const { return end - begin; }
};

/// out = a b^T for a (p, dx) and b (q, dx), in the full precision of their type: the bound above
/// counts on it.
void multiply_transposed(at::Tensor& out, const at::Tensor& a, const at::Tensor& b) {
  linalg::multiply(out, a, b.t());
}

/// The power of two that brings `value` into [1/2, 1): scaling by it does not round. Clamped where
/// the factor itself would leave the range of float64.
double scale_to_one(double value) {
  int exponent = 0;
  std::frexp(value, &exponent);
  return std::ldexp(1.0, std::clamp(-exponent, -1000, 1000));
}

double square(double value) { return value * value; }

/// The rows of the inputs as z_i = second_scale (scale x_i - mean).
template <typename Input>
class CentredRows {
 public:
  CentredRows(const at::Tensor& inputs, const std::vector<std::int64_t>& rows)
      : values_(inputs.data_ptr<Input>()),
        columns_(inputs.size(1)),
        rows_(rows),
        scale_(scale_to_one(largest_value())),
        mean_(mean()),
        second_scale_(scale_to_one(longest_row())) {}

  [[nodiscard]] std::int64_t count() const { return std::ssize(rows_); }
  [[nodiscard]] std::int64_t columns() const { return columns_; }
  [[nodiscard]] std::int64_t sample(std::int64_t i) const {
    return rows_[static_cast<std::size_t>(i)];
  }

  /// |x_i - x_j| times this is |z_i - z_j|.
  [[nodiscard]] double scale() const { return scale_ * second_scale_; }

  /// |x_i - x_j| from the differences, without overflow or underflow.
  [[nodiscard]] double distance(Pair pair) const {
    const Input* a = row(pair.first);
    const Input* b = row(pair.second);
    double sum = 0;
    for (std::int64_t k = 0; k < columns_; ++k) sum += square(scale_ * a[k] - scale_ * b[k]);
    constexpr double kNearUnderflow = 1e-280;
    if (sum >= kNearUnderflow) return std::sqrt(sum) / scale_;
    double largest = 0;
    for (std::int64_t k = 0; k < columns_; ++k) {
      largest = std::max(largest, std::abs(scale_ * a[k] - scale_ * b[k]));
    }
    sum = 0;
    for (std::int64_t k = 0; k < columns_; ++k) {
      sum += square((scale_ * a[k] - scale_ * b[k]) / largest);
    }
    return std::sqrt(sum) * largest / scale_;
  }

  /// a_i for the rows of `range`, as (p, dx) of type Number.
  template <typename Number>
  [[nodiscard]] at::Tensor rounded(Range range) const {
    at::Tensor out = at::empty({range.size(), columns_}, c10::CppTypeToScalarType<Number>::value);
    auto* values = out.data_ptr<Number>();
    at::parallel_for(0, range.size(), kRowsPerTask, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        for (std::int64_t k = 0; k < columns_; ++k) {
          values[i * columns_ + k] =
              static_cast<Number>(second_scale_ * centred(range.begin + i, k));
        }
      }
    });
    return out;
  }

 private:
  [[nodiscard]] const Input* row(std::int64_t i) const { return values_ + sample(i) * columns_; }

  [[nodiscard]] double centred(std::int64_t i, std::int64_t k) const {
    return scale_ * row(i)[k] - mean_[static_cast<std::size_t>(k)];
  }

  [[nodiscard]] double largest_value() const {
    double largest = 0;
    for (std::int64_t i = 0; i < count(); ++i) {
      for (std::int64_t k = 0; k < columns_; ++k) {
        const double value = row(i)[k];
        if (!std::isfinite(value)) {
          base::fail(
              ErrorKind::data, "separation: sample {}, coordinate {} is {}", sample(i), k, value);
        }
        largest = std::max(largest, std::abs(value));
      }
    }
    return largest;
  }

  [[nodiscard]] std::vector<double> mean() const {
    std::vector<double> sums(static_cast<std::size_t>(columns_), 0.0);
    for (std::int64_t i = 0; i < count(); ++i) {
      for (std::int64_t k = 0; k < columns_; ++k) {
        sums[static_cast<std::size_t>(k)] += scale_ * row(i)[k];
      }
    }
    for (auto& sum : sums) sum /= static_cast<double>(count());
    return sums;
  }

  [[nodiscard]] double longest_row() const {
    double longest = 0;
    for (std::int64_t i = 0; i < count(); ++i) {
      double sum = 0;
      for (std::int64_t k = 0; k < columns_; ++k) sum += square(centred(i, k));
      longest = std::max(longest, std::sqrt(sum));
    }
    return longest;
  }

  const Input* values_;
  std::int64_t columns_;
  const std::vector<std::int64_t>& rows_;
  double scale_;
  std::vector<double> mean_;
  double second_scale_;
};

/// Rows rounded to Number, with (1 - gamma) |a_i|^2 for each.
template <typename Number>
struct Block {
  static constexpr double kRoundoff = std::numeric_limits<Number>::epsilon() / 2;

  Range range;
  at::Tensor rows;              // (p, dx)
  std::vector<Number> squares;  // (p)

  template <typename Input>
  Block(const CentredRows<Input>& source, Range rows_range)
      : range(rows_range), rows(source.template rounded<Number>(range)) {
    // Twice gamma and 8u more: for the rounding of the squares and of the bound itself.
    const double product = static_cast<double>(source.columns()) * kRoundoff;
    const double gamma =
        product < 0.25 ? std::min(1.0, 2 * product / (1 - product) + 8 * kRoundoff) : 1.0;
    const auto* values = rows.data_ptr<Number>();
    squares.resize(static_cast<std::size_t>(range.size()));
    for (auto& out : squares) {
      double sum = 0;
      for (std::int64_t k = 0; k < source.columns(); ++k) sum += square(*values++);
      out = static_cast<Number>((1 - gamma) * sum);
    }
  }
};

/// Part of a block: which rows, and their squares.
template <typename Number>
struct Tile {
  Range range;
  const Number* squares;
};

/// The smallest of `squares[j] - 2 gram[j]`. Sixteen running minima, because a compiler may not
/// reorder the minimum of floating-point numbers by itself.
template <typename Number>
Number smallest(const Number* gram, const Number* squares, std::int64_t count) {
  constexpr std::int64_t kLanes = 16;
  Number lanes[kLanes];
  std::fill_n(lanes, kLanes, std::numeric_limits<Number>::infinity());
  std::int64_t j = 0;
  for (; j + kLanes <= count; j += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const Number value = squares[j + lane] - 2 * gram[j + lane];
      lanes[lane] = value < lanes[lane] ? value : lanes[lane];
    }
  }
  for (; j < count; ++j) lanes[0] = std::min(lanes[0], squares[j] - 2 * gram[j]);
  return *std::min_element(lanes, lanes + kLanes);
}

template <typename Input>
class Search {
 public:
  Search(const at::Tensor& inputs, const std::vector<std::int64_t>& rows) : rows_(inputs, rows) {}

  Separation run() {
    const Block<float> all(rows_, {0, rows_.count()});
    at::Tensor gram = at::empty({0}, at::kFloat);
    for (std::int64_t i = 0; i < rows_.count(); i += kTile) {
      for (std::int64_t j = i; j < rows_.count(); j += kTile) {
        const Range left{i, std::min(i + kTile, rows_.count())};
        const Range right{j, std::min(j + kTile, rows_.count())};
        gram.resize_({left.size(), right.size()});
        multiply_transposed(gram,
                            all.rows.narrow(0, left.begin, left.size()),
                            all.rows.narrow(0, right.begin, right.size()));
        const auto pairs =
            close_pairs<float>(gram, {left, &all.squares[i]}, {right, &all.squares[j]}, kManyPairs);
        if (pairs) {
          measure(*pairs);
        } else {
          search_in_float64(left, right);
        }
      }
    }
    return {.distance = best_,
            .first = rows_.sample(best_pair_.first),
            .second = rows_.sample(best_pair_.second)};
  }

 private:
  void search_in_float64(Range left, Range right) {
    const Block<double> a(rows_, left);
    const Block<double> b(rows_, right);
    at::Tensor gram = at::empty({left.size(), right.size()}, at::kDouble);
    multiply_transposed(gram, a.rows, b.rows);
    constexpr auto kAnyNumber = std::numeric_limits<std::size_t>::max();
    measure(*close_pairs<double>(
        gram, {left, a.squares.data()}, {right, b.squares.data()}, kAnyNumber));
  }

  /// The largest bound of a pair that may be as close as the best one, whose own sum of dx squares
  /// is rounded, too.
  template <typename Number>
  [[nodiscard]] double threshold() const {
    const double rounding =
        4 * static_cast<double>(rows_.columns() + 4) * std::numeric_limits<double>::epsilon();
    return square(best_ * rows_.scale() + 4 * Block<Number>::kRoundoff) * (1 + rounding);
  }

  /// The pairs of a tile that may be as close as the best one; nothing if they are more than
  /// `most`. Measures the pair that looks closest first, so that the others are held against it.
  template <typename Number>
  std::optional<std::vector<Pair>> close_pairs(const at::Tensor& gram,
                                               Tile<Number> left,
                                               Tile<Number> right,
                                               std::size_t most) {
    const auto* values = gram.data_ptr<Number>();
    const std::int64_t width = right.range.size();
    // On the diagonal only j > i.
    const auto first_column = [&](std::int64_t i) {
      return left.range.begin == right.range.begin ? i + 1 : 0;
    };
    std::vector<double> bounds(static_cast<std::size_t>(left.range.size()));
    at::parallel_for(0, left.range.size(), kRowsPerTask, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t j = first_column(i);
        bounds[static_cast<std::size_t>(i)] =
            double{left.squares[i]} +
            smallest(values + i * width + j, right.squares + j, width - j);
      }
    });

    const auto collect = [&](std::int64_t i, double limit, std::vector<Pair>& pairs) {
      for (std::int64_t j = first_column(i); j < width; ++j) {
        const Number bound = right.squares[j] - 2 * values[i * width + j];
        if (double{left.squares[i]} + bound <= limit) {
          pairs.emplace_back(left.range.begin + i, right.range.begin + j);
        }
      }
    };
    const auto closest = std::ranges::min_element(bounds);
    if (*closest > threshold<Number>()) return std::vector<Pair>{};
    std::vector<Pair> pairs;
    collect(closest - bounds.begin(), *closest, pairs);
    measure(pairs);

    pairs.clear();
    const double limit = threshold<Number>();
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      if (bounds[i] <= limit) collect(static_cast<std::int64_t>(i), limit, pairs);
      if (pairs.size() > most) return std::nullopt;
    }
    return pairs;
  }

  void measure(const std::vector<Pair>& pairs) {
    std::vector<double> distances(pairs.size());
    at::parallel_for(
        0, std::ssize(pairs), kPairsPerTask, [&](std::int64_t begin, std::int64_t end) {
          for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
            distances[i] = rows_.distance(pairs[i]);
          }
        });
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      if (std::pair(distances[i], pairs[i]) < std::pair(best_, best_pair_)) {
        best_ = distances[i];
        best_pair_ = pairs[i];
      }
    }
  }

  CentredRows<Input> rows_;
  double best_ = std::numeric_limits<double>::infinity();
  Pair best_pair_{-1, -1};
};

}  // namespace

Separation closest_pair(const at::Tensor& inputs, const std::vector<std::int64_t>& rows) {
  if (rows.size() < 2) return {.distance = std::numeric_limits<double>::infinity()};
  return inputs.scalar_type() == at::kFloat ? Search<float>(inputs, rows).run()
                                            : Search<double>(inputs, rows).run();
}

}  // namespace overparam::data
