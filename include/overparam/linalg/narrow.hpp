// SPDX-License-Identifier: Apache-2.0
// Products of matrices held in formats narrower than float32, and which of them this machine
// multiplies fastest.
//
// A product's relative error is at most about twice that of its operands, u(a) + u(b), where
//
//     bfloat16    each entry to 8 bits                     u = 2^-8 of the entry
//     split2      the sum of two bfloat16 terms            u = 2^-16
//     split3      of three                                 u = 2^-24, a float32's own
//     int8        q s with one s = max |a_ij| / 127        u = max |a_ij| / 254, absolute
//
// Sums are exact in int8 and float32 elsewhere. What is small because it is a difference loses
// nothing: an increment's rounding errors shrink with the increment.
#pragma once

#include <ATen/core/Tensor.h>

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace overparam::linalg {

/// Who multiplies, and in which numbers.
enum class Products {
  automatic,  ///< the table's choice among plain, bfloat16 and int8
  plain,      ///< float32 through LibTorch's BLAS
  onednn,     ///< float32 through oneDNN
  bfloat16,
  split2,
  split3,
  int8,
};
std::string to_string(Products products);
/// @throws Error(usage) with the names
Products parse_products(const std::string& name);

/// Whether this build and this processor have them: all but `plain` need oneDNN, int8 needs VNNI or
/// AMX (older instructions saturate at 16 bits), the bfloat16 formats AVX512. oneDNN's environment
/// variable DNNL_MAX_CPU_ISA masks instructions.
bool is_available(Products products);

/// What this machine gave for one product (512, 1024) x (1024, 1024).
struct ProductRate {
  Products products = Products::plain;
  double flops = 0;  ///< per second, 2 p q r for each product
};

/// Every available format but `automatic`. Measured at the first call, in about 0.3 s; later calls
/// return the same numbers.
const std::vector<ProductRate>& product_table();

/// bfloat16, where its rate is at least 1.5 times that of plain; else int8, by the same rule; else
/// plain. A `wanted` other than automatic is returned as it is.
/// @throws Error(usage) where `wanted` is not available here
Products choose_products(Products wanted);

/// As choose_products(automatic), from any table.
Products choose_from(const std::vector<ProductRate>& table);

/// |x| as an integer that orders like it: compilers vectorise maxima of integers, not of floats,
/// and a NaN counts as the largest.
inline std::int32_t magnitude(float x) { return std::bit_cast<std::int32_t>(x) & 0x7FFFFFFF; }

/// How a matrix is rounded.
struct Rounding {
  /// max |a_ij| where the caller knows it, which saves int8 a pass; entries beyond it saturate.
  std::optional<double> largest;
  /// Rounds int8 and bfloat16 entries up or down so that they are right on average: over k
  /// consecutive numbers here the mean of an entry is off by O(1/k) of a rounding step. The bound
  /// on one entry is then twice that of rounding to nearest.
  std::optional<std::uint32_t> dither;
  /// 0..3. Factors of one product need different streams, or their errors are right on average
  /// each but not together.
  std::uint32_t stream = 0;
};

/// A matrix (rows, columns) ready for products in one format. It owns its buffers and allocates
/// no tensor storage after its construction.
class NarrowMatrix {
 public:
  /// @param format any but automatic; it must be available
  NarrowMatrix(Products format, std::int64_t rows, std::int64_t columns);

  /// Rounds contiguous float32 values (rows, columns).
  void assign(const at::Tensor& values, const Rounding& rounding = {});

  /// Rounds values (k, columns) into the rows from `first` on. Not in int8, where all rows share a
  /// scale.
  void assign_rows(std::int64_t first, const at::Tensor& values, const Rounding& rounding = {});

  /// Rounds values - reference, the difference taken in float32.
  void assign_difference(const at::Tensor& values,
                         const at::Tensor& reference,
                         const Rounding& rounding = {});

  [[nodiscard]] Products format() const { return format_; }
  [[nodiscard]] std::int64_t rows() const { return rows_; }
  [[nodiscard]] std::int64_t columns() const { return columns_; }

  /// Entries beyond it saturate at the next `assign` that is given it; infinity but for int8.
  [[nodiscard]] double largest() const;

  /// The entries as they were rounded, float32.
  [[nodiscard]] at::Tensor values() const;

 private:
  friend struct NarrowOperand;
  friend void multiply_narrow(at::Tensor& out,
                              const struct NarrowOperand& a,
                              const struct NarrowOperand& b,
                              double alpha,
                              double beta);

  void round(const float* values,
             const float* reference,
             std::int64_t first_row,
             std::int64_t rows,
             const Rounding& rounding);

  Products format_;
  std::int64_t rows_;
  std::int64_t columns_;
  std::vector<at::Tensor> terms_;  // (rows, columns), largest first
  double scale_ = 1;               // of int8: an entry is scale * q
};

/// A factor of a product: a matrix, or its first rows, or the transpose of either. Costs nothing.
struct NarrowOperand {
  const NarrowMatrix& matrix;
  std::int64_t used_rows;
  bool transposed = false;

  NarrowOperand(const NarrowMatrix& a)  // NOLINT: a factor as it stands
      : matrix(a), used_rows(a.rows()) {}
  NarrowOperand(const NarrowMatrix& a, std::int64_t rows) : matrix(a), used_rows(rows) {}

  [[nodiscard]] std::int64_t rows() const { return transposed ? matrix.columns() : used_rows; }
  [[nodiscard]] std::int64_t columns() const { return transposed ? used_rows : matrix.columns(); }
};

/// The first `rows` rows of a.
inline NarrowOperand first_rows(const NarrowMatrix& a, std::int64_t rows) { return {a, rows}; }

/// a^T
inline NarrowOperand transposed(NarrowOperand a) {
  a.transposed = !a.transposed;
  return a;
}

/// out = alpha a b + beta out, for a (p, q), b (q, r) of one format and a contiguous float32 out
/// (p, r). With beta = 0 `out` is not read. One product for bfloat16 and int8, three for split2,
/// six for split3. Allocates no tensor storage.
void multiply_narrow(at::Tensor& out,
                     const NarrowOperand& a,
                     const NarrowOperand& b,
                     double alpha = 1,
                     double beta = 0);

}  // namespace overparam::linalg
