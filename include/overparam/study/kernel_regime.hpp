// SPDX-License-Identifier: Apache-2.0
// Whether a training stayed where its network is its tangent kernel.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <string>

#include "overparam/net/network.hpp"

namespace overparam::study {

struct KernelRegime {
  /// |K_T - K_0|_F / |K_0|_F of the mean kernel over outputs, on the first samples; NaN where it
  /// was not measured.
  double drift = std::numeric_limits<double>::quiet_NaN();
  std::int64_t num_samples = 0;

  [[nodiscard]] bool is_measured() const { return num_samples > 0; }

  /// "yes" up to a drift of 0.1: the linear model at W^(0) then tells the run. "leaving" up to 0.5:
  /// it tells the beginning. "no" beyond.
  [[nodiscard]] std::string answer() const;
};

/// The kernel that `drift` compares, of at most 64 samples, float64; undefined where it does not
/// fit `memory_limit` bytes (0: what is available).
at::Tensor sample_kernel(const net::Network& network,
                         const at::Tensor& inputs,
                         std::uint64_t memory_limit);

/// @param before, after kernels of the same samples; without either nothing is measured
KernelRegime compare_kernels(const at::Tensor& before, const at::Tensor& after);

}  // namespace overparam::study
