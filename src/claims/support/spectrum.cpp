// SPDX-License-Identifier: Apache-2.0
#include "support/spectrum.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>
#include <optional>

#include "overparam/data/geometry.hpp"
#include "overparam/kernel/infinite.hpp"
#include "support/experiment.hpp"
#include "support/perturbations.hpp"

namespace overparam::claims {

namespace {

void record_ends(Row& row, const KernelEnds& ends, double separation) {
  const double n = row.at("n");
  const double m = row.at("m");
  const double d = row.at("d");
  row.values["lambda_min_scaled"] = ends.smallest * d / m;
  row.values["lambda_max_scaled"] = ends.largest * d / m;
  row.values["lambda_min_over_delta"] = ends.smallest * d / (m * separation);
  row.values["lower_constant"] = ends.smallest * d * n * n / (m * separation);
  row.values["upper_constant"] = ends.largest * d / (row.at("L") * n * m);
}

/// Two points at each of several distances, all through one network.
std::vector<Row> measure_pairs(const Point& point) {
  constexpr double kDeltas[] = {0.003, 0.01, 0.03, 0.1, 0.3, 1};
  Point pair = point;
  pair.settings["n"] = 2;
  std::optional<net::Network> network;
  std::vector<Row> rows;
  for (const double delta : kDeltas) {
    pair.settings["delta"] = delta;
    train::Problem problem = sphere_problem(pair, at::kDouble);
    if (point.get("same", 0) != 0) problem.inputs[1].copy_(problem.inputs[0]);
    if (!network) network.emplace(fc_network(pair, problem));
    Row row = row_of(pair);
    record_ends(row, kernel_ends(*network, problem.inputs), delta);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

std::vector<Row> measure_spectrum(const Point& original) {
  Point point = original;
  point.settings.try_emplace("d", 1);
  if (point.design == "pairs") return measure_pairs(point);
  if (point.settings.contains("m_per_d")) point.settings["m"] = point.at("m_per_d") * point.at("d");

  const train::Problem problem = point.get("circle", 0) != 0 ? circle_problem(point, at::kDouble)
                                                             : sphere_problem(point, at::kDouble);
  double separation = point.get("delta", 0);
  if (separation == 0) separation = data::separation(problem.inputs).distance;

  const net::Network network = fc_network(point, problem);
  const KernelEnds start = kernel_ends(network, problem.inputs);
  if (!point.settings.contains("omega")) {
    Row row = row_of(point);
    record_ends(row, start, separation);
    return {row};
  }

  net::Workspace workspace(network.options());
  const double omega = point.at("omega");
  std::vector<Row> rows;
  const auto add_row = [&](const char* family, const net::Network& moved) {
    const KernelEnds ends = kernel_ends(moved, problem.inputs);
    Row row = row_of(point, family);
    record_ends(row, ends, separation);
    row.values["kept_share"] = ends.smallest / start.smallest;
    rows.push_back(std::move(row));
  };
  add_row("random", perturbed(network, random_direction(network, point.seed()), omega));
  {
    const net::Tape tape = network.record(problem.inputs, workspace);
    const at::Tensor residual = tape.outputs() - problem.targets;
    add_row("gradient",
            perturbed(network, gradient_direction(network, tape, residual, workspace), omega));
  }
  add_row("adversarial",
          flip_adversary(network, problem.inputs.narrow(0, 0, 1), omega, point.at("L"), workspace));
  return rows;
}

double last_layer_cosine(double delta, std::int64_t depth) {
  const double distance = kernel::feature_distances(delta, depth - 1).back();
  const double c = 1 - distance * distance / 2;
  return c * (1 - std::acos(c) / std::numbers::pi);
}

}  // namespace overparam::claims
