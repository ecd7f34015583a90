// SPDX-License-Identifier: Apache-2.0
// Depth costs a polynomial, not an exponential. |D W|_2 = 2.41 for one layer, so a bound layer by
// layer gives 2.41^L; the product of k layers really has norm 2.33 sqrt k, and training time and
// gradients follow. Whether a quantity is a power of L or an exponential is decided by Akaike's
// criterion between two straight lines, log y against log L and against L.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "overparam/linalg/products.hpp"
#include "overparam/linalg/spectral_norm.hpp"
#include "support/experiment.hpp"
#include "support/growth.hpp"
#include "support/training.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

constexpr double kTargetRatio = 1e-3;
const double kNormOfALayer = 1 + std::sqrt(2);  // |D W|_2 as m -> infinity

/// T of GD with the critical step.
std::vector<Row> measure_training(const Point& point) {
  const train::Problem problem = sphere_problem(point, at::kFloat);
  net::Network network = fc_network(point, problem);
  const auto run = train_run(
      network, problem, "critical", {.stop = {.max_steps = 20'000, .target_ratio = kTargetRatio}});
  Row row = row_of(point);
  row.values["steps"] = run.steps_to(kTargetRatio);
  return {row};
}

/// |grad F|_F^2 d / (m F) for the labels where it is largest and where it is least.
std::vector<Row> measure_gradient(const Point& point) {
  const train::Problem problem = sphere_problem(point, at::kDouble);
  const auto ends = kernel_ends(fc_network(point, problem), problem.inputs);
  const double scale = 2 * point.at("d") / point.at("m");
  Row row = row_of(point);
  row.values["largest_gradient"] = ends.largest * scale;
  row.values["least_gradient"] = ends.smallest * scale;
  return {row};
}

/// |D_k W_k ... D_1 W_1|_2 along one random input for every k <= L.
std::vector<Row> measure_products(const Point& point) {
  Point shape = point;
  shape.settings["n"] = 1;
  shape.settings["delta"] = 0;
  const train::Problem problem = sphere_problem(shape, at::kFloat);
  const net::Network network = fc_network(shape, problem);
  net::Workspace workspace(network.options());
  const net::Tape tape = network.record(problem.inputs, workspace);
  const std::int64_t m = point.integer("m");
  at::Tensor product = at::eye(m, network.options());
  at::Tensor next = at::empty_like(product);
  std::vector<Row> rows;
  for (int k = 1; k <= static_cast<int>(point.integer("L")); ++k) {
    linalg::multiply(next, network.parameters()[k], product);
    next.mul_((tape.features(k) > 0).to(next.scalar_type()).view({m, 1}));
    std::swap(product, next);
    Row row = row_of(point);
    row.values["k"] = k;
    row.values["norm"] = linalg::spectral_norm(product);
    row.values["norm_over_naive"] = row.at("norm") / std::pow(kNormOfALayer, k);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Row> measure(const Point& original) {
  Point point = original;
  point.settings.try_emplace("d", 1);
  point.settings.try_emplace("dx", 20);
  if (point.design == "training") return measure_training(point);
  if (point.design == "gradient") return measure_gradient(point);
  return measure_products(point);
}

Check not_exponential(
    const char* what, const char* design, const char* x, const char* y, Trend costly) {
  return {.name = std::string("evidence for an exponential, ") + what,
          .meaning =
              "AIC of the power law minus that of the exponential; above 2 it would win, 0 "
              "where depth costs nothing",
          .value = exponential_evidence(design, x, y, costly),
          .low = -1e6,
          .high = 2};
}

/// |D W ... D W|_2 at the deepest product over 2.41^k.
double deepest_over_naive(const std::vector<Row>& rows) {
  const auto products = rows_of(rows, "product");
  const auto depths = column(products, "k");
  if (depths.empty()) return std::numeric_limits<double>::quiet_NaN();
  return mean_where("product", "norm_over_naive", {{"k", std::ranges::max(depths)}})(rows);
}

std::vector<Design> designs_of(
    const std::vector<double>& depths, double m, double samples, int training_seeds, int seeds) {
  const Values fixed{{"n", samples}, {"m", m}, {"delta", 0.3}};
  Values product = fixed;
  product["L"] = std::floor(m / 32);
  return {{.name = "training", .fixed = fixed, .axes = {{"L", depths}}, .seeds = training_seeds},
          {.name = "gradient", .fixed = fixed, .axes = {{"L", depths}}, .seeds = seeds},
          {.name = "product", .fixed = product, .seeds = seeds}};
}

}  // namespace

Claim polyL() {
  return {
      .id = "polyL",
      .group = Group::convergence,
      .statement = "T, the gradients and the products of layers are polynomial in L, not 2^O(L)",
      .source = "Section 1, against Daniely 2017 and Du et al. 2018a",
      .quantity =
          "T to F <= 1e-3 F_0, |grad F|^2 d/(m F) for the worst labels, |D_k W_k ... D_1 W_1|_2",
      .window = "m >= poly(n, L, 1/delta) d as for thm1; here m >= 32 L",
      .inside_window = wide_enough_to_train,
      .expected = {VerdictKind::tight, VerdictKind::consistent, VerdictKind::loose},
      .designs = [](Scale scale) -> std::vector<Design> {
        switch (scale) {
          case Scale::quick:
            return designs_of({1, 2, 4, 8}, 256, 4, 2, 4);
          case Scale::standard:
            return designs_of({1, 2, 4, 8, 16}, 512, 6, 2, 4);
          default:
            return designs_of({1, 2, 4, 8, 16, 32, 64}, 2048, 8, 3, 6);
        }
      },
      .measure = measure,
      .memory = measurement_memory,
      .laws = {steps_bound("T in L", "training", "L", 2),
               {.name = "largest |grad F|^2 d/(m F) in L",
                .design = "gradient",
                .x = "L",
                .y = "largest_gradient",
                .predicted = 1},
               {.name = "least |grad F|^2 d/(m F) in L",
                .design = "gradient",
                .x = "L",
                .y = "least_gradient",
                .predicted = 0,
                .bound = Bound::lower},
               {.name = "|D W ... D W|_2 in k",
                .design = "product",
                .x = "k",
                .y = "norm",
                .predicted = 0.5}},
      .checks = {all_reach("1e-3 F_0", "training"),
                 not_exponential("T", "training", "L", "steps", Trend::grows),
                 not_exponential(
                     "largest |grad F|^2", "gradient", "L", "largest_gradient", Trend::grows),
                 not_exponential(
                     "least |grad F|^2", "gradient", "L", "least_gradient", Trend::falls),
                 not_exponential("product", "product", "k", "norm", Trend::grows),
                 {.name = "factor of T a layer",
                  .meaning = "2^O(L) would be a constant above 1",
                  .value = factor_per_layer("training", "L", "steps"),
                  .low = 0.5,
                  .high = 1.1},
                 {.name = "|D W ... D W|_2 over 2.41^k at k = m / 32",
                  .meaning = "6.6 / 2.41^8 = 6e-3 and less where k is larger",
                  .value = deepest_over_naive,
                  .low = 0,
                  .high = 0.01}},
      .positive_control = {.description = "m = 256, L up to 8",
                           .designs = designs_of({1, 2, 4, 8}, 256, 3, 2, 2)},
      .negative_control = {.description =
                               "Definition 2.3 broken: variance 3/m, products grow as 1.22^k",
                           .designs = {{.name = "product",
                                        .fixed = {{"m", 256}, {"L", 16}, {"gain", 1.5}},
                                        .seeds = 2}}},
  };
}

}  // namespace overparam::claims
