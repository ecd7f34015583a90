// SPDX-License-Identifier: Apache-2.0
// Theorem 3.1 of Du et al. 2018: H_infinity is positive definite unless two inputs are parallel.
// Two unit points at distance delta have lambda_0 = 1/2 - cos t (pi - t) / (2 pi) ~ delta / (2 pi)
// with t the angle between them. The condition is sufficient: x and -x have H_ij = 0 and do no
// harm, but more such pairs than dimensions do, because x 1[w.x >= 0] - (-x) 1[-w.x >= 0] = x for
// every w, and more than dx of these are linearly dependent.
#include <ATen/ATen.h>

#include <cmath>

#include "overparam/data/geometry.hpp"
#include "overparam/kernel/infinite.hpp"
#include "overparam/linalg/lanczos.hpp"
#include "support/experiment.hpp"
#include "support/two_layer.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

Row row_for(const Point& point, const at::Tensor& inputs, double separation) {
  Row row = row_of(point);
  const at::Tensor spectrum = linalg::symmetric_eigenvalues(kernel::two_layer_kernel(inputs));
  row.values["separation"] = separation;
  row.values["lambda_0"] = spectrum[0].item<double>();
  row.values["lambda_0_over_delta"] = row.at("lambda_0") / separation;
  return row;
}

/// Design "pairs": two points at each of several distances. Others: n points as they come; setting
/// "antipodes" replaces that many of them by the negatives of those before. Setting "same" makes
/// the second point a copy of the first.
std::vector<Row> measure(const Point& original) {
  Point point = original;
  const bool pairs = point.design == "pairs";
  const auto deltas = pairs ? std::vector<double>{1e-5, 1e-4, 1e-3, 1e-2} : std::vector<double>{0};
  std::vector<Row> rows;
  for (const double delta : deltas) {
    if (pairs) point.settings["delta"] = delta;
    at::Tensor inputs = unit_problem(point).inputs;
    if (point.get("same", 0) != 0) inputs[1].copy_(inputs[0]);
    const auto antipodes = static_cast<std::int64_t>(point.get("antipodes", 0));
    inputs.narrow(0, antipodes, antipodes).copy_(-inputs.narrow(0, 0, antipodes));
    rows.push_back(row_for(point, inputs, pairs ? delta : data::separation(inputs).distance));
  }
  return rows;
}

/// lambda_0 with more antipodal pairs than dimensions, over its size with a single one.
double dependent_antipodes(const std::vector<Row>& rows) {
  const auto lambda_with = [&](double antipodes) {
    return mean_where("antipodes", "lambda_0", {{"antipodes", antipodes}})(rows);
  };
  return std::abs(lambda_with(6)) / lambda_with(1);
}

std::vector<Design> designs(Scale scale) {
  const int seeds = pick(scale, 4, 10, 30);
  return {
      {.name = "pairs", .fixed = {{"n", 2}}, .seeds = seeds},
      {.name = "n",
       .fixed = {{"dx", 5}},
       .axes = {{"n",
                 pick<std::vector<double>>(
                     scale, {8, 16, 32, 64}, {8, 16, 32, 64, 128}, {8, 16, 32, 64, 128, 256})}},
       .seeds = seeds},
      {.name = "antipodes",
       .fixed = {{"n", 12}, {"dx", 5}},
       .axes = {{"antipodes", {1, 2, 5, 6}}},
       .seeds = seeds},
  };
}

}  // namespace

Claim du_thm3_1() {
  return {
      .id = "du-thm3.1",
      .group = Group::two_layer,
      .statement = "lambda_0 = lambda_min(H_infinity) > 0 unless two inputs are parallel",
      .source = "Du et al. 2018, Theorem 3.1",
      .quantity = "lambda_0 in closed form",
      .window = "no condition beside the inputs' own",
      .inside_window = everywhere,
      .expected = {VerdictKind::consistent},
      .designs = designs,
      .measure = measure,
      .memory = two_layer_memory,
      .laws = {{.name = "lambda_0 in delta, two points",
                .design = "pairs",
                .x = "delta",
                .y = "lambda_0",
                .predicted = 1,
                .bound = Bound::exact,
                .limit = Limit::small}},
      .checks = {{.name = "least lambda_0 / delta, two points",
                  .meaning = "1/(2 pi) = 0.1592, and delta/4 more where delta is not small",
                  .value = least("pairs", "lambda_0_over_delta"),
                  .low = 0.1591,
                  .high = 0.165},
                 {.name = "least lambda_0 of random points in R^5",
                  .meaning = "positive, far above the rounding of 1e-16",
                  .value = least("n", "lambda_0"),
                  .low = 1e-7,
                  .high = 0.5},
                 {.name = "lambda_0 with one pair x, -x among 12 points",
                  .meaning = "the condition is sufficient and not necessary",
                  .value = mean_where("antipodes", "lambda_0", {{"antipodes", 1}}),
                  .low = 1e-3,
                  .high = 0.5},
                 {.name = "lambda_0 with 6 pairs x, -x in R^5 over that with one",
                  .meaning = "0 to rounding: more pairs than dimensions are dependent",
                  .value = dependent_antipodes,
                  .low = 0,
                  .high = 1e-10}},
      .positive_control = {.description = "16 points and pairs",
                           .designs = {{.name = "pairs", .fixed = {{"n", 2}}, .seeds = 2},
                                       {.name = "n", .fixed = {{"dx", 5}, {"n", 16}}, .seeds = 2},
                                       {.name = "antipodes",
                                        .fixed = {{"n", 12}, {"dx", 5}},
                                        .axes = {{"antipodes", {1, 6}}},
                                        .seeds = 2}}},
      .negative_control =
          {.description = "two of the inputs are equal, so parallel",
           .designs = {{.name = "n", .fixed = {{"dx", 5}, {"n", 16}, {"same", 1}}, .seeds = 2}}},
  };
}

}  // namespace overparam::claims
