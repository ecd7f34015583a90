// SPDX-License-Identifier: Apache-2.0
// The three-layer residual learner of Allen-Zhu, Li 2019 (arXiv 1905.10337),
//
//     out_1 = A phi(W (x, 1))      y = out_1 + A phi(V (out_1, 1))
//
// A (d, m) and V have entries N(0, 1/m), W has N(0, 1/dx); W and V are trained with their biases, A
// is fixed and the same in both places. The paper prints N(1, 1/m) for the first two, which would
// not keep any norm.
#include "builder.hpp"

namespace overparam::net {

namespace {

Architecture build_three_layer(const NetworkOptions& options) {
  check_sizes(options);
  const Activation& activation = find_activation(options.activation);
  const std::int64_t m = options.width;
  const std::int64_t d = options.num_outputs;
  const double by_inputs = 1 / static_cast<double>(options.input_size);
  const double by_width = 1 / static_cast<double>(m);

  Builder net("three-layer", options.input_size);
  const auto add_hidden =
      [&](int from, const std::string& name, std::int64_t columns, double variance) {
        const int weights =
            net.add_block({.name = name, .rows = m, .columns = columns, .variance = variance});
        const int bias =
            net.add_block({.name = name + ".bias", .rows = m, .columns = 1, .variance = variance});
        return net.add_layer(
            {{.from = from, .block = weights}, {.gather = Gather::one, .block = bias}}, activation);
      };
  const int A = net.add_block({.name = "A", .rows = d, .columns = m, .variance = by_width});
  const int lower = add_hidden(kInput, "W", options.input_size, by_inputs);
  const int out_1 = net.add_layer({{.from = lower, .block = A}}, identity());
  const int upper = add_hidden(out_1, "V", d, by_width);
  net.add_layer({{.from = out_1, .block = kSkip}, {.from = upper, .block = A}}, identity());
  return net.take();
}

}  // namespace

NetworkFamily three_layer() {
  return {
      .name = "three-layer",
      .description = "residual learner: out = out_1 + A phi(V (out_1, 1)), out_1 = A phi(W (x, 1))",
      .source = "Allen-Zhu, Li 2019 (arXiv 1905.10337), Section 3",
      .default_trained = "W,W.bias,V,V.bias",
      .reads = {"activation"},
      .build = build_three_layer,
  };
}

}  // namespace overparam::net
