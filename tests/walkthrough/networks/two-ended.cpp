// SPDX-License-Identifier: Apache-2.0
// A fully connected network whose read-out sees the first hidden layer too,
//
//     h_0 = phi(A x)      h_l = phi(W_l h_{l-1}), l = 1..L      y = B h_L + C h_0
#include "builder.hpp"

namespace overparam::net {

namespace {

Architecture build_two_ended(const NetworkOptions& options) {
  check_sizes(options);
  const Activation& activation = find_activation(options.activation);
  const std::int64_t m = options.width;

  Builder net("two-ended", options.input_size);
  const int first =
      net.add_dense(kInput, hidden_block("A", m, options.input_size, activation), activation);
  int layer = first;
  for (std::int64_t l = 1; l <= options.depth; ++l) {
    layer =
        net.add_dense(layer, hidden_block("W." + std::to_string(l), m, m, activation), activation);
  }
  Block shortcut = read_out_block(options.num_outputs, m);
  shortcut.name = "C";
  const int B = net.add_block(read_out_block(options.num_outputs, m));
  const int C = net.add_block(shortcut);
  net.add_layer({{.from = layer, .block = B}, {.from = first, .block = C}}, identity());
  return net.take();
}

}  // namespace

NetworkFamily two_ended() {
  return {
      .name = "two-ended",
      .description = "fully connected, with a second read-out on the first hidden layer",
      .source = "docs/adding.md",
      .default_trained = "hidden",
      .reads = {"depth", "activation"},
      .build = build_two_ended,
  };
}

}  // namespace overparam::net
