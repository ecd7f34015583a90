// SPDX-License-Identifier: Apache-2.0
// Theorem 5 of arXiv v5 for the outputs, as Cao and Gu state it: between two points of a ball the
// outputs are nearly linear. The error of first order comes from kinks alone. The kink adversary
// raises the s = 0.391 m omega^(2/3) neurons of the last layer with b_k > 0 and the smallest g < 0
// to g = +0, which leaves the output as it is, and then steps down along them: the gradient
// promises a change of |b_S| |h| a unit, and none comes. |b_S|^2 = s / d, so that the error is
// 0.625 omega^(1/3) sqrt(m/d) |W' - W|, with the exponents of the statement. Typical displacements
// err by second order and a few flips with random signs.
#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <string>

#include "overparam/linalg/spectral_norm.hpp"
#include "support/centre.hpp"
#include "support/experiment.hpp"
#include "support/perturbations.hpp"
#include "support/tangent.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

/// The kink adversary against each sample of one network, a row for each radius and sample.
std::vector<Row> measure_kinks(const Point& original) {
  constexpr std::int64_t kSamples = 8;
  Point point = original;
  point.settings["n"] = kSamples;
  const train::Problem problem = sphere_problem(point, at::kDouble);
  net::Network start = fc_network(point, problem);
  net::Workspace workspace(start.options());
  const double flat = point.get("flat", 0);
  if (flat > 0) flatten_rows(start, problem.inputs, flat, workspace);
  const at::Tensor v = start.parameters()[static_cast<int>(point.integer("L")) + 1][0];

  std::vector<double> radii{1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1};
  if (point.settings.contains("omega")) radii = {point.at("omega")};
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < kSamples; ++i) {
    train::Problem single = problem;
    single.inputs = problem.inputs.narrow(0, i, 1);
    single.targets = problem.targets.narrow(0, i, 1);
    const net::Tape tape = start.record(single.inputs, workspace);
    for (const double omega : radii) {
      const Kink kink = kink_adversary(start, tape, v, omega, KinkSide::above);
      const Centre centre(kink.network, single, workspace);
      const at::Tensor error = centre.linearisation_error(kink.stepped(-omega));
      Row row = row_of(point, "adversarial");
      row.values["omega"] = omega;
      row.values["slope"] = error.abs().item<double>() / omega;
      row.values["constant"] = row.at("slope") / (std::cbrt(omega) * std::sqrt(point.at("m")));
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

/// The mean error over samples of steps omega from W^(0) + a random displacement of radius omega.
std::vector<Row> measure_generic(const Point& original) {
  constexpr std::uint64_t kRandomSteps = 2;
  Point point = original;
  point.settings["n"] = 10;
  const train::Problem problem = sphere_problem(point, at::kDouble);
  const net::Network start = fc_network(point, problem);
  net::Workspace workspace(start.options());
  const auto to_centre = random_direction(start, point.seed());
  std::vector<Row> rows;
  for (const double omega : {2e-3, 5e-3, 1e-2, 2e-2, 5e-2}) {
    const net::Network network = perturbed(start, to_centre, omega);
    const Centre centre(network, problem, workspace);
    const auto slope_along = [&](const net::Parameters& direction) {
      double sum = 0;  // of |W'_l - W_l|_2
      for (int layer = 1; layer <= static_cast<int>(point.integer("L")); ++layer) {
        sum += omega * linalg::spectral_norm(direction[layer], {.tolerance = 1e-2});
      }
      const at::Tensor error = centre.linearisation_error(perturbed(network, direction, omega));
      return error.abs().mean().item<double>() / sum;
    };
    const auto add_row = [&](const char* family, double slope) {
      Row row = row_of(point, family);
      row.values["omega"] = omega;
      row.values["slope"] = slope;
      rows.push_back(std::move(row));
    };
    double mean = 0;
    for (std::uint64_t i = 1; i <= kRandomSteps; ++i) {
      mean += slope_along(random_direction(start, point.seed() + 1000 * i)) / kRandomSteps;
    }
    add_row("random", mean);
    add_row("gradient",
            slope_along(gradient_direction(network, centre.tape(), centre.residual(), workspace)));
  }
  return rows;
}

std::vector<Row> measure(const Point& original) {
  Point point = original;
  point.settings.try_emplace("d", 1);
  point.settings["dx"] = 20;
  if (point.design == "training") return measure_tangent_training(point);
  return point.design == "generic" ? measure_generic(point) : measure_kinks(point);
}

/// Eight neurons or so at the kink: with fewer, rounding their number down and the scatter of
/// |b_S|^2 lower the mean of the logarithm.
bool enough_neurons(const Row& row) {
  return 0.39 * row.at("m") * std::pow(row.at("omega"), 2.0 / 3) >= 8;
}

Law kink_law(const char* variable, double predicted) {
  const bool in_omega = std::string(variable) == "omega";
  return {.name = std::string("error / |W' - W|_2 in ") + variable + ", kink adversary",
          .design = variable,
          .family = "adversarial",
          .x = variable,
          .y = "slope",
          .predicted = predicted,
          .limit = in_omega ? Limit::small : Limit::large,
          .keep = enough_neurons};
}

Law generic_law(const char* family, const char* label) {
  return {.name = std::string("error / sum_l |W'_l - W_l|_2 in omega, ") + label,
          .design = "generic",
          .family = family,
          .x = "omega",
          .y = "slope",
          .predicted = 1.0 / 3,
          .limit = Limit::small};
}

/// The mean over seeds of the constant at small radii.
double mean_constant(const std::vector<Row>& rows) {
  std::vector<double> constants;
  for (const auto& row : rows_of(rows, "omega")) {
    if (enough_neurons(row)) constants.push_back(row.at("constant"));
  }
  return constants.empty() ? std::numeric_limits<double>::quiet_NaN() : linalg::mean(constants);
}

std::vector<Design> designs(Scale scale) {
  const int seeds = pick(scale, 3, 4, 10);
  return {
      {.name = "omega",
       .fixed = {{"m", pick(scale, 512.0, 768.0, 4096.0)}, {"L", pick(scale, 1.0, 2.0, 2.0)}},
       .seeds = seeds},
      {.name = "m",
       .fixed = {{"L", 1}, {"omega", 0.1}},
       .axes = {{"m",
                 pick<std::vector<double>>(scale,
                                           {128, 256, 512, 1024},
                                           {256, 512, 1024, 2048},
                                           {128, 256, 512, 1024, 2048, 4096})}},
       .seeds = seeds},
      {.name = "L",
       .fixed = {{"m", pick(scale, 128.0, 256.0, 1024.0)}, {"omega", 0.1}},
       .axes = {{"L",
                 pick<std::vector<double>>(
                     scale, {1, 2, 4, 8}, {1, 2, 4, 8, 16}, {1, 2, 4, 8, 16, 32})}},
       .seeds = seeds},
      {.name = "generic",
       .fixed = {{"m", pick(scale, 256.0, 512.0, 2048.0)}, {"L", 2}},
       .seeds = pick(scale, 4, 6, 16)},
      {.name = "training",
       .fixed = {{"L", pick(scale, 1.0, 2.0, 2.0)}},
       .axes = {{"m",
                 pick<std::vector<double>>(scale,
                                           {32, 64, 128, 256, 512},
                                           {32, 64, 128, 256, 512},
                                           {64, 128, 256, 512, 1024, 2048})}},
       .seeds = pick(scale, 3, 6, 12)},
  };
}

}  // namespace

Claim ntk_func() {
  return {
      .id = "ntk-func",
      .group = Group::tangent_kernel,
      .statement =
          "|y(W') - y(W) - <grad y(W), W' - W>| <= O(omega^(1/3) L^2 sqrt(m log m)) sum_l |W'_l - "
          "W_l|_2 for every W, W' within omega of W^(0)",
      .source = "Theorem 5 (arXiv v5) as in Cao and Gu 2019, Lemma 4.1",
      .quantity = "error of the linearisation over sum_l |W'_l - W_l|_2",
      .window =
          "omega <= 1/(C L^6 log^1.5 m): 0.06 at L = 1, m = 512, with rows inside; 9e-4 at L = 2, "
          "m "
          "= 768: measured above it too; log m is left out of the exponents",
      .inside_window = near_enough_for_linearity,
      .expected = {VerdictKind::tight},
      .designs = designs,
      .measure = measure,
      .memory = tangent_memory,
      .laws = {kink_law("omega", 1.0 / 3),
               kink_law("m", 0.5),
               kink_law("L", 2),
               generic_law("random", "random direction"),
               generic_law("gradient", "gradient direction"),
               {.name = "error / sum_l |W_l - W^(0)_l|_2 in m, after a training",
                .design = "training",
                .x = "m",
                .y = "linearisation_slope",
                .predicted = 1.0 / 3},
               {.name = "error in m, after a training",
                .design = "training",
                .x = "m",
                .y = "linearisation",
                .predicted = -1.0 / 6}},
      .checks = {{.name = "mean error / (omega^(1/3) sqrt(m) |W' - W|_2), kink adversary",
                  .meaning = "(3/(16 pi))^(1/6) = 0.625 for small omega",
                  .value = mean_constant,
                  .low = 0.45,
                  .high = 0.75}},
      .positive_control =
          {.description = "m up to 512, L up to 4",
           .designs = {{.name = "omega", .fixed = {{"m", 384}, {"L", 1}}, .seeds = 2},
                       {.name = "m",
                        .fixed = {{"L", 1}, {"omega", 0.1}},
                        .axes = {{"m", {128, 192, 256, 384, 512}}},
                        .seeds = 2},
                       {.name = "L",
                        .fixed = {{"m", 128}, {"omega", 0.1}},
                        .axes = {{"L", {1, 2, 4}}},
                        .seeds = 3},
                       {.name = "generic", .fixed = {{"m", 128}, {"L", 2}}, .seeds = 4},
                       {.name = "training",
                        .fixed = {{"L", 1}},
                        .axes = {{"m", {32, 64, 128, 256}}},
                        .seeds = 3}}},
      .negative_control =
          {.description =
               "Gaussian pre-activations broken: most of the last layer's rows are orthogonal to "
               "the features, so that their kinks are within reach of any omega",
           .designs = {{.name = "omega",
                        .fixed = {{"m", 256}, {"L", 1}, {"flat", 0.8}},
                        .seeds = 3}}},
  };
}

}  // namespace overparam::claims
