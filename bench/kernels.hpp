// SPDX-License-Identifier: Apache-2.0
// Kernels of given shapes, each beside the bare matrix products it is measured against.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace overparam::bench {

class KernelTimer {
 public:
  virtual ~KernelTimer() = default;

  /// Makes the kernel once, and keeps it.
  virtual void make_kernel() = 0;

  /// Seconds of the bare products.
  virtual double reference_seconds() = 0;

  /// Writes the weights and the data for another program.
  virtual void write(const std::filesystem::path& /*folder*/) const {}

  /// Mean seconds of `times` kernels; after one that is not counted where they are several.
  double kernel_seconds(std::int64_t times);

  [[nodiscard]] const at::Tensor& kernel() const { return kernel_; }

 protected:
  at::Tensor kernel_;
};

/// By name:
///
///     few       all outputs of 16 samples with 16 others: 3,072 inputs, m = 2048, L = 2, d = 8,
///     all
///               blocks trained, float32. No reference.
///     trace     the trace kernel of 2,000 digits: m = 2048, L = 3, d = 10, float32. Reference: its
///               planned operations at the best rate of two float32 products, 4096^3 and that of
///               the backward pass.
///     infinite  the limit kernel of 10,000 inputs of 785 numbers, L = 5, float64, into memory that
///               is already there. Reference: one Gram product of the inputs.
std::unique_ptr<KernelTimer> kernel_timer(const std::string& name);

}  // namespace overparam::bench
