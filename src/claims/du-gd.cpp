// SPDX-License-Identifier: Apache-2.0
// Theorem 4.1 of Du et al. 2018: gradient descent has |u(k) - y|^2 <= (1 - eta lambda_0 / 2)^k
// |u(0) - y|^2. A kernel that does not move gives the factor (1 - eta lambda_0)^2 a step once its
// slowest mode is left, whatever m: four times the promised exponent for small eta.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "support/experiment.hpp"
#include "support/two_layer.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

std::vector<Design> designs(Scale scale) {
  const int seeds = pick(scale, 3, 8, 20);
  return {
      {.name = "m",
       .fixed = {{"n", 6}, {"delta", 0.6}, {"ratio", 1e-6}},
       .axes = {{"m",
                 pick<std::vector<double>>(scale,
                                           {512, 1024, 2048, 4096},
                                           {512, 1024, 2048, 4096, 8192},
                                           {512, 1024, 2048, 4096, 8192, 16384})}},
       .seeds = seeds},
      {.name = "eta",
       .fixed = {{"n", 6}, {"m", 1024}, {"delta", 0.8}},
       .axes = {{"eta_over_theory", {12, 24, 48, 96}}},
       .seeds = seeds},
      {.name = "window",
       .fixed = {{"n", 2},
                 {"m", 1 << 20},
                 {"dx", 2},
                 {"delta", std::numbers::sqrt2},
                 {"eta_over_theory", 1},
                 {"ratio", pick(scale, 0.5, 0.1, 1e-6)}},
       .seeds = pick(scale, 1, 1, 3)},
  };
}

}  // namespace

Claim du_gd() {
  return {
      .id = "du-gd",
      .group = Group::two_layer,
      .statement = "gradient descent has |u(k) - y|^2 <= (1 - eta lambda_0 / 2)^k |u(0) - y|^2",
      .source = "Du et al. 2018, Theorem 4.1",
      .quantity = "the rate of |u(k) - y|^2 a step, the first layer trained",
      .window =
          "m >= Omega(n^6 / (lambda_0^4 p^3)) with probability 1 - p and eta <= O(lambda_0 / n^2): "
          "with 1 for the constants and p = 0.1, two orthogonal inputs reach it at m = 2^20",
      .inside_window = wide_enough_for_descent,
      .expected = {VerdictKind::consistent},
      .designs = designs,
      .measure = measure_descent,
      .memory = two_layer_memory,
      .laws = {{.name = "rate over that of (1 - eta lambda_0)^2, in m",
                .design = "m",
                .x = "m",
                .y = "tail_over_limit",
                .predicted = 0,
                .bound = Bound::exact},
               {.name = "rate a step / lambda_0 in eta",
                .design = "eta",
                .x = "eta",
                .y = "step_rate_over_lambda",
                .predicted = 1,
                .bound = Bound::exact,
                .limit = Limit::small}},
      .checks = {{.name = "largest |u(k) - y|^2 / ((1 - eta lambda_0 / 2)^k |u(0) - y|^2), k > 0",
                  .meaning = "the statement",
                  .value = most("", "over_bound"),
                  .low = 0,
                  .high = 1},
                 {.name = "mean rate over that of (1 - eta lambda_0)^2",
                  .meaning = "1 for a kernel that stays H_infinity",
                  .value = mean_where("m", "tail_over_limit", {}),
                  .low = 0.85,
                  .high = 1.15},
                 {.name = "mean rate over that of the final kernel",
                  .meaning = "1 where only the slowest mode is left",
                  .value = mean_where("m", "tail_over_kernel", {}),
                  .low = 0.95,
                  .high = 1.15}},
      .positive_control = {.description = "n = 4, up to m = 2048",
                           .designs = {{.name = "m",
                                        .fixed = {{"n", 4}, {"delta", 0.8}},
                                        .axes = {{"m", {256, 512, 1024, 2048}}},
                                        .seeds = 8},
                                       {.name = "eta",
                                        .fixed = {{"n", 4}, {"m", 512}, {"delta", 0.8}},
                                        .axes = {{"eta_over_theory", {4, 8, 16}}},
                                        .seeds = 3}}},
      .negative_control =
          {.description = "no over-parameterisation: four neurons for ten inputs",
           .designs = {{.name = "m", .fixed = {{"n", 10}, {"delta", 0.6}, {"m", 4}}, .seeds = 2}}},
  };
}

}  // namespace overparam::claims
