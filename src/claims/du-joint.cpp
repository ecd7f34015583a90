// SPDX-License-Identifier: Apache-2.0
// Theorem 3.3 of Du et al. 2018: |u(t) - y|^2 <= e^(-lambda_0 t) |u(0) - y|^2 under gradient flow
// of both layers. The read-out adds G_ij = (1/m) sum_r phi(w_r . x_i) phi(w_r . x_j) to the kernel,
// which is positive semi-definite: in the limit (1/2) k1(x_i . x_j), so that the rate lies above
// the 2 lambda_0 of the first layer alone, and does not depend on m either.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "support/experiment.hpp"
#include "support/two_layer.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

std::vector<Design> designs(Scale scale) {
  return {{.name = "m",
           .fixed = {{"n", 6}, {"delta", 0.8}},
           .axes = {{"m",
                     pick<std::vector<double>>(scale,
                                               {256, 512, 1024, 2048},
                                               {256, 512, 1024, 2048, 4096},
                                               {256, 512, 1024, 2048, 4096, 8192, 16384})}},
           .seeds = pick(scale, 3, 8, 20)}};
}

}  // namespace

Claim du_joint() {
  return {
      .id = "du-joint",
      .group = Group::two_layer,
      .statement = "gradient flow of both layers has |u(t) - y|^2 <= e^(-lambda_0 t) |u(0) - y|^2",
      .source = "Du et al. 2018, Theorem 3.3",
      .quantity = "the rate of |u(t) - y|^2 in time, both layers trained",
      .window =
          "m >= Omega(n^6 log(m/p) / (lambda_0^4 p^3)) with probability 1 - p: above 1e11 for six "
          "inputs, not within a machine's reach",
      .inside_window = wide_enough_for_joint_flow,
      .expected = {VerdictKind::consistent},
      .designs = designs,
      .measure = [](const Point& point) { return measure_flow(point, "all"); },
      .memory = two_layer_memory,
      .laws = {{.name = "rate / (2 lambda_0) in m",
                .design = "m",
                .x = "m",
                .y = "tail_over_limit",
                .predicted = 0,
                .bound = Bound::exact}},
      .checks = {{.name = "largest |u(t) - y|^2 / (e^(-lambda_0 t) |u(0) - y|^2), t > 0",
                  .meaning = "the statement",
                  .value = most("m", "over_bound"),
                  .low = 0,
                  .high = 1},
                 {.name = "least lambda_min(H(t) + G(t)) / lambda_0",
                  .meaning = "what the proof keeps above 1/2",
                  .value = least("m", "least_kept"),
                  .low = 0.5,
                  .high = 3},
                 {.name = "mean rate / (2 lambda_0)",
                  .meaning = "G is positive semi-definite, and can add no more than its trace",
                  .value = mean_where("m", "tail_over_limit", {}),
                  .low = 1,
                  .high = 3}},
      .positive_control = {.description = "n = 4, up to m = 2048",
                           .designs = {{.name = "m",
                                        .fixed = {{"n", 4}, {"delta", 0.8}},
                                        .axes = {{"m", {256, 512, 1024, 2048}}},
                                        .seeds = 5}}},
      .negative_control =
          {.description = "no over-parameterisation: two neurons for twenty inputs",
           .designs = {{.name = "m", .fixed = {{"n", 20}, {"delta", 0.6}, {"m", 2}}, .seeds = 2}}},
  };
}

}  // namespace overparam::claims
