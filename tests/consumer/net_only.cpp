// SPDX-License-Identifier: Apache-2.0
// A room by itself: its headers before any other, and its symbols from its archive.
#include "overparam/net/activation.hpp"
#include "overparam/net/architecture.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/net/loss.hpp"
#include "overparam/net/network.hpp"
#include "overparam/net/parameters.hpp"
#include "overparam/net/sign_pattern.hpp"
//
#include <cstdio>

int main() {
  using namespace overparam;
  const auto shape = net::make_architecture("fc", {.input_size = 3, .num_outputs = 2, .width = 8});
  const net::Network network(shape, 0, at::kFloat);
  net::Workspace workspace(network.options());
  const at::Tensor inputs = network.parameters()[0];  // any (n, 3) will do
  const at::Tensor outputs = network.forward(inputs, workspace);
  std::printf("outputs %ld x %ld\n",
              static_cast<long>(outputs.size(0)),
              static_cast<long>(outputs.size(1)));
  return outputs.size(0) == 8 && outputs.size(1) == 2 ? 0 : 1;
}
