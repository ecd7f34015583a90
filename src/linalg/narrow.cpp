// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/narrow.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "onednn.hpp"
#include "overparam/base/catalogue.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/vector_clones.hpp"
#include "overparam/linalg/products.hpp"

namespace overparam::linalg {

namespace {

constexpr base::EnumNames<Products, 7> kNames{{{Products::automatic, "automatic"},
                                               {Products::plain, "plain"},
                                               {Products::onednn, "onednn"},
                                               {Products::bfloat16, "bfloat16"},
                                               {Products::split2, "split2"},
                                               {Products::split3, "split3"},
                                               {Products::int8, "int8"}}};

constexpr std::int64_t kGrain = 1 << 15;  // entries a thread takes at least

OVERPARAM_VECTOR_CLONES
std::int32_t largest_magnitude(const float* values, const float* reference, std::int64_t count) {
  std::int32_t largest = 0;
  if (reference == nullptr) {
    for (std::int64_t i = 0; i < count; ++i) largest = std::max(largest, magnitude(values[i]));
  } else {
    for (std::int64_t i = 0; i < count; ++i) {
      largest = std::max(largest, magnitude(values[i] - reference[i]));
    }
  }
  return largest;
}

double largest_entry(const float* values, const float* reference, std::int64_t count) {
  const std::int32_t bits = at::parallel_reduce(
      0,
      count,
      kGrain,
      std::int32_t{0},
      [&](std::int64_t begin, std::int64_t end, std::int32_t before) {
        const float* from = reference == nullptr ? nullptr : reference + begin;
        return std::max(before, largest_magnitude(values + begin, from, end - begin));
      },
      [](std::int32_t x, std::int32_t y) { return std::max(x, y); });
  return std::bit_cast<float>(bits);
}

std::int8_t to_int8(float value) {
  constexpr float kInteger = 12582912;  // 1.5 * 2^23: adding it rounds to the nearest integer
  const float clamped = std::min(127.0F, std::max(-127.0F, value));
  return static_cast<std::int8_t>(std::bit_cast<std::int32_t>(clamped + kInteger));
}

/// From one number to the next, a stream's bits turn by the fraction of an irrational number.
class Turning {
 public:
  explicit Turning(const Rounding& rounding)
      : salt_(rounding.stream * 0x27D4EB2FU),
        turned_(*rounding.dither * kTurns[rounding.stream % 4]) {}

  /// 32 bits, equidistributed over numbers for each position, unrelated between positions.
  [[nodiscard]] std::uint32_t bits(std::uint32_t position) const {
    std::uint32_t mixed = (position ^ salt_) * 0x9E3779B1U;
    mixed ^= mixed >> 15U;
    mixed *= 0x85EBCA77U;
    mixed ^= mixed >> 13U;
    return mixed + turned_;
  }

  /// In [-1/2, 1/2).
  [[nodiscard]] float fraction(std::uint32_t position) const {
    return static_cast<float>(static_cast<std::int32_t>(bits(position))) * 0x1p-32F;
  }

 private:
  // The golden ratio, and the roots of 2, 3 and 7, after the point.
  static constexpr std::uint32_t kTurns[] = {0x9E3779B9U, 0x6A09E667U, 0xBB67AE85U, 0xA54FF53BU};

  std::uint32_t salt_;
  std::uint32_t turned_;
};

/// Consecutive entries, or their differences from the reference.
struct Entries {
  const float* values;
  const float* reference;  // or null
  std::int64_t count;
  std::int64_t position;  // of the first in its matrix
};

OVERPARAM_VECTOR_CLONES
void round_to_int8(const Entries& from, float per_unit, std::int8_t* out) {
  const float* x = from.values;
  if (from.reference == nullptr) {
    for (std::int64_t i = 0; i < from.count; ++i) out[i] = to_int8(x[i] * per_unit);
  } else {
    const float* y = from.reference;
    for (std::int64_t i = 0; i < from.count; ++i) out[i] = to_int8((x[i] - y[i]) * per_unit);
  }
}

OVERPARAM_VECTOR_CLONES
void dither_to_int8(const Entries& from, float per_unit, const Turning& turning, std::int8_t* out) {
  const float* x = from.values;
  const auto first = static_cast<std::uint32_t>(from.position);
  const auto count = static_cast<std::uint32_t>(from.count);
  if (from.reference == nullptr) {
    for (std::uint32_t i = 0; i < count; ++i) {
      out[i] = to_int8(x[i] * per_unit + turning.fraction(first + i));
    }
  } else {
    const float* y = from.reference;
    for (std::uint32_t i = 0; i < count; ++i) {
      out[i] = to_int8((x[i] - y[i]) * per_unit + turning.fraction(first + i));
    }
  }
}

/// The upper 16 bits, rounded to nearest, ties to even.
std::uint16_t to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U);
}

