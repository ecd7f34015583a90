// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <string_view>

#include "overparam/base/require.hpp"

namespace overparam::kernel {

/// `values` (n, d) as float64 on the CPU.
inline at::Tensor rows_of(const at::Tensor& values, std::string_view where, std::string_view what) {
  base::require(values.dim() == 2,
                ErrorKind::usage,
                "{}: expected {} of shape (n, d), found {} dimensions",
                where,
                what,
                values.dim());
  return values.to(at::kCPU, at::kDouble).contiguous();
}

/// A kernel between `rows` and `columns` inputs with `d` outputs, as float64 on the CPU: one entry
/// a pair of inputs, or one a pair of outputs.
inline at::Tensor kernel_of(const at::Tensor& kernel,
                            std::int64_t rows,
                            std::int64_t columns,
                            std::int64_t d,
                            std::string_view where) {
  base::require(
      kernel.dim() == 2 && ((kernel.size(0) == rows && kernel.size(1) == columns) ||
                            (kernel.size(0) == rows * d && kernel.size(1) == columns * d)),
      ErrorKind::usage,
      "{}: expected a kernel ({}, {}) or ({}, {}), found ({})",
      where,
      rows,
      columns,
      rows * d,
      columns * d,
      fmt::join(kernel.sizes(), ", "));
  return kernel.to(at::kCPU, at::kDouble);
}

}  // namespace overparam::kernel
