// SPDX-License-Identifier: Apache-2.0
// The program of the README: tensors in, a network at a global minimum, tensors out.
#include <ATen/ATen.h>

#include <cstdio>

#include "overparam/net/catalogue.hpp"
#include "overparam/train/step_size.hpp"
#include "overparam/train/trainer.hpp"

using namespace overparam;

int main() {
  at::manual_seed(0);
  at::Tensor inputs = at::randn({40, 10}, at::kDouble);
  inputs /= inputs.norm(2, 1, true);                            // rows of length 1
  const at::Tensor targets = at::sin(3 * inputs.sum(1, true));  // (40, 1)

  const auto shape = net::make_architecture("fc", {.input_size = 10, .width = 1024, .depth = 2});
  net::Network network(shape, /*seed=*/0, inputs.options());
  const train::Problem problem{
      .inputs = inputs, .targets = targets, .loss = net::find_loss("squared")};

  net::Workspace workspace(network.options());
  train::TrainOptions options{.stop = {.target_objective = 1e-6}};
  options.step_size = train::choose_step({}, network, problem, options, workspace).step_size;
  const auto result = train::train(network, problem, options);

  const at::Tensor outputs = network.forward(inputs, workspace);  // (40, 1)
  const double objective = 0.5 * (outputs - targets).square().sum().item<double>();
  std::printf("objective %.1e after %ld steps\n", objective, static_cast<long>(result.steps));
  return result.reached_target() && objective <= 1e-6 ? 0 : 1;
}