float from_bfloat16(std::uint16_t value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16U);
}

OVERPARAM_VECTOR_CLONES
void round_to_bfloat16(const Entries& from, std::uint16_t* out) {
  const float* x = from.values;
  if (from.reference == nullptr) {
    for (std::int64_t i = 0; i < from.count; ++i) out[i] = to_bfloat16(x[i]);
  } else {
    const float* y = from.reference;
    for (std::int64_t i = 0; i < from.count; ++i) out[i] = to_bfloat16(x[i] - y[i]);
  }
}

OVERPARAM_VECTOR_CLONES
void dither_to_bfloat16(const Entries& from, const Turning& turning, std::uint16_t* out) {
  const float* x = from.values;
  const float* y = from.reference;
  const auto first = static_cast<std::uint32_t>(from.position);
  const auto count = static_cast<std::uint32_t>(from.count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(y == nullptr ? x[i] : x[i] - y[i]);
    out[i] = static_cast<std::uint16_t>((bits + (turning.bits(first + i) >> 16U)) >> 16U);
  }
}

/// values = sum of the terms + what is less than the last one's rounding error; `third` may be null
OVERPARAM_VECTOR_CLONES
void split(const Entries& from, std::uint16_t* first, std::uint16_t* second, std::uint16_t* third) {
  const float* x = from.values;
  const float* y = from.reference;
  for (std::int64_t i = 0; i < from.count; ++i) {
    const float value = y == nullptr ? x[i] : x[i] - y[i];
    first[i] = to_bfloat16(value);
    const float rest = value - from_bfloat16(first[i]);
    second[i] = to_bfloat16(rest);
    if (third != nullptr) third[i] = to_bfloat16(rest - from_bfloat16(second[i]));
  }
}

std::size_t terms_of(Products format) {
  if (format == Products::split2) return 2;
  return format == Products::split3 ? 3 : 1;
}

at::ScalarType type_of(Products format) {
  switch (format) {
    case Products::bfloat16:
    case Products::split2:
    case Products::split3:
      return at::kBFloat16;
    case Products::int8:
      return at::kChar;
    case Products::automatic:
    case Products::plain:
    case Products::onednn:
      break;
  }
  return at::kFloat;
}

}  // namespace

std::string to_string(Products products) { return base::name_in(kNames, products); }
Products parse_products(const std::string& name) { return base::value_in(kNames, "product", name); }

bool is_available(Products products) {
  return products == Products::plain || products == Products::automatic ||
         onednn::multiplies(products);
}

NarrowMatrix::NarrowMatrix(Products format, std::int64_t rows, std::int64_t columns)
    : format_(format), rows_(rows), columns_(columns) {
  base::require(format != Products::automatic && is_available(format),
                ErrorKind::usage,
                "products in {} are not available on this machine",
                to_string(format));
  for (std::size_t term = 0; term < terms_of(format); ++term) {
    terms_.push_back(at::zeros({rows, columns}, type_of(format)));
  }
}

