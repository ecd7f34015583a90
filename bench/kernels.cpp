// SPDX-License-Identifier: Apache-2.0
#include "kernels.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "normal.hpp"
#include "overparam/base/array_files.hpp"
#include "overparam/base/clock.hpp"
#include "overparam/base/require.hpp"
#include "overparam/data/sources.hpp"
#include "overparam/kernel/infinite.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/linalg/products.hpp"
#include "overparam/net/catalogue.hpp"

namespace overparam::bench {

namespace {

at::Tensor of_norm_one(const at::Tensor& rows) { return rows / rows.norm(2, 1, true); }

net::Architecture fully_connected(const net::NetworkOptions& options, const std::string& trained) {
  auto architecture = net::find_network("fc").build(options);
  net::select_trained(architecture, trained);
  return architecture;
}

class FewSamples : public KernelTimer {
 public:
  void make_kernel() override {
    kernel_ = kernel::empirical_kernel(network_, inputs_, others_, {.type = at::kFloat});
  }

  double reference_seconds() override { return 0; }

  void write(const std::filesystem::path& folder) const override {
    for (std::size_t k = 0; k < network_.parameters().size(); ++k) {
      base::write_npy(folder / fmt::format("block{}.npy", k),
                      network_.parameters()[static_cast<int>(k)]);
    }
    base::write_npy(folder / "inputs.npy", inputs_);
    base::write_npy(folder / "others.npy", others_);
  }

 private:
  static constexpr std::int64_t kSamples = 16;
  static constexpr std::int64_t kInputs = 3072;
  net::Network network_{
      fully_connected({.input_size = kInputs, .num_outputs = 8, .width = 2048, .depth = 2}, "all"),
      0,
      at::kFloat};
  at::Tensor inputs_ = of_norm_one(normal({kSamples, kInputs}, "inputs"));
  at::Tensor others_ = of_norm_one(normal({kSamples, kInputs}, "others"));
};

/// Floating-point operations a second of out (p, r) = a (p, q) b (q, r).
double product_rate(std::int64_t p, std::int64_t q, std::int64_t r) {
  const at::Tensor a = normal({p, q}, "left");
  const at::Tensor b = normal({q, r}, "right");
  at::Tensor out = at::zeros({p, r}, at::kFloat);
  const base::Stopwatch watch;
  linalg::multiply(out, a, b);
  return 2.0 * static_cast<double>(p * q * r) / watch.seconds();
}

class TraceKernel : public KernelTimer {
 public:
  void make_kernel() override { kernel_ = kernel::empirical_kernel(network_, inputs_, options_); }

  double reference_seconds() override {
    const double rate =
        std::max(product_rate(4096, 4096, 4096), product_rate(kOutputs * kSamples, kWidth, kWidth));
    const auto plan = kernel::plan_kernel(
        network_.architecture(), kSamples, 0, options_, c10::elementSize(at::kFloat));
    return plan.operations / rate;
  }

 private:
  static constexpr std::int64_t kSamples = 2000;
  static constexpr std::int64_t kWidth = 2048;
  static constexpr std::int64_t kOutputs = 10;
  kernel::KernelOptions options_{.block = kernel::OutputBlock::trace};
  at::Tensor inputs_ = of_norm_one(data::find_generator("digits")
                                       .generate({.num_samples = kSamples})
                                       .train.inputs.to(at::kFloat));
  net::Network network_{
      fully_connected(
          {.input_size = inputs_.size(1), .num_outputs = kOutputs, .width = kWidth, .depth = 3},
          "hidden"),
      0,
      at::kFloat};
};

class InfiniteWidth : public KernelTimer {
 public:
  InfiniteWidth() { kernel_ = at::zeros({kSamples, kSamples}, at::kDouble); }

  void make_kernel() override { limit_.fill(inputs_, kernel_); }

  double reference_seconds() override {
    const base::Stopwatch watch;
    linalg::multiply(gram_, inputs_, inputs_.t());
    return watch.seconds();
  }

 private:
  static constexpr std::int64_t kSamples = 10'000;
  static constexpr std::int64_t kInputs = 785;
  at::Tensor inputs_ = of_norm_one(normal({kSamples, kInputs}, "inputs")).to(at::kDouble);
  at::Tensor gram_ = at::zeros({kSamples, kSamples}, at::kDouble);
  kernel::InfiniteKernel limit_{
      fully_connected({.input_size = kInputs, .width = 2, .depth = 5}, "hidden")};
};

}  // namespace

double KernelTimer::kernel_seconds(std::int64_t times) {
  if (times > 1) make_kernel();
  const base::Stopwatch watch;
  for (std::int64_t k = 0; k < times; ++k) make_kernel();
  return watch.seconds() / static_cast<double>(times);
}

std::unique_ptr<KernelTimer> kernel_timer(const std::string& name) {
  if (name == "few") return std::make_unique<FewSamples>();
  if (name == "trace") return std::make_unique<TraceKernel>();
  if (name == "infinite") return std::make_unique<InfiniteWidth>();
  base::fail(ErrorKind::usage, "bench: there is no kernel case {}", name);
}

}  // namespace overparam::bench
