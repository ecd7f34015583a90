// SPDX-License-Identifier: Apache-2.0
// Lemma A.3a. Free probability gives the limit of |D_b W_b ... D_a W_a|_2^2 as
// min_{z > 0} (1 + z)(1 + 2z)^k / z with k = b - a + 1, so 2.41 for one layer and 2.33 sqrt k for
// many: the lemma's O(sqrt L) is reached.
#include <ATen/ATen.h>

#include <cmath>

#include "overparam/linalg/products.hpp"
#include "overparam/linalg/spectral_norm.hpp"
#include "support/experiment.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

double limit_norm(double k) {
  double best = std::numeric_limits<double>::infinity();
  for (double log_z = -12; log_z <= 3; log_z += 1e-3) {
    const double z = std::exp(log_z);
    best = std::min(best, (1 + z) * std::pow(1 + 2 * z, k) / z);
  }
  return std::sqrt(best);
}

/// The norms of D_k W_k ... D_1 W_1 for k = 1, 2, 4, ... <= L, along one random input.
std::vector<Row> measure(const Point& point) {
  const std::int64_t m = point.integer("m");
  const std::int64_t depth = point.integer("L");
  Point shape = point;
  shape.settings["dx"] = 10;
  shape.settings["n"] = 1;
  const train::Problem problem = sphere_problem(shape, at::kFloat);
  const net::Architecture architecture = fc_architecture(shape, problem.inputs.size(1));

  at::Tensor weights = at::empty({m, problem.inputs.size(1)}, at::kFloat);
  net::draw_initial_block(architecture, 0, point.seed(), weights);
  at::Tensor h = at::relu(at::mv(weights, problem.inputs[0]));
  weights = at::empty({m, m}, at::kFloat);
  at::Tensor product = at::eye(m);
  at::Tensor next = at::empty_like(product);
  std::vector<Row> rows;
  for (std::int64_t k = 1; k <= depth; ++k) {
    net::draw_initial_block(architecture, static_cast<int>(k), point.seed(), weights);
    h = at::relu(at::mv(weights, h));
    linalg::multiply(next, weights, product);
    next.mul_((h > 0).to(at::kFloat).view({m, 1}));
    std::swap(product, next);
    if ((k & (k - 1)) != 0) continue;
    Row row = row_of(point);
    row.values["k"] = static_cast<double>(k);
    row.values["norm"] = linalg::spectral_norm(product);
    row.values["norm_over_limit"] = row.at("norm") / limit_norm(static_cast<double>(k));
    rows.push_back(std::move(row));
  }
  return rows;
}

Check near_limit(double k, double tolerance) {
  return {.name = "|D W ... D W|_2 over its limit, k = " + std::to_string(static_cast<int>(k)),
          .meaning = "min_z (1+z)(1+2z)^k/z, within 10 %",
          .value = mean_where("products", "norm_over_limit", {{"k", k}}),
          .low = 1 - tolerance,
          .high = 1 + tolerance};
}

/// The same at k = m / 64, the largest where a network of width m still follows the limit.
Check largest_k() {
  return {.name = "|D W ... D W|_2 over its limit, k = m / 64",
          .meaning = "min_z (1+z)(1+2z)^k/z, within 10 %",
          .value =
              [](const std::vector<Row>& rows) {
                std::vector<double> ratios;
                for (const auto& row : rows_of(rows, "products")) {
                  if (row.at("k") == row.at("m") / 64) ratios.push_back(row.at("norm_over_limit"));
                }
                return linalg::mean(ratios);
              },
          .low = 0.9,
          .high = 1.1};
}

}  // namespace

Claim lemA_inter_a() {
  return {
      .id = "lemA-inter-a",
      .group = Group::initialisation,
      .statement = "|W_b D_{b-1} ... D_a W_a|_2 <= O(sqrt L) for all 1 <= a <= b <= L",
      .source = "Lemma A.3a (7.3a)",
      .quantity = "|D_k W_k ... D_1 W_1|_2",
      .window = "m >= Omega(n L log(n L)): met for one sample at k <= m / 100",
      .inside_window = everywhere,
      .expected = {VerdictKind::tight},
      .designs = [](Scale scale) -> std::vector<Design> {
        return {{.name = "products",
                 .fixed = {{"m", pick(scale, 512.0, 1024.0, 2048.0)},
                           {"L", pick(scale, 16.0, 32.0, 64.0)}},
                 .seeds = pick(scale, 4, 8, 16)}};
      },
      .measure = measure,
      .memory = measurement_memory,
      .laws = {{.name = "|D W ... D W|_2 in k",
                .design = "products",
                .x = "k",
                .y = "norm",
                .predicted = 0.5}},
      .checks = {near_limit(1, 0.1), near_limit(4, 0.1), largest_k()},
      .positive_control =
          {.description = "m = 512, sixteen layers",
           .designs = {{.name = "products", .fixed = {{"m", 512}, {"L", 16}}, .seeds = 6}}},
      .negative_control = {.description =
                               "Definition 2.3 broken: variance 3/m, products grow as 1.22^k",
                           .designs = {{.name = "products",
                                        .fixed = {{"m", 256}, {"L", 16}, {"gain", 1.5}},
                                        .seeds = 4}}},
      .certify = [](const RunFacts& facts) -> std::vector<CertificateLine> {
        if (!std::isfinite(facts.initial.largest_product)) return {};
        return {{.quantity = "|D_L W_L ... D_1 W_1|_2 of the first sample against sqrt L",
                 .measured = facts.initial.largest_product,
                 .bound = std::sqrt(static_cast<double>(facts.L))}};
      },
  };
}

}  // namespace overparam::claims
