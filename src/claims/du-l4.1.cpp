// SPDX-License-Identifier: Apache-2.0
// Lemma 4.1 of Du et al. 2018: S_i_perp, the neurons whose sign on x_i some move of length R can
// flip, has sum_i |S_i_perp| <= C m n R / p with probability 1 - p. It is the set with |w_r(0) .
// x_i| <= R, so its mean is m n 2R / sqrt(2 pi). Training moves neurons by R ~ m^(-1/2), and flips
// some of what it can reach.
#include <ATen/ATen.h>

#include <cmath>

#include "support/experiment.hpp"
#include "support/two_layer.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

constexpr double kGaussianShare = 0.7978845608;  // 2 / sqrt(2 pi)

/// Designs "R" and "n" count S_perp at initialisation, design "m" trains.
std::vector<Row> measure(const Point& point) {
  if (point.design == "m") return measure_descent(point);
  const train::Problem problem = unit_problem(point);
  const double radius = point.at("R");
  Row row = row_of(point);
  row.values["reachable_share"] =
      reachable_share(two_layer_network(point, problem), problem.inputs, radius);
  row.values["per_neuron"] = point.at("n") * row.at("reachable_share");
  row.values["constant"] = row.at("reachable_share") / radius;
  return {row};
}

std::vector<Design> designs(Scale scale) {
  const int seeds = pick(scale, 4, 8, 20);
  return {
      {.name = "m",
       .fixed = {{"n", 10}, {"delta", 0.6}},
       .axes = {{"m",
                 pick<std::vector<double>>(scale,
                                           {512, 1024, 2048, 4096},
                                           {512, 1024, 2048, 4096, 8192},
                                           {512, 1024, 2048, 4096, 8192, 16384, 32768})}},
       .seeds = seeds},
      {.name = "R",
       .fixed = {{"n", 10}, {"m", 8192}},
       .axes = {{"R", {0.003, 0.01, 0.03, 0.1}}},
       .seeds = seeds},
      {.name = "n",
       .fixed = {{"m", 4096}, {"R", 0.02}},
       .axes = {{"n", {5, 10, 20, 40}}},
       .seeds = seeds},
  };
}

}  // namespace

Claim du_l4_1() {
  return {
      .id = "du-l4.1",
      .group = Group::two_layer,
      .statement = "sum_i |S_i_perp| <= C m n R / p with probability 1 - p",
      .source = "Du et al. 2018, Lemma 4.1",
      .quantity = "signs that moves of length R can flip; signs that training flips",
      .window = "no condition on R or m",
      .inside_window = everywhere,
      .expected = {VerdictKind::tight},
      .designs = designs,
      .measure = measure,
      .memory = two_layer_memory,
      .laws = {{.name = "flips / (m n) by training, in m",
                .design = "m",
                .x = "m",
                .y = "flips_share",
                .predicted = -0.5},
               {.name = "sum_i |S_i_perp| / (m n) in R",
                .design = "R",
                .x = "R",
                .y = "reachable_share",
                .predicted = 1,
                .limit = Limit::small},
               {.name = "sum_i |S_i_perp| / m in n",
                .design = "n",
                .x = "n",
                .y = "per_neuron",
                .predicted = 1}},
      .checks = {{.name = "mean sum_i |S_i_perp| / (m n R) at R = 0.03",
                  .meaning = "2/sqrt(2 pi) = 0.798 for Gaussian neurons",
                  .value = mean_where("R", "constant", {{"R", 0.03}}),
                  .low = 0.95 * kGaussianShare,
                  .high = 1.05 * kGaussianShare},
                 {.name = "largest flips / (m n R) by training, R = max_r |w_r - w_r(0)|",
                  .meaning = "below 2/sqrt(2 pi), what moves of that length can reach",
                  .value = most("m", "flips_over_radius"),
                  .low = 0,
                  .high = kGaussianShare}},
      .positive_control = {.description = "n = 4, up to m = 2048",
                           .designs = {{.name = "m",
                                        .fixed = {{"n", 4}, {"delta", 0.8}, {"dx", 10}},
                                        .axes = {{"m", {256, 512, 1024, 2048}}},
                                        .seeds = 8},
                                       {.name = "R",
                                        .fixed = {{"n", 10}, {"m", 8192}},
                                        .axes = {{"R", {0.01, 0.03, 0.1}}},
                                        .seeds = 6},
                                       {.name = "n",
                                        .fixed = {{"m", 4096}, {"R", 0.03}},
                                        .axes = {{"n", {5, 10, 20}}},
                                        .seeds = 6}}},
      .negative_control =
          {.description =
               "the factor 1/sqrt(m) replaced by 1/m, where training flips as many at any m",
           .designs = {mean_field_design({256, 1024, 4096}, 8)}},
  };
}

}  // namespace overparam::claims
