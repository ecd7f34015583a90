// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/kernel_regime.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "overparam/kernel/tangent_kernel.hpp"

namespace overparam::study {

std::string KernelRegime::answer() const {
  constexpr double kInside = 0.1;
  constexpr double kNear = 0.5;
  if (!is_measured()) return "not measured";
  if (drift <= kInside) return "yes";
  return drift <= kNear ? "leaving" : "no";
}

at::Tensor sample_kernel(const net::Network& network,
                         const at::Tensor& inputs,
                         std::uint64_t memory_limit) {
  constexpr std::int64_t kMostSamples = 64;
  const at::Tensor some = inputs.narrow(0, 0, std::min(kMostSamples, inputs.size(0)));
  const kernel::KernelOptions options{.block = kernel::OutputBlock::trace,
                                      .memory_limit = memory_limit};
  const auto plan = kernel::plan_kernel(
      network.architecture(), some.size(0), 0, options, network.options().dtype().itemsize());
  if (!plan.memory.fits(memory_limit)) return {};
  return kernel::empirical_kernel(network, some, options);
}

KernelRegime compare_kernels(const at::Tensor& before, const at::Tensor& after) {
  if (!before.defined() || !after.defined()) return {};
  const double drift = ((after - before).norm() / before.norm()).item<double>();
  if (!std::isfinite(drift)) return {};
  return {.drift = drift, .num_samples = before.size(0)};
}

}  // namespace overparam::study
