// SPDX-License-Identifier: Apache-2.0
// The residual network of Theorem 7,
//
//     h_0 = phi(A x)      h_l = phi(h_{l-1} + tau W_l h_{l-1}), l = 1..L-1
//     h_L = phi(W_L h_{L-1})      y = B h_L
//
// with tau = 1 / (L ln m), so that |(I + tau W_a) D ... D (I + tau W_b)|_2 <= 1.01 for all a >= b.
// Branches of two or three matrices have a phi between them, tau V_l phi(W_l h_{l-1}).
// tau: "theory", 1 / (L ln m); "theory:c", c / (L ln m); "1/L"; "1/sqrt(L)"; or a number.
#include "builder.hpp"
#include "tau.hpp"

namespace overparam::net {

namespace {

Architecture build_resnet(const NetworkOptions& options) {
  check_sizes(options);
  base::require(options.block_layers >= 1 && options.block_layers <= 3,
                ErrorKind::usage,
                "a residual branch has 1, 2 or 3 layers, found {}",
                options.block_layers);
  base::require(options.last == "plain" || options.last == "residual",
                ErrorKind::usage,
                "the last hidden layer is plain or residual, found \"{}\"",
                options.last);
  const Activation& activation = find_activation(options.activation);
  const std::int64_t m = options.width;
  const auto L = static_cast<double>(std::max<std::int64_t>(1, options.depth));
  const double log_m = std::log(std::fmax(static_cast<double>(m), 2));
  const double tau = parse_tau(options, 1 / (L * log_m));
  const auto square = [&](const std::string& name) { return hidden_block(name, m, m, activation); };

  Builder net("resnet", options.input_size);
  int layer =
      net.add_dense(kInput, hidden_block("A", m, options.input_size, activation), activation);
  for (std::int64_t l = 1; l <= options.depth; ++l) {
    const std::string name = "W." + std::to_string(l);
    if (l == options.depth && options.last == "plain") {
      layer = net.add_dense(layer, square(name), activation);
      break;
    }
    int branch = layer;
    for (std::int64_t k = 1; k < options.block_layers; ++k) {
      branch = net.add_dense(branch, square(name + "." + std::to_string(k)), activation);
    }
    const bool is_alone = options.block_layers == 1;
    const int block =
        net.add_block(square(is_alone ? name : name + "." + std::to_string(options.block_layers)));
    layer = net.add_layer(
        {{.from = layer, .block = kSkip}, {.from = branch, .block = block, .gain = tau}},
        activation);
  }
  net.add_read_out(layer, options.num_outputs, m);
  return net.take();
}

}  // namespace

NetworkFamily resnet() {
  return {
      .name = "resnet",
      .description = "residual: h + tau W h in L - 1 layers, a plain last one, A and B at the ends",
      .source = "Allen-Zhu, Li, Song 2019, Theorem 7; the definition follows its architecture",
      .default_trained = "hidden",
      .reads = {"depth", "activation", "tau", "block_layers", "last"},
      .build = build_resnet,
  };
}

}  // namespace overparam::net
