// SPDX-License-Identifier: Apache-2.0
// The convolutional network of Theorem 6 over P positions, each with a neighbourhood Q_j of q:
//
//     h_{0,j} = phi(A x_{Q_j})      h_{l,j} = phi(W_l h_{l-1,Q_j} + tau b_l), l = 1..L-1
//     h_L = phi(W_L h_{L-1})        y = B h_L
//
// h_{l,j} has m channels; W_L (P m, P m) is dense. Neighbourhoods wrap around, so that every
// position lies in q of them and features keep their norm: entries of A, W_l and b_l are N(0, 2/(q
// m)), of W_L N(0, 2/(P m)), of B N(0, 1/d). With borders of zeros in their place |h|^2 would lose
// O(1/sqrt P) a layer. The paper leaves open whether positions share their filters: both exist.
// bias: "theory", tau = delta^2 / (10 P L); or a number.
#include <algorithm>
#include <cmath>

#include "builder.hpp"
#include "overparam/base/text.hpp"
#include "positions.hpp"

namespace overparam::net {

namespace {

double parse_bias(const NetworkOptions& options, const Grid& grid) {
  if (options.bias == "theory") {
    const bool known = std::isfinite(options.separation);
    return known ? options.separation * options.separation /
                       (10 * static_cast<double>(grid.positions() * options.depth))
                 : 0;
  }
  const auto tau = base::parse_number(options.bias);
  base::require(tau && std::isfinite(*tau) && *tau >= 0,
                ErrorKind::usage,
                "the scale of the biases must be theory or a number, found \"{}\"",
                options.bias);
  return *tau;
}

Architecture build_cnn(const NetworkOptions& options) {
  check_sizes(options);
  base::require(options.depth >= 1,
                ErrorKind::usage,
                "the network cnn needs a depth of at least 1, for its dense layer");
  base::require(options.filters == "shared" || options.filters == "unshared",
                ErrorKind::usage,
                "filters are shared or unshared, found \"{}\"",
                options.filters);
  const Grid grid = input_grid(options);
  check_filter(grid, options.filter);
  const Activation& activation = find_activation(options.activation);
  const double c = activation.variance_gain;
  const std::int64_t P = grid.positions();
  const std::int64_t m = options.width;
  const std::int64_t q = neighbourhood_size(grid, options.filter);
  const std::int64_t copies = options.filters == "shared" ? 1 : P;
  const double variance = c / static_cast<double>(q * m);
  const double tau = parse_bias(options, grid);

  const auto convolution = [&](const std::string& name, std::int64_t columns) {
    return Block{.name = name,
                 .rows = copies * m,
                 .columns = columns,
                 .variance = variance,
                 .positions = copies};
  };
  Builder net("cnn", options.input_size);
  const auto patches = [](int from, int block, const at::Tensor& neighbours, std::int64_t cells) {
    return Term{.from = from,
                .gather = Gather::patches,
                .block = block,
                .neighbours = neighbours,
                .cells = cells};
  };
  // Images come with their channels one after another, features with a row of channels a position.
  const int first = net.add_block(convolution("A", q * grid.channels));
  const at::Tensor of_image = neighbour_table(grid, options.filter, grid.channels);
  const at::Tensor of_features = neighbour_table(grid, options.filter, 1);
  int layer = net.add_layer({patches(kInput, first, of_image, P * grid.channels)}, activation, P);
  for (std::int64_t l = 1; l < options.depth; ++l) {
    const int block = net.add_block(convolution("W." + std::to_string(l), q * m));
    std::vector<Term> terms{patches(layer, block, of_features, P)};
    if (tau > 0) {
      const int bias = net.add_block(
          {.name = "b." + std::to_string(l), .rows = m, .columns = 1, .variance = variance});
      terms.push_back({.gather = Gather::one, .block = bias, .gain = tau});
    }
    layer = net.add_layer(std::move(terms), activation, P);
  }
  layer =
      net.add_dense(layer,
                    hidden_block("W." + std::to_string(options.depth), P * m, P * m, activation),
                    activation);
  net.add_read_out(layer, options.num_outputs, P * m);
  return net.take();
}

}  // namespace

NetworkFamily cnn() {
  return {
      .name = "cnn",
      .description =
          "convolutional: filters with m channels on circular patches in L layers, then "
          "a dense one",
      .source = "Allen-Zhu, Li, Song 2019, Theorem 6; the definition follows its architecture",
      .default_trained = "hidden",
      .reads = {"depth", "activation", "filter", "filters", "bias"},
      .unit_inputs = true,
      .build = build_cnn,
  };
}

}  // namespace overparam::net
