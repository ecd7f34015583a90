// SPDX-License-Identifier: Apache-2.0
// Lemma 3.3 of Du et al. 2018: under gradient flow no neuron leaves a ball of radius sqrt(n) |y -
// u(0)| / (sqrt(m) lambda_0) as long as lambda_min(H) >= lambda_0 / 2. A neuron moves by m^(-1/2)
// sum_i x_i int (y_i - u_i) 1[w_r . x_i >= 0] dt, which is at most the integral of sqrt(n) |y - u|
// but adds up over i only in part, so the exponent in m is reached and the constant is not.
#include "support/experiment.hpp"
#include "support/two_layer.hpp"

namespace overparam::claims {

namespace {

/// The lemma's own condition.
bool keeps_kernel(const Row& row) { return row.has("least_kept") && row.at("least_kept") >= 0.5; }

std::vector<Design> designs(Scale scale) {
  return {{.name = "m",
           .fixed = {{"n", 10}, {"delta", 0.6}},
           .axes = {{"m",
                     pick<std::vector<double>>(scale,
                                               {256, 1024, 4096},
                                               {256, 512, 1024, 2048, 4096},
                                               {256, 512, 1024, 2048, 4096, 8192, 16384})}},
           .seeds = pick(scale, 3, 5, 20)}};
}

}  // namespace

Claim du_l3_3() {
  return {
      .id = "du-l3.3",
      .group = Group::two_layer,
      .statement = "|w_r(t) - w_r(0)| <= sqrt(n) |y - u(0)| / (sqrt(m) lambda_0) for all r and t",
      .source = "Du et al. 2018, Lemma 3.3",
      .quantity = "max_r |w_r(t) - w_r(0)| under gradient flow",
      .window =
          "lambda_min(H(s)) >= lambda_0 / 2 for s <= t, which holds at all but a few points here",
      .inside_window = keeps_kernel,
      .expected = {VerdictKind::tight, VerdictKind::consistent},
      .designs = designs,
      .measure = [](const Point& point) { return measure_flow(point, "first"); },
      .memory = two_layer_memory,
      .laws = {{.name = "max_r |w_r(t) - w_r(0)| / |y - u(0)| in m",
                .design = "m",
                .x = "m",
                .y = "relative_displacement",
                .predicted = -0.5}},
      .checks = {{.name = "largest |w_r(t) - w_r(0)| sqrt(m) lambda_0 / (sqrt(n) |y - u(0)|)",
                  .meaning = "the statement",
                  .value = most("m", "displacement_over_bound"),
                  .low = 0,
                  .high = 1}},
      .positive_control = {.description = "n = 4, up to m = 1024",
                           .designs = {{.name = "m",
                                        .fixed = {{"n", 4}, {"delta", 0.8}, {"dx", 10}},
                                        .axes = {{"m", {64, 256, 1024}}},
                                        .seeds = 5}}},
      .negative_control =
          {.description =
               "the factor 1/sqrt(m) replaced by 1/m, where neurons move as far at any m",
           .designs = {mean_field_design({64, 256, 1024}, 5)}},
  };
}

}  // namespace overparam::claims
