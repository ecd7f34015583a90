// SPDX-License-Identifier: Apache-2.0
// Theorem 3, lower half. |grad F|^2 >= 2 lambda_min(K) F with equality for the worst labels, so the
// least eigenvalue of K tests the statement for all labels at once.
#include "support/experiment.hpp"
#include "support/spectrum.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

std::vector<Design> designs(Scale scale) {
  const int seeds = pick(scale, 2, 4, 10);
  return {
      {.name = "pairs",
       .fixed = {{"m", 1024}, {"L", 4}, {"dx", 20}},
       .seeds = pick(scale, 3, 12, 30)},
      {.name = "n",
       .fixed = {{"m", 512}, {"L", 4}, {"circle", 1}},
       .axes = {{"n",
                 pick<std::vector<double>>(
                     scale, {8, 16, 32}, {8, 16, 32, 64}, {8, 16, 32, 64, 128})}},
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
                                           {128, 256, 512, 1024, 2048},
                                           {128, 256, 512, 1024, 2048, 4096})}},
       .seeds = seeds},
      {.name = "d",
       .fixed = {{"n", 10}, {"L", 2}, {"dx", 20}, {"m_per_d", 256}},
       .axes = {{"d", {1, 2, 3, 4}}},
       .seeds = seeds},
      {.name = "moved",
       .fixed = {{"n", 10}, {"m", 512}, {"L", 4}, {"dx", 20}, {"delta", 0.1}},
       .axes = {{"omega", {0.001, 0.01, 0.03}}},
       .seeds = seeds},
  };
}

/// At least ten neurons of a layer lie between the two points: below, lambda_min is a matter of
/// luck.
bool enough_neurons_between(const Row& row) { return row.at("m") * row.at("delta") >= 30; }

double least_constant(const std::vector<Row>& rows) {
  double smallest = std::numeric_limits<double>::quiet_NaN();
  for (const auto& row : rows_of(rows, "pairs")) {
    if (enough_neurons_between(row)) smallest = std::fmin(smallest, row.at("lower_constant"));
  }
  return smallest;
}

/// How much of lambda_min is left at the perturbed points, at worst, for radii up to 0.01.
double least_kept_share(const std::vector<Row>& rows) {
  double smallest = std::numeric_limits<double>::quiet_NaN();
  for (const auto& row : rows_of(rows, "moved")) {
    if (row.at("omega") <= 0.01) smallest = std::fmin(smallest, row.at("kept_share"));
  }
  return smallest;
}

}  // namespace

