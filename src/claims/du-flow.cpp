// SPDX-License-Identifier: Apache-2.0
// Theorem 3.2 of Du et al. 2018: under gradient flow |u(t) - y|^2 <= e^(-lambda_0 t) |u(0) - y|^2.
// The proof keeps lambda_min(H(t)) >= lambda_0 / 2; a kernel that does not move at all gives the
// rate 2 lambda_0 once its slowest mode is left, whatever m.
#include <algorithm>
#include <numbers>

#include "support/experiment.hpp"
#include "support/two_layer.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

std::vector<Design> designs(Scale scale) {
  const int seeds = pick(scale, 3, 6, 20);
  return {
      {.name = "m",
       .fixed = {{"n", 6}, {"delta", 0.8}},
       .axes = {{"m",
                 pick<std::vector<double>>(scale,
                                           {256, 512, 1024, 2048},
                                           {256, 512, 1024, 2048, 4096},
                                           {256, 512, 1024, 2048, 4096, 8192, 16384})}},
       .seeds = seeds},
      {.name = "delta",
       .fixed =
           {{"n", 2}, {"m", pick(scale, 1024.0, 4096.0, 16384.0)}, {"near", 0.1}, {"ratio", 1e-8}},
       .axes = {{"delta", {0.5, 0.7, 0.9, 1.1}}},
       .seeds = pick(scale, 4, 8, 40)},
      {.name = "window",
       .fixed = {{"n", 2},
                 {"m", 1 << 20},
                 {"dx", 2},
                 {"delta", std::numbers::sqrt2},
                 {"ratio", pick(scale, 0.1, 1e-3, 1e-6)}},
       .seeds = pick(scale, 1, 1, 3)},
  };
}

}  // namespace

Claim du_flow() {
  return {
      .id = "du-flow",
      .group = Group::two_layer,
      .statement = "gradient flow has |u(t) - y|^2 <= e^(-lambda_0 t) |u(0) - y|^2",
      .source = "Du et al. 2018, Theorem 3.2",
      .quantity = "the rate of |u(t) - y|^2 in time, the first layer trained",
      .window =
          "m >= Omega(n^6 / (lambda_0^4 p^3)) with probability 1 - p: with 1 for the constant and "
          "p = 0.1, two orthogonal inputs reach it at m = 2^20, six inputs never do",
      .inside_window = wide_enough_for_flow,
      .expected = {VerdictKind::consistent},
      .designs = designs,
      .measure = [](const Point& point) { return measure_flow(point, "first"); },
      .memory = two_layer_memory,
      .laws = {{.name = "rate / (2 lambda_0) in m",
                .design = "m",
                .x = "m",
                .y = "tail_over_limit",
                .predicted = 0,
                .bound = Bound::exact},
               {.name = "rate in lambda_0, two points",
                .design = "delta",
                .x = "lambda_0",
                .y = "tail_rate",
                .predicted = 1,
                .bound = Bound::exact,
                .limit = Limit::small}},
      .checks = {{.name = "largest |u(t) - y|^2 / (e^(-lambda_0 t) |u(0) - y|^2), t > 0",
                  .meaning = "the statement",
                  .value = most("", "over_bound"),
                  .low = 0,
                  .high = 1},
                 {.name = "least lambda_min(H(t)) / lambda_0",
                  .meaning = "what the proof keeps above 1/2",
                  .value = least("", "least_kept"),
                  .low = 0.5,
                  .high = 2}},
      .positive_control =
          {.description = "n = 4, up to m = 1024, and pairs",
           .designs = {{.name = "m",
                        .fixed = {{"n", 4}, {"delta", 0.8}},
                        .axes = {{"m", {128, 256, 512, 1024}}},
                        .seeds = 4},
                       {.name = "delta",
                        .fixed = {{"n", 2}, {"m", 1024}, {"near", 0.1}, {"ratio", 1e-8}},
                        .axes = {{"delta", {0.5, 0.7, 0.9, 1.1}}},
                        .seeds = 5}}},
      .negative_control =
          {.description = "no over-parameterisation: four neurons for ten inputs",
           .designs = {{.name = "m", .fixed = {{"n", 10}, {"delta", 0.6}, {"m", 4}}, .seeds = 2}}},
  };
}

}  // namespace overparam::claims
