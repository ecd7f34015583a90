// SPDX-License-Identifier: Apache-2.0
#include "support/displacements.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "overparam/linalg/spectral_norm.hpp"
#include "support/experiment.hpp"

namespace overparam::claims {

namespace {

Point with_samples(Point point, double n) {
  point.settings["d"] = 1;
  point.settings["n"] = n;
  point.settings["dx"] = 20;
  return point;
}

/// Eight neurons or so at the kink: with fewer, rounding their number down and the scatter of
/// |b_S|^2 lower the mean of the logarithm.
bool enough_neurons(const Row& row) {
  return 0.39 * row.at("m") * std::pow(row.at("omega"), 2.0 / 3) >= 8;
}

}  // namespace

std::vector<Row> measure_kinks(const Point& original,
                               KinkSide side,
                               double step_over_radius,
                               const OfDisplacement& value) {
  constexpr std::int64_t kSamples = 8;
  const Point point = with_samples(original, kSamples);
  train::Problem problem = sphere_problem(point, at::kDouble);
  net::Network start = fc_network(point, problem);
  net::Workspace workspace(start.options());
  const double flat = point.get("flat", 0);
  if (flat > 0) flatten_rows(start, problem.inputs, flat, workspace);
  problem.targets = start.forward(problem.inputs, workspace) + 1;
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
      const double step = step_over_radius * omega;
      const Kink kink = kink_adversary(start, tape, v, omega, side);
      const Centre centre(kink.network, single, workspace);
      Row row = row_of(point, "adversarial");
      row.values["omega"] = omega;
      row.values["slope"] =
          value(centre, kink.stepped(side == KinkSide::above ? -step : step), step);
      row.values["constant"] = row.at("slope") / (std::cbrt(omega) * std::sqrt(point.at("m")));
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

std::vector<Row> measure_displacements(const Point& original, const OfDisplacement& value) {
  constexpr std::uint64_t kRandomSteps = 2;
  const Point point = with_samples(original, 10);
  const train::Problem problem = sphere_problem(point, at::kDouble);
  const net::Network start = fc_network(point, problem);
  net::Workspace workspace(start.options());
  const auto to_centre = random_direction(start, point.seed());
  std::vector<Row> rows;
  for (const double omega : {2e-3, 5e-3, 1e-2, 2e-2, 5e-2}) {
    const net::Network network = perturbed(start, to_centre, omega);
    const Centre centre(network, problem, workspace);
    const auto slope_along = [&](const net::Parameters& direction) {
      double length = 0;
      for (int layer = 1; layer <= static_cast<int>(point.integer("L")); ++layer) {
        length += omega * linalg::spectral_norm(direction[layer], {.tolerance = 1e-2});
      }
      return value(centre, perturbed(network, direction, omega), length);
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

std::vector<Design> displacement_designs(Scale scale) {
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
  };
}

std::vector<Design> small_displacement_designs() {
  return {
      {.name = "omega", .fixed = {{"m", 384}, {"L", 1}}, .seeds = 2},
      {.name = "m",
       .fixed = {{"L", 1}, {"omega", 0.1}},
       .axes = {{"m", {128, 192, 256, 384, 512}}},
       .seeds = 2},
      {.name = "L", .fixed = {{"m", 128}, {"omega", 0.1}}, .axes = {{"L", {1, 2, 4}}}, .seeds = 3},
      {.name = "generic", .fixed = {{"m", 128}, {"L", 2}}, .seeds = 4}};
}

std::vector<Law> displacement_laws(const std::string& what) {
  std::vector<Law> laws;
  for (const auto& [variable, predicted] :
       {std::pair{"omega", 1.0 / 3}, std::pair{"m", 0.5}, std::pair{"L", 2.0}}) {
    laws.push_back({.name = what + " in " + variable + ", kink adversary",
                    .design = variable,
                    .family = "adversarial",
                    .x = variable,
                    .y = "slope",
                    .predicted = predicted,
                    .limit = std::string(variable) == "omega" ? Limit::small : Limit::large,
                    .keep = enough_neurons});
  }
  for (const char* family : {"random", "gradient"}) {
    laws.push_back({.name = what + " in omega, " + family + " direction",
                    .design = "generic",
                    .family = family,
                    .x = "omega",
                    .y = "slope",
                    .predicted = 1.0 / 3,
                    .limit = Limit::small});
  }
  return laws;
}

double mean_kink_constant(const std::vector<Row>& rows) {
  std::vector<double> constants;
  for (const auto& row : rows_of(rows, "omega")) {
    if (enough_neurons(row)) constants.push_back(row.at("constant"));
  }
  return constants.empty() ? std::numeric_limits<double>::quiet_NaN() : linalg::mean(constants);
}

}  // namespace overparam::claims
