// SPDX-License-Identifier: Apache-2.0
// The residual network of Du, Lee, Li, Wang, Zhai 2018 (arXiv 1811.03804),
//
//     x^(0) = sqrt(c/m) sigma(A x)      x^(h) = x^(h-1) + c_res / (H sqrt m) sigma(W^(h) x^(h-1))
//
// for h = 1..H with entries N(0, 1), and y = B x^(H). Here the entries are N(0, 1/m) and sigma acts
// as sqrt(c/m) sigma(sqrt m g), so a branch has the gain c_res / (H sqrt c): tau = "theory" is
// c_res = 1, "theory:c" c_res = c. The activation stands inside the branch, where the paper's
// residual network has it around the sum.
#include "builder.hpp"
#include "tau.hpp"

namespace overparam::net {

namespace {

Architecture build_smooth_resnet(const NetworkOptions& options) {
  check_sizes(options);
  const Activation& sigma = find_activation(options.activation);
  const std::int64_t m = options.width;
  const auto H = static_cast<double>(std::max<std::int64_t>(1, options.depth));
  const double tau = parse_tau(options, std::sqrt(sigma.second_moment) / H);
  const auto weights = [m](const std::string& name, std::int64_t columns) {
    return Block{
        .name = name, .rows = m, .columns = columns, .variance = 1 / static_cast<double>(m)};
  };

  Builder net("smooth-resnet", options.input_size);
  int x = net.add_dense(kInput, weights("A", options.input_size), sigma);
  for (std::int64_t h = 1; h <= options.depth; ++h) {
    const int branch = net.add_dense(x, weights("W." + std::to_string(h), m), sigma);
    x = net.add_layer({{.from = x}, {.from = branch, .gain = tau}}, identity());
  }
  net.add_read_out(x, options.num_outputs, m);
  return net.take();
}

}  // namespace

NetworkFamily smooth_resnet() {
  return {
      .name = "smooth-resnet",
      .description =
          "residual with the activation inside the branch, x + c_res/(H sqrt m) sigma(W x)",
      .source = "Du, Lee, Li, Wang, Zhai 2018 (arXiv 1811.03804), Section 6",
      .default_trained = "hidden",
      .reads = {"depth", "activation", "tau"},
      .build = build_smooth_resnet,
  };
}

}  // namespace overparam::net
