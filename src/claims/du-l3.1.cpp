// SPDX-License-Identifier: Apache-2.0
// Lemma 3.1 of Du et al. 2018: at m = Omega(n^2 log(n/p) / lambda_0^2) the kernel at initialisation
// has |H(0) - H_infinity|_2 <= lambda_0 / 4, so lambda_min(H(0)) >= 3/4 lambda_0. Each entry is a
// mean of m independent terms, so the error is m^(-1/2) exactly; the bound sums n^2 entries, while
// the norm of a matrix of independent errors grows more slowly than n.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "overparam/kernel/infinite.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/linalg/lanczos.hpp"
#include "support/experiment.hpp"
#include "support/two_layer.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

/// Setting "distinct" leaves only that many different neurons, each repeated: no independence.
void repeat_rows(net::Network& network, const Point& point) {
  if (!point.settings.contains("distinct")) return;
  at::Tensor& weights = network.parameters()[0];
  const std::int64_t distinct = point.integer("distinct");
  weights = weights.narrow(0, 0, distinct).repeat({weights.size(0) / distinct, 1});
}

std::vector<Row> measure(const Point& point) {
  const train::Problem problem = unit_problem(point);
  net::Network network = two_layer_network(point, problem);
  repeat_rows(network, point);
  const at::Tensor limit = kernel::two_layer_kernel(problem.inputs);
  const at::Tensor kernel = kernel::tangent_kernel(network, problem.inputs);
  const double lambda_0 = linalg::symmetric_eigenvalues(limit)[0].item<double>();
  Row row = row_of(point);
  row.values["lambda_0"] = lambda_0;
  row.values["error"] = linalg::symmetric_eigenvalues(kernel - limit).abs().max().item<double>();
  row.values["error_over_bound"] = row.at("error") / (lambda_0 / 4);
  row.values["kept"] = linalg::symmetric_eigenvalues(kernel)[0].item<double>() / lambda_0;
  return {row};
}

std::vector<Row> inside(const std::vector<Row>& rows) {
  std::vector<Row> result;
  std::ranges::copy_if(rows, std::back_inserter(result), wide_enough_for_limit_kernel);
  return result;
}

/// Over the rows inside the lemma's window.
double failed_share(const std::vector<Row>& rows) {
  const auto errors = column(inside(rows), "error_over_bound");
  const auto failed = std::ranges::count_if(errors, [](double error) { return error > 1; });
  return static_cast<double>(failed) / static_cast<double>(errors.size());
}

double least_kept(const std::vector<Row>& rows) {
  const auto kept = column(inside(rows), "kept");
  return kept.empty() ? std::numeric_limits<double>::quiet_NaN() : std::ranges::min(kept);
}

std::vector<Design> designs(Scale scale) {
  const int seeds = pick(scale, 10, 30, 200);
  return {
      {.name = "m",
       .fixed = {{"n", 10}},
       .axes = {{"m",
                 pick<std::vector<double>>(scale,
                                           {256, 1024, 4096, 16384},
                                           {256, 512, 1024, 2048, 4096, 8192, 16384},
                                           {256, 512, 1024, 2048, 4096, 8192, 16384, 32768})}},
       .seeds = seeds},
      {.name = "n",
       .fixed = {{"m", 2048}},
       .axes = {{"n",
                 pick<std::vector<double>>(
                     scale, {5, 10, 20, 40}, {5, 10, 20, 40}, {5, 10, 20, 40, 80, 160})}},
       .seeds = seeds},
  };
}

}  // namespace

Claim du_l3_1() {
  return {
      .id = "du-l3.1",
      .group = Group::two_layer,
      .statement = "|H(0) - H_infinity|_2 <= lambda_0 / 4 and lambda_min(H(0)) >= 3/4 lambda_0",
      .source = "Du et al. 2018, Lemma 3.1 and Remark 3.1",
      .quantity = "|H(0) - H_infinity|_2",
      .window =
          "m >= Omega(n^2 log(n/p) / lambda_0^2) with probability 1 - p: with 1 for the constant "
          "and p = 0.1, the widest points lie inside",
      .inside_window = wide_enough_for_limit_kernel,
      .expected = {VerdictKind::loose},
      .designs = designs,
      .measure = measure,
      .memory = two_layer_memory,
      .laws = {{.name = "|H(0) - H_infinity|_2 in m",
                .design = "m",
                .x = "m",
                .y = "error",
                .predicted = -0.5},
               {.name = "|H(0) - H_infinity|_2 in n",
                .design = "n",
                .x = "n",
                .y = "error",
                .predicted = 1}},
      .checks = {{.name = "share of points inside with |H(0) - H_infinity|_2 > lambda_0 / 4",
                  .meaning = "the probability p = 0.1 of the window",
                  .value = failed_share,
                  .low = 0,
                  .high = 0.1},
                 {.name = "least lambda_min(H(0)) / lambda_0 of points inside",
                  .meaning = "3/4 by the lemma",
                  .value = least_kept,
                  .low = 0.75,
                  .high = 1.5}},
      .positive_control = {.description = "n = 5, up to m = 4096",
                           .designs = {{.name = "m",
                                        .fixed = {{"n", 5}},
                                        .axes = {{"m", {64, 256, 1024, 4096}}},
                                        .seeds = 12},
                                       {.name = "n",
                                        .fixed = {{"m", 512}},
                                        .axes = {{"n", {4, 8, 16, 32}}},
                                        .seeds = 8}}},
      .negative_control = {.description =
                               "independence broken: m neurons, but only 64 different ones",
                           .designs = {{.name = "m",
                                        .fixed = {{"n", 5}, {"distinct", 64}},
                                        .axes = {{"m", {64, 256, 1024, 4096}}},
                                        .seeds = 10}}},
  };
}

}  // namespace overparam::claims
