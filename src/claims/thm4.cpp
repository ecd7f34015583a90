// SPDX-License-Identifier: Apache-2.0
// Theorem 4. For the squared loss the gap G = F(W + W') - F(W) - <grad F(W), W'> is |dy|^2 / 2 +
// <loss, dy - J W'>: the first part is of second order, the second is where kinks enter.
//
// At a fixed W it vanishes faster than |W'|, so the first-order term shows only where W is moved to
// a kink. The kink adversary raises the s neurons of layer L with v = B^T loss > 0 and the smallest
// g < 0 to g = 0+ within a budget omega, which leaves the outputs as they are, and then steps along
// W' = -eps v_S h^T / (|v_S| |h|): F does not change, the gradient promises -eps |v_S| |h|. A
// budget omega reaches s = (3/(16 pi))^(1/3) m omega^(2/3) = 0.391 m omega^(2/3) neurons, and
// |v_S|^2 = 2 F s / d, hence G / |W'| = 0.884 omega^(1/3) sqrt(m F / d).
//
// The second-order coefficient is largest where every layer pushes along its gradient: |J W'| ~ L
// sqrt(m/2d) |W'|, G ~ L^2 m / (4 d) |W'|^2.
#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "support/centre.hpp"
#include "support/experiment.hpp"
#include "support/perturbations.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

/// The kink adversary against one sample, a row for each radius and step.
void add_kink_rows(std::vector<Row>& rows,
                   const Point& point,
                   const net::Network& start,
                   const train::Problem& problem,
                   net::Workspace& workspace) {
  const Centre first(start, problem, workspace);
  const at::Tensor v =
      at::mv(start.parameters()[static_cast<int>(point.at("L")) + 1].t(), first.residual()[0]);

  std::vector<double> radii{1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1};
  if (point.settings.contains("omega")) radii = {point.at("omega")};
  for (const double omega : radii) {
    const Kink kink = kink_adversary(start, first.tape(), v, omega, KinkSide::above);
    const Centre centre(kink.network, problem, workspace);
    const double step = point.get("step", omega);
    const net::Network moved = kink.stepped(-step);
    Row row = row_of(point, "adversarial");
    row.values["omega"] = omega;
    row.values["step"] = step;
    row.values["gap"] = centre.gap(moved);
    row.values["neurons"] = static_cast<double>(kink.neurons);
    row.values["first_order"] = row.at("gap") / (step * std::sqrt(centre.objective()));
    row.values["first_order_constant"] =
        row.at("first_order") / (std::cbrt(omega) * std::sqrt(point.at("m") / point.at("d")));
    rows.push_back(std::move(row));
  }
}

/// One network, each of several samples as a problem of its own.
std::vector<Row> measure_kinks(const Point& point) {
  constexpr std::int64_t kSamples = 8;
  Point all = point;
  all.settings["n"] = kSamples;
  const train::Problem problem = sphere_problem(all, at::kDouble);
  net::Network start = fc_network(point, problem);
  net::Workspace workspace(start.options());
  if (point.settings.contains("flat")) {
    flatten_rows(start, problem.inputs, point.at("flat"), workspace);
  }
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < kSamples; ++i) {
    train::Problem single = problem;
    single.inputs = problem.inputs.narrow(0, i, 1);
    single.targets = problem.targets.narrow(0, i, 1);
    add_kink_rows(rows, point, start, single, workspace);
  }
  return rows;
}

