// SPDX-License-Identifier: Apache-2.0
// The fully connected network of Section 2:
//
//     h_0 = phi(A x)      h_l = phi(W_l h_{l-1}), l = 1..L      y = B h_L
//
// A (m, dx) and W_l (m, m) have entries N(0, 2/m), B (d, m) has entries N(0, 1/d) (Definition 2.3).
// Layers of other widths m_l have entries N(0, 2/m_l), other activations N(0, c/m_l) with their own
// c: features keep their norm.
#include "builder.hpp"

namespace overparam::net {

namespace {

Architecture build_fc(const NetworkOptions& options) {
  check_sizes(options);
  const Activation& activation = find_activation(options.activation);
  std::vector<std::int64_t> widths = options.widths;
  if (widths.empty()) widths.assign(static_cast<std::size_t>(options.depth) + 1, options.width);

  Builder fc("fc", options.input_size);
  int layer = kInput;
  std::int64_t below = options.input_size;
  for (std::size_t l = 0; l < widths.size(); ++l) {
    const std::int64_t width = widths[l];
    const std::string name = l == 0 ? "A" : "W." + std::to_string(l);
    layer = fc.add_dense(layer, hidden_block(name, width, below, activation), activation);
    below = width;
  }
  fc.add_read_out(layer, options.num_outputs, below);
  return fc.take();
}

}  // namespace

NetworkFamily fc() {
  return {
      .name = "fc",
      .description = "fully connected, L square hidden layers of width m between A and B",
      .source = "Allen-Zhu, Li, Song 2019, Section 2 and Definition 2.3",
      .default_trained = "hidden",
      .reads = {"depth", "widths", "activation"},
      .build = build_fc,
  };
}

}  // namespace overparam::net
