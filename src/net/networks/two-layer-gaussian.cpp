// SPDX-License-Identifier: Apache-2.0
// The two-layer network of Li, Liang 2018 (arXiv 1808.01204), for k classes and cross-entropy,
//
//     y_a = sum_r a_{ar} phi(w_r^T x)      w_r ~ N(0, I/m), a_{ar} ~ N(0, 1)
//
// with W trained.
#include "builder.hpp"

namespace overparam::net {

namespace {

Architecture build_two_layer_gaussian(const NetworkOptions& options) {
  check_sizes(options);
  const std::int64_t m = options.width;
  Builder net("two-layer-gaussian", options.input_size);
  const int hidden = net.add_dense(kInput,
                                   {.name = "W",
                                    .rows = m,
                                    .columns = options.input_size,
                                    .variance = 1 / static_cast<double>(m)},
                                   find_activation(options.activation));
  net.add_dense(hidden, {.name = "a", .rows = options.num_outputs, .columns = m}, identity());
  return net.take();
}

}  // namespace

NetworkFamily two_layer_gaussian() {
  return {
      .name = "two-layer-gaussian",
      .description = "one hidden layer with N(0, 1) entries above it",
      .source = "Li, Liang 2018 (arXiv 1808.01204), Section 3",
      .default_trained = "first",
      .reads = {"activation"},
      .build = build_two_layer_gaussian,
  };
}

}  // namespace overparam::net
