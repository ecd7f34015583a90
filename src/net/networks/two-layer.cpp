// SPDX-License-Identifier: Apache-2.0
// The two-layer network of Du, Zhai, Poczos, Singh 2018 (arXiv 1810.02054),
//
//     y_a = m^(-1/2) sum_r a_{ar} phi(w_r^T x)      w_r ~ N(0, I), a_{ar} = +-1
//
// with W trained ("first", the default) or both layers ("all"). In it m^(-1/2) stands in the
// read-out, so that one step size serves all widths.
#include <cmath>

#include "builder.hpp"

namespace overparam::net {

namespace {

Architecture build_two_layer(const NetworkOptions& options) {
  check_sizes(options);
  const Activation& activation = find_activation(options.activation);
  base::require(activation.is_homogeneous,
                ErrorKind::usage,
                "the network two-layer has its own scaling and takes relu, leaky-relu, abs or "
                "identity, found \"{}\"",
                activation.name);
  Builder net("two-layer", options.input_size);
  const int hidden = net.add_dense(
      kInput, {.name = "W", .rows = options.width, .columns = options.input_size}, activation);
  net.add_dense(hidden,
                {.name = "a",
                 .rows = options.num_outputs,
                 .columns = options.width,
                 .law = InitialLaw::signs},
                identity(),
                1 / std::sqrt(static_cast<double>(options.width)));
  return net.take();
}

}  // namespace

NetworkFamily two_layer() {
  return {
      .name = "two-layer",
      .description = "one hidden layer with signs above it and 1/sqrt(m) in the read-out",
      .source = "Du, Zhai, Poczos, Singh 2018, Section 3",
      .default_trained = "first",
      .reads = {"activation"},
      .unit_inputs = true,
      .build = build_two_layer,
  };
}

}  // namespace overparam::net
