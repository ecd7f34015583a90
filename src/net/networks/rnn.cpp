// SPDX-License-Identifier: Apache-2.0
// The recurrent network of Allen-Zhu, Li, Song 2018 (arXiv 1810.12065) over L time steps,
//
//     h_0 = 0      h_l = phi(W h_{l-1} + A x_l), l = 1..L      y = B h_L, or y_l = B h_l for l >= 2
//
// with entries N(0, 2/m) of W and A and N(0, 1/d) of B. W, A and B are the same at every step; W is
// trained. The input is cut into L equal pieces, one a step.
#include "builder.hpp"

namespace overparam::net {

namespace {

Architecture build_rnn(const NetworkOptions& options) {
  check_sizes(options);
  const std::int64_t L = options.depth;
  base::require(L >= 2,
                ErrorKind::usage,
                "the network rnn needs a depth of at least 2 time steps, found {}",
                L);
  base::require(
      options.input_size % L == 0,
      ErrorKind::usage,
      "the network rnn reads its input in {} equal pieces, and {} numbers do not make them",
      L,
      options.input_size);
  const Activation& activation = find_activation(options.activation);
  const std::int64_t m = options.width;
  const std::int64_t d = options.num_outputs;
  const std::int64_t piece = options.input_size / L;

  Builder net("rnn", options.input_size);
  const int A = net.add_block(hidden_block("A", m, piece, activation));
  const int W = net.add_block(hidden_block("W", m, m, activation));
  const int B = net.add_block(read_out_block(d, m));
  std::vector<int> steps;
  for (std::int64_t l = 0; l < L; ++l) {
    std::vector<Term> terms{{.block = A, .read = {.begin = l * piece, .size = piece}}};
    if (l > 0) terms.push_back({.from = steps.back(), .block = W});
    steps.push_back(net.add_layer(std::move(terms), activation));
  }
  if (!options.every_step) {
    net.add_layer({{.from = steps.back(), .block = B}}, identity());
    return net.take();
  }
  std::vector<Term> terms;
  for (std::int64_t l = 1; l < L; ++l) {
    terms.push_back({.from = steps[static_cast<std::size_t>(l)],
                     .block = B,
                     .write = {.begin = (l - 1) * d, .size = d}});
  }
  net.add_layer(std::move(terms), identity(), 1, (L - 1) * d);
  return net.take();
}

}  // namespace

NetworkFamily rnn() {
  return {
      .name = "rnn",
      .description = "recurrent: the same W, A and B at each of L time steps",
      .source = "Allen-Zhu, Li, Song 2018 (arXiv 1810.12065), Section 2",
      .default_trained = "hidden",
      .reads = {"depth", "activation"},
      .unit_inputs = true,
      .build = build_rnn,
  };
}

}  // namespace overparam::net
