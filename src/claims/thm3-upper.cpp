// SPDX-License-Identifier: Apache-2.0
// Theorem 3, upper half: |grad F|^2 <= 2 lambda_max(K) F, with equality for the worst labels.
#include "support/experiment.hpp"
#include "support/spectrum.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

std::vector<Design> designs(Scale scale) {
  const int seeds = pick(scale, 2, 4, 10);
  return {
      {.name = "n",
       .fixed = {{"m", 512}, {"L", 4}, {"dx", 20}},
       .axes = {{"n",
                 pick<std::vector<double>>(
                     scale, {10, 20, 40}, {10, 20, 40, 80}, {10, 20, 50, 100, 200})}},
       .seeds = seeds},
      {.name = "L",
       .fixed = {{"n", 20}, {"m", 512}, {"dx", 20}},
       .axes = {{"L",
                 pick<std::vector<double>>(
                     scale, {1, 2, 4}, {1, 2, 4, 8, 16}, {1, 2, 4, 8, 16, 32})}},
       .seeds = seeds},
      {.name = "m",
       .fixed = {{"n", 20}, {"L", 4}, {"dx", 20}},
       .axes = {{"m",
                 pick<std::vector<double>>(scale,
                                           {64, 128, 256, 512},
                                           {128, 256, 512, 1024},
                                           {128, 256, 512, 1024, 2048, 4096})}},
       .seeds = pick(scale, 8, seeds, seeds)},
      {.name = "d",
       .fixed = {{"n", 10}, {"L", 2}, {"dx", 20}, {"m_per_d", 256}},
       .axes = {{"d", {1, 2, 3, 4}}},
       .seeds = 3 * seeds},
      {.name = "moved",
       .fixed = {{"n", 10}, {"m", 512}, {"L", 4}, {"dx", 20}, {"delta", 0.1}},
       .axes = {{"omega", {0.001, 0.01, 0.03}}},
       .seeds = seeds},
  };
}

Law law(const char* variable, double predicted) {
  return {.name = std::string("lambda_max d/m in ") + variable,
          .design = variable,
          .x = variable,
          .y = "lambda_max_scaled",
          .predicted = predicted};
}

}  // namespace

Claim thm3_upper() {
  return {
      .id = "thm3-upper",
      .group = Group::gradient,
      .statement = "|grad F(W)|_F^2 <= O(L n m / d) F(W) for every W near W^(0)",
      .source = "Theorem 3, first inequality",
      .quantity = "lambda_max(K) d / m, at W^(0) and around it",
      .window = "as for thm3-lower: not within a machine's reach",
      .inside_window = near_enough_for_gradients,
      .expected = {VerdictKind::tight, VerdictKind::consistent, VerdictKind::loose},
      .designs = designs,
      .measure = measure_spectrum,
      .memory = measurement_memory,
      .laws = {law("n", 1), law("L", 1), law("m", 0), law("d", 0)},
      .checks = {{.name = "largest lambda_max d / (L n m)",
                  .meaning =
                      "the constant of the bound; the limit kernel has lambda_max <= n m L / (2d)",
                  .value = most("n", "upper_constant"),
                  .low = 0.05,
                  .high = 1},
                 {.name = "largest lambda_max d / (L n m) around W^(0), omega <= 0.03",
                  .meaning = "the same constant, for every family of perturbations",
                  .value = most("moved", "upper_constant"),
                  .low = 0.05,
                  .high = 1}},
      .positive_control =
          {.description = "small grids in n, L, m, d and omega",
           .designs = {{.name = "n",
                        .fixed = {{"m", 128}, {"L", 2}, {"dx", 10}},
                        .axes = {{"n", {5, 10, 20, 40}}},
                        .seeds = 4},
                       {.name = "L",
                        .fixed = {{"n", 8}, {"m", 128}, {"dx", 10}},
                        .axes = {{"L", {1, 2, 4, 8}}},
                        .seeds = 4},
                       {.name = "m",
                        .fixed = {{"n", 8}, {"L", 2}, {"dx", 10}},
                        .axes = {{"m", {64, 128, 256, 512}}},
                        .seeds = 8},
                       {.name = "d",
                        .fixed = {{"n", 6}, {"L", 1}, {"dx", 10}, {"m_per_d", 128}},
                        .axes = {{"d", {1, 2, 3, 4}}},
                        .seeds = 8},
                       {.name = "moved",
                        .fixed = {{"n", 4}, {"m", 256}, {"L", 2}, {"dx", 10}, {"delta", 0.2}},
                        .axes = {{"omega", {0.001, 0.01}}}}}},
      .negative_control =
          {.description =
               "Definition 2.3 broken: hidden weights with variance 4/m, norms grow as 2^L",
           .designs = {{.name = "L",
                        .fixed = {{"n", 8}, {"m", 128}, {"dx", 10}, {"gain", 2}},
                        .axes = {{"L", {1, 2, 4, 8}}},
                        .seeds = 4}}},
      .certify = [](const RunFacts& facts) -> std::vector<CertificateLine> {
        const double bound = static_cast<double>(facts.L) * static_cast<double>(facts.n) *
                             static_cast<double>(facts.m) / static_cast<double>(facts.d);
        std::vector<CertificateLine> lines{
            {.quantity = "2 lambda_max(K) at the start against L n m / d",
             .measured = 2 * facts.lambda_max,
             .bound = bound}};
        double largest = 0;
        for (const auto& point : facts.trajectory) {
          if (point.is_full && point.objective > 0 && std::isfinite(point.squared_gradient)) {
            largest = std::max(largest, point.squared_gradient / point.objective);
          }
        }
        if (largest > 0) {
          lines.push_back({.quantity = "max over the run of |grad F|^2 / F against L n m / d",
                           .measured = largest,
                           .bound = bound});
        }
        return lines;
      },
  };
}

}  // namespace overparam::claims