/// Gaps around a W^(0) + random perturbation of radius "omega": random and gradient steps for the
/// problem's targets, and the aligned step where F = 0, so that only the second order is left.
std::vector<Row> measure_generic(const Point& point) {
  constexpr std::uint64_t kRandomSteps = 2;
  const double n = point.at("n");
  const double L = point.at("L");
  const train::Problem problem = sphere_problem(point, at::kDouble);
  const net::Network start = fc_network(point, problem);
  net::Workspace workspace(start.options());
  const net::Network network =
      perturbed(start, random_direction(start, point.seed()), point.at("omega"));
  std::vector<Row> rows;
  const auto add_row = [&](const char* family, double step, double gap) {
    Row row = row_of(point, family);
    row.values["step"] = step;
    row.values["gap"] = gap;
    row.values["second_order"] = gap / (step * step);
    row.values["second_order_constant"] =
        row.at("second_order") * point.at("d") / (n * L * L * point.at("m"));
    rows.push_back(std::move(row));
  };

  if (point.settings.contains("step")) {
    train::Problem fitted = problem;
    fitted.targets = network.forward(problem.inputs, workspace);
    const Centre centre(network, fitted, workspace);
    const net::Network moved = push_adversary(network,
                                              centre.tape(),
                                              static_cast<int>(L),
                                              output_push(network, centre.tape()),
                                              point.at("step"));
    add_row("adversarial", point.at("step"), centre.gap(moved));
    return rows;
  }

  const Centre centre(network, problem, workspace);
  const auto gradient = gradient_direction(network, centre.tape(), centre.residual(), workspace);
  std::vector<net::Parameters> random;
  for (std::uint64_t i = 1; i <= kRandomSteps; ++i) {
    random.push_back(random_direction(network, point.seed() + 1000 * i));
  }
  for (const double step : {3e-3, 1e-2, 3e-2, 1e-1}) {
    double mean = 0;
    for (const auto& direction : random) {
      mean += std::abs(centre.gap(perturbed(network, direction, step))) / kRandomSteps;
    }
    add_row("random", step, mean);
    add_row("gradient", step, std::abs(centre.gap(perturbed(network, gradient, step))));
  }
  return rows;
}

std::vector<Row> measure(const Point& original) {
  Point point = original;
  point.settings.try_emplace("d", 1);
  point.settings.try_emplace("n", 1);
  point.settings["dx"] = 20;
  return point.get("generic", 0) != 0 ? measure_generic(point) : measure_kinks(point);
}

/// Eight neurons or so at the kink: with fewer, rounding their number down and the scatter of
/// |v_S|^2 lower the mean of log G.
bool enough_neurons(const Row& row) {
  return 0.39 * row.at("m") * std::pow(row.at("omega"), 2.0 / 3) >= 8;
}

Law first_order_in(const char* variable, const char* label, double predicted) {
  const bool in_omega = std::string(variable) == "omega";
  return {.name = std::string("G/(|W'| sqrt F) in ") + label,
          .design = variable,
          .family = "adversarial",
          .x = variable,
          .y = "first_order",
          .predicted = predicted,
          .bound = Bound::upper,
          .limit = in_omega ? Limit::small : Limit::large,
          .keep = enough_neurons};
}

Law gap_in_step(const char* family, const char* label) {
  return {.name = std::string("G in |W'|, ") + label,
          .design = "generic",
          .family = family,
          .x = "step",
          .y = "gap",
          .predicted = 1,
          .bound = Bound::upper,
          .limit = Limit::small};
}

Law second_order_in(const char* variable, const char* design, double predicted) {
  return {.name = std::string("G/|W'|^2 in ") + variable + ", aligned step",
          .design = design,
          .family = "adversarial",
          .x = variable,
          .y = "second_order",
          .predicted = predicted};
}

/// The means over seeds of the first-order constant, one for each omega.
std::vector<double> first_order_constants(const std::vector<Row>& rows) {
  std::vector<double> means;
  for (const auto& group : group_by(rows_of(rows, "omega"), {"omega"})) {
    if (!enough_neurons(group.front())) continue;
    means.push_back(linalg::mean(column(group, "first_order_constant")));
  }
  if (means.empty()) means.push_back(std::numeric_limits<double>::quiet_NaN());
  return means;
}