Claim thm3_lower() {
  return {
      .id = "thm3-lower",
      .group = Group::gradient,
      .statement = "|grad F(W)|_F^2 >= Omega(delta m / (d n^2)) F(W) for every W near W^(0)",
      .source = "Theorem 3, second inequality",
      .quantity = "lambda_min(K) d / m",
      .window =
          "m >= poly(n, L, 1/delta) d and |W - W^(0)|_2 <= O(delta^1.5 / (n^4.5 L^6 log^3 m)): no "
          "width a machine can hold lies inside",
      .inside_window = near_enough_for_gradients,
      .expected = {VerdictKind::tight, VerdictKind::consistent, VerdictKind::loose},
      .designs = designs,
      .measure = measure_spectrum,
      .memory = measurement_memory,
      .laws =
          {
              {.name = "lambda_min d/m in delta, two points",
               .design = "pairs",
               .x = "delta",
               .y = "lambda_min_scaled",
               .predicted = 1,
               .bound = Bound::lower,
               .limit = Limit::small,
               .keep = enough_neurons_between},
              {.name = "lambda_min d/(m delta) in n, circle",
               .design = "n",
               .x = "n",
               .y = "lambda_min_over_delta",
               .predicted = -2,
               .bound = Bound::lower},
              {.name = "lambda_min d/m in L",
               .design = "L",
               .x = "L",
               .y = "lambda_min_scaled",
               .predicted = 0,
               .bound = Bound::lower},
              {.name = "lambda_min d/m in m",
               .design = "m",
               .x = "m",
               .y = "lambda_min_scaled",
               .predicted = 0,
               .bound = Bound::lower},
              {.name = "lambda_min d/m in d, m = 256 d",
               .design = "d",
               .x = "d",
               .y = "lambda_min_scaled",
               .predicted = 0,
               .bound = Bound::lower},
          },
      .checks =
          {{.name = "least lambda_min d n^2 / (m delta), two points",
            .meaning =
                "the constant of the bound is positive; the limit kernel gives 4 L(L+1)/(4 pi)",
            .value = least_constant,
            .low = 0.5,
            .high = 1e3},
           {.name = "least lambda_min(W) / lambda_min(W^(0)), omega <= 0.01",
            .meaning = "the bound must hold around W^(0), for every family of perturbations",
            .value = least_kept_share,
            .low = 0.25,
            .high = 4}},
      .positive_control =
          {.description = "small grids in delta, n, L, m, d and omega",
           .designs = {{.name = "pairs", .fixed = {{"m", 1024}, {"L", 2}, {"dx", 10}}, .seeds = 8},
                       {.name = "n",
                        .fixed = {{"m", 256}, {"L", 2}, {"circle", 1}},
                        .axes = {{"n", {6, 12, 24, 48}}},
                        .seeds = 3},
                       {.name = "L",
                        .fixed = {{"n", 6}, {"m", 128}, {"dx", 10}},
                        .axes = {{"L", {1, 2, 4, 8}}},
                        .seeds = 6},
                       {.name = "m",
                        .fixed = {{"n", 6}, {"L", 2}, {"dx", 10}},
                        .axes = {{"m", {64, 128, 256, 512}}},
                        .seeds = 6},
                       {.name = "d",
                        .fixed = {{"n", 4}, {"L", 1}, {"dx", 10}, {"m_per_d", 128}},
                        .axes = {{"d", {1, 2, 3, 4}}},
                        .seeds = 6},
                       {.name = "moved",
                        .fixed = {{"n", 4}, {"m", 256}, {"L", 2}, {"dx", 10}, {"delta", 0.2}},
                        .axes = {{"omega", {0.001, 0.01}}}}}},
      .negative_control =
          {.description = "Assumption 2.1 broken: the two points are the same, whatever delta says",
           .designs = {{.name = "pairs",
                        .fixed = {{"m", 256}, {"L", 2}, {"dx", 10}, {"same", 1}},
                        .seeds = 3}}},
      .certify = [](const RunFacts& facts) -> std::vector<CertificateLine> {
        // Of another loss the gradient sees |f'|^2 where the bound has F.
        if (facts.loss != "squared" || !facts.is_separated()) return {};
        const double bound =
            facts.separation * static_cast<double>(facts.m) /
            (static_cast<double>(facts.d) * std::pow(static_cast<double>(facts.n), 2));
        std::vector<CertificateLine> lines;
        if (std::isfinite(facts.initial.lambda_min)) {
          lines.push_back({.quantity = "2 lambda_min(K) at the start against delta m / (d n^2)",
                           .measured = 2 * facts.initial.lambda_min,
                           .bound = bound,
                           .upper = false});
        }
        double smallest = std::numeric_limits<double>::infinity();
        for (const auto& point : facts.trajectory) {
          if (point.is_full && point.objective > 0 && std::isfinite(point.squared_gradient)) {
            smallest = std::min(smallest, point.squared_gradient / point.objective);
          }
        }
        if (std::isfinite(smallest)) {
          lines.push_back(
              {.quantity = "min over the run of |grad F|^2 / F against delta m / (d n^2)",
               .measured = smallest,
               .bound = bound,
               .upper = false});
        }
        return lines;
      },
  };
}

}  // namespace overparam::claims
