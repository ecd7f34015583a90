// SPDX-License-Identifier: Apache-2.0
// Corollary 4.1 of Du et al. 2018: Lemma 3.3 for the steps of gradient descent, with 4 times the
// radius. It follows from the linear rate alone: the steps' lengths are a geometric series.
#include "support/experiment.hpp"
#include "support/two_layer.hpp"

namespace overparam::claims {

namespace {

/// The corollary's own condition: the bound of Theorem 4.1 has held so far.
bool keeps_rate(const Row& row) { return row.has("over_bound") && row.at("over_bound") <= 1; }

std::vector<Design> designs(Scale scale) {
  const int seeds = pick(scale, 4, 8, 20);
  return {{.name = "m",
           .fixed = {{"n", 10}, {"delta", 0.6}},
           .axes = {{"m",
                     pick<std::vector<double>>(scale,
                                               {256, 1024, 4096},
                                               {256, 512, 1024, 2048, 4096},
                                               {256, 512, 1024, 2048, 4096, 8192, 16384})}},
           .seeds = seeds},
          {.name = "eta",
           .fixed = {{"n", 6}, {"m", 1024}, {"delta", 0.8}},
           .axes = {{"eta_over_theory", {8, 16, 32, 64}}},
           .seeds = seeds}};
}

}  // namespace

Claim du_c4_1() {
  return {
      .id = "du-c4.1",
      .group = Group::two_layer,
      .statement = "|w_r(k) - w_r(0)| <= 4 sqrt(n) |y - u(0)| / (sqrt(m) lambda_0) for all r and k",
      .source = "Du et al. 2018, Corollary 4.1",
      .quantity = "max_r |w_r(k) - w_r(0)| under gradient descent",
      .window = "the bound of Theorem 4.1 up to step k, which holds at every width here",
      .inside_window = keeps_rate,
      .expected = {VerdictKind::tight, VerdictKind::consistent},
      .designs = designs,
      .measure = measure_descent,
      .memory = two_layer_memory,
      .laws = {{.name = "max_r |w_r(k) - w_r(0)| / |y - u(0)| in m",
                .design = "m",
                .x = "m",
                .y = "relative_displacement",
                .predicted = -0.5},
               {.name = "max_r |w_r(k) - w_r(0)| / |y - u(0)| in eta",
                .design = "eta",
                .x = "eta_over_theory",
                .y = "relative_displacement",
                .predicted = 0}},
      .checks = {{.name = "largest |w_r(k) - w_r(0)| sqrt(m) lambda_0 / (sqrt(n) |y - u(0)|)",
                  .meaning = "4 by the statement",
                  .value = most("m", "displacement_over_bound"),
                  .low = 0,
                  .high = 4}},
      .positive_control = {.description = "n = 4, up to m = 1024",
                           .designs = {{.name = "m",
                                        .fixed = {{"n", 4}, {"delta", 0.8}, {"dx", 10}},
                                        .axes = {{"m", {64, 256, 1024}}},
                                        .seeds = 8},
                                       {.name = "eta",
                                        .fixed = {{"n", 4}, {"m", 256}, {"delta", 0.8}},
                                        .axes = {{"eta_over_theory", {4, 8, 16}}},
                                        .seeds = 3}}},
      .negative_control =
          {.description =
               "the factor 1/sqrt(m) replaced by 1/m, where neurons move as far at any m",
           .designs = {mean_field_design({64, 256, 1024}, 8)}},
  };
}

}  // namespace overparam::claims