/// The exponent of |G| in |W'| for random and gradient steps, fitted for each seed and averaged.
double generic_exponent(const std::vector<Row>& rows) {
  std::vector<double> exponents;
  for (const char* family : {"random", "gradient"}) {
    for (const auto& run : group_by(rows_of(rows, "generic", family), {"seed"})) {
      exponents.push_back(linalg::fit_power_law(column(run, "step"), column(run, "gap")).exponent);
    }
  }
  return exponents.empty() ? std::numeric_limits<double>::quiet_NaN() : linalg::mean(exponents);
}

std::vector<Design> designs(Scale scale) {
  const int seeds = pick(scale, 2, 4, 10);
  const auto widths = pick<std::vector<double>>(
      scale, {64, 128, 256, 512}, {64, 128, 256, 512, 768}, {256, 512, 1024, 2048, 4096});
  const auto depths =
      pick<std::vector<double>>(scale, {1, 2, 4, 8}, {1, 2, 4, 8, 16}, {1, 2, 4, 8, 16, 32});
  const double narrow = pick(scale, 128.0, 256.0, 1024.0);
  return {
      {.name = "omega",
       .fixed = {{"m", pick(scale, 512.0, 768.0, 4096.0)}, {"L", pick(scale, 1.0, 2.0, 2.0)}},
       .seeds = pick(scale, 2, 3, 10)},
      {.name = "step",
       .fixed = {{"m", 256}, {"L", 2}, {"omega", 0.1}},
       .axes = {{"step", {1e-4, 1e-3, 1e-2, 1e-1}}},
       .seeds = seeds},
      {.name = "m", .fixed = {{"L", 1}, {"omega", 0.1}}, .axes = {{"m", widths}}, .seeds = seeds},
      {.name = "d",
       .fixed = {{"m", 256}, {"L", 1}, {"omega", 0.1}},
       .axes = {{"d", {1, 2, 4, 8}}},
       .seeds = seeds},
      {.name = "L",
       .fixed = {{"m", narrow}, {"omega", 0.1}},
       .axes = {{"L", depths}},
       .seeds = seeds},
      {.name = "generic",
       .fixed = {{"generic", 1},
                 {"n", 20},
                 {"m", pick(scale, 256.0, 384.0, 2048.0)},
                 {"L", 2},
                 {"omega", 0.01}},
       .seeds = 2 * seeds},
      {.name = "second, m",
       .fixed = {{"generic", 1}, {"L", 2}, {"omega", 0.01}, {"step", 0.01}},
       .axes = {{"m", widths}},
       .seeds = 2 * seeds},
      {.name = "second, L",
       .fixed = {{"generic", 1}, {"m", narrow}, {"omega", 0.01}, {"step", 0.003}},
       .axes = {{"L", depths}},
       .seeds = 2 * seeds},
  };
}

}  // namespace

