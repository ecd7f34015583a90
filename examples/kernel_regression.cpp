// SPDX-License-Identifier: Apache-2.0
// What an infinitely wide network learns: regression with its tangent kernel.
#include <ATen/ATen.h>

#include <cstdio>

#include "overparam/kernel/infinite.hpp"
#include "overparam/kernel/regression.hpp"
#include "overparam/net/catalogue.hpp"

using namespace overparam;

int main() {
  at::manual_seed(1);
  at::Tensor inputs = at::randn({400, 6}, at::kDouble);
  inputs /= inputs.norm(2, 1, true);
  const at::Tensor targets = at::sin(inputs.sum(1, true));  // (400, 1)
  const at::Tensor train = inputs.narrow(0, 0, 300);
  const at::Tensor test = inputs.narrow(0, 300, 100);

  const auto shape = net::make_architecture("fc", {.input_size = 6, .width = 1024, .depth = 3});
  const kernel::InfiniteKernel kernel(shape);
  const kernel::KernelRegression fit(kernel(train), targets.narrow(0, 0, 300));
  const at::Tensor missed = fit.predict(kernel(test, train)) - targets.narrow(0, 300, 100);

  const double error = missed.square().mean().item<double>();
  const double variance = targets.var().item<double>();
  std::printf("squared error %.4f of the variance, %s\n", error / variance, fit.describe().c_str());
  return error < 0.2 * variance ? 0 : 1;
}