void NarrowMatrix::round(const float* values,
                         const float* reference,
                         std::int64_t first_row,
                         std::int64_t rows,
                         const Rounding& rounding) {
  const std::int64_t count = rows * columns_;
  const auto for_pieces = [&](const auto& action) {
    at::parallel_for(0, count, kGrain, [&](std::int64_t begin, std::int64_t end) {
      action(Entries{values + begin,
                     reference == nullptr ? nullptr : reference + begin,
                     end - begin,
                     first_row * columns_ + begin});
    });
  };
  const auto term = [&](std::size_t index, const Entries& from) {
    return index < terms_.size()
               ? reinterpret_cast<std::uint16_t*>(terms_[index].data_ptr()) + from.position
               : nullptr;
  };
  switch (format_) {
    case Products::automatic:
    case Products::plain:
    case Products::onednn:
      for_pieces([&](const Entries& from) {
        float* out = terms_[0].data_ptr<float>() + from.position;
        for (std::int64_t i = 0; i < from.count; ++i) {
          out[i] = from.reference == nullptr ? from.values[i] : from.values[i] - from.reference[i];
        }
      });
      return;
    case Products::bfloat16:
      for_pieces([&](const Entries& from) {
        if (rounding.dither) {
          dither_to_bfloat16(from, Turning(rounding), term(0, from));
        } else {
          round_to_bfloat16(from, term(0, from));
        }
      });
      return;
    case Products::split2:
    case Products::split3:
      for_pieces(
          [&](const Entries& from) { split(from, term(0, from), term(1, from), term(2, from)); });
      return;
    case Products::int8:
      break;
  }
  const double largest =
      rounding.largest ? *rounding.largest : largest_entry(values, reference, count);
  scale_ = largest / 127;
  // Numbers too small to divide by are zero beside whatever they are added to.
  const float per_unit = largest > 1e-30 ? static_cast<float>(127 / largest) : 0.0F;
  for_pieces([&](const Entries& from) {
    std::int8_t* out = terms_[0].data_ptr<std::int8_t>() + from.position;
    if (rounding.dither) {
      dither_to_int8(from, per_unit, Turning(rounding), out);
    } else {
      round_to_int8(from, per_unit, out);
    }
  });
}

void NarrowMatrix::assign(const at::Tensor& values, const Rounding& rounding) {
  base::ensure(values.scalar_type() == at::kFloat && values.is_contiguous() &&
                   values.numel() == rows_ * columns_,
               "NarrowMatrix: the values must be contiguous float32 of the matrix's shape");
  round(values.data_ptr<float>(), nullptr, 0, rows_, rounding);
}

void NarrowMatrix::assign_rows(std::int64_t first,
                               const at::Tensor& values,
                               const Rounding& rounding) {
  base::ensure(values.scalar_type() == at::kFloat && values.is_contiguous() &&
                   values.size(1) == columns_ && first + values.size(0) <= rows_,
               "NarrowMatrix: the rows must be contiguous float32 and fit into the matrix");
  base::ensure(format_ != Products::int8, "NarrowMatrix: all rows of an int8 matrix share a scale");
  round(values.data_ptr<float>(), nullptr, first, values.size(0), rounding);
}

void NarrowMatrix::assign_difference(const at::Tensor& values,
                                     const at::Tensor& reference,
                                     const Rounding& rounding) {
  for (const auto* tensor : {&values, &reference}) {
    base::ensure(tensor->scalar_type() == at::kFloat && tensor->is_contiguous() &&
                     tensor->numel() == rows_ * columns_,
                 "NarrowMatrix: the values must be contiguous float32 of the matrix's shape");
  }
  round(values.data_ptr<float>(), reference.data_ptr<float>(), 0, rows_, rounding);
}

double NarrowMatrix::largest() const {
  return format_ == Products::int8 ? 127 * scale_ : std::numeric_limits<double>::infinity();
}

at::Tensor NarrowMatrix::values() const {
  at::Tensor sum = terms_[0].to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  for (std::size_t term = 1; term < terms_.size(); ++term) sum += terms_[term];
  return sum.mul_(scale_);
}

void multiply_narrow(
    at::Tensor& out, const NarrowOperand& a, const NarrowOperand& b, double alpha, double beta) {
  base::ensure(a.matrix.format() == b.matrix.format() && a.columns() == b.rows() &&
                   out.size(0) == a.rows() && out.size(1) == b.columns() && out.is_contiguous() &&
                   out.scalar_type() == at::kFloat,
               "multiply_narrow: the formats or shapes of out, a and b do not fit");
  const auto factor = [](const NarrowOperand& operand, std::size_t term) {
    const at::Tensor matrix = operand.matrix.terms_[term].narrow(0, 0, operand.used_rows);
    return operand.transposed ? matrix.t() : matrix;
  };
  if (a.matrix.format() == Products::plain) {
    multiply(out, factor(a, 0), factor(b, 0), alpha, beta);
    return;
  }
  const double scale = alpha * a.matrix.scale_ * b.matrix.scale_;
  const std::size_t terms = a.matrix.terms_.size();
  // Terms i and j give a product 2^-8(i + j) as large as the first: those below the last term's own
  // rounding error are left out, and small ones are added first.
  for (std::size_t order = terms; order-- > 0;) {
    for (std::size_t i = 0; i <= order; ++i) {
      onednn::multiply(out, factor(a, i), factor(b, order - i), scale, beta);
      beta = 1;
    }
  }
}

}  // namespace overparam::linalg