Claim thm4() {
  return {
      .id = "thm4",
      .group = Group::semi_smoothness,
      .statement =
          "F(W + W') <= F(W) + <grad F(W), W'> + O(n L^2 m / d) |W'|_2^2 + omega^(1/3) L^2 sqrt(n "
          "m "
          "log m / d) |W'|_2 F(W)^(1/2) for |W - W^(0)|_2 <= omega",
      .source = "Theorem 4",
      .quantity = "G = F(W + W') - F(W) - <grad F(W), W'>",
      .window =
          "omega <= 1/(C L^4.5 log^3 m), below 1.4e-4 at L = 2, m = 1024, where a kink adversary "
          "reaches one neuron: measured above it; log m is left out of the exponents",
      .inside_window = near_enough_for_stability,
      .expected = {VerdictKind::loose},
      .designs = designs,
      .measure = measure,
      .memory = measurement_memory,
      .laws = {first_order_in("omega", "omega, kink adversary", 1.0 / 3),
               first_order_in("m", "m, kink adversary", 0.5),
               first_order_in("d", "d, kink adversary", -0.5),
               first_order_in("L", "L, kink adversary", 2),
               {.name = "G in |W'|, kink adversary at omega = 0.1",
                .design = "step",
                .x = "step",
                .y = "gap",
                .predicted = 1,
                .bound = Bound::upper,
                .limit = Limit::small},
               gap_in_step("random", "random direction"),
               gap_in_step("gradient", "gradient direction"),
               second_order_in("m", "second, m", 1),
               second_order_in("L", "second, L", 2)},
      .checks = {{.name =
                      "least G/(|W'| omega^(1/3) sqrt(m F / d)), mean over seeds, kink adversary",
                  .meaning = "(3/(16 pi))^(1/6) sqrt 2 = 0.884 for small omega",
                  .value =
                      [](const std::vector<Row>& rows) {
                        return std::ranges::min(first_order_constants(rows));
                      },
                  .low = 0.6,
                  .high = 1.1},
                 {.name =
                      "largest G/(|W'| omega^(1/3) sqrt(m F / d)), mean over seeds, kink adversary",
                  .meaning = "(3/(16 pi))^(1/6) sqrt 2 = 0.884 for small omega",
                  .value =
                      [](const std::vector<Row>& rows) {
                        return std::ranges::max(first_order_constants(rows));
                      },
                  .low = 0.6,
                  .high = 1.1},
                 {.name = "exponent of |G| in |W'|, random and gradient steps, mean over seeds",
                  .meaning = "2 where no sign changes, 1.5 where each flip adds with a random sign",
                  .value = generic_exponent,
                  .low = 1.4,
                  .high = 2.1},
                 {.name = "largest G d / (n L^2 m |W'|^2), aligned step",
                  .meaning = "the constant of the second-order term, 1/4 for small steps",
                  .value = most("second, m", "second_order_constant"),
                  .low = 0.1,
                  .high = 1}},
      .positive_control =
          {.description = "m up to 512, L up to 4",
           .designs = {{.name = "omega", .fixed = {{"m", 512}, {"L", 1}}, .seeds = 2},
                       {.name = "step",
                        .fixed = {{"m", 128}, {"L", 1}, {"omega", 0.1}},
                        .axes = {{"step", {1e-3, 1e-2, 1e-1}}},
                        .seeds = 2},
                       {.name = "m",
                        .fixed = {{"L", 1}, {"omega", 0.1}},
                        .axes = {{"m", {96, 128, 192, 256, 384}}},
                        .seeds = 2},
                       {.name = "d",
                        .fixed = {{"m", 128}, {"L", 1}, {"omega", 0.1}},
                        .axes = {{"d", {1, 2, 4, 8}}},
                        .seeds = 2},
                       {.name = "L",
                        .fixed = {{"m", 128}, {"omega", 0.1}},
                        .axes = {{"L", {1, 2, 4}}},
                        .seeds = 2},
                       {.name = "generic",
                        .fixed = {{"generic", 1}, {"n", 20}, {"m", 128}, {"L", 1}, {"omega", 0.01}},
                        .seeds = 5},
                       {.name = "second, m",
                        .fixed = {{"generic", 1}, {"L", 1}, {"omega", 0.01}, {"step", 0.01}},
                        .axes = {{"m", {64, 128, 256, 512}}},
                        .seeds = 4},
                       {.name = "second, L",
                        .fixed = {{"generic", 1}, {"m", 128}, {"omega", 0.01}, {"step", 0.003}},
                        .axes = {{"L", {1, 2, 4, 8}}},
                        .seeds = 6}}},
      .negative_control =
          {.description =
               "Gaussian pre-activations broken: most of the last layer's rows are orthogonal to "
               "the features, so that their kinks are within reach of any omega",
           .designs = {{.name = "omega",
                        .fixed = {{"m", 512}, {"L", 1}, {"flat", 0.8}},
                        .seeds = 4}}},
  };
}

}  // namespace overparam::claims
