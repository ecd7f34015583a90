// SPDX-License-Identifier: Apache-2.0
// At random initialisation E |h_L|^2 = 1 at every width and depth: each layer multiplies the square
// by (2/m) chi^2 over the active neurons, whose mean is 1.
#include <ATen/ATen.h>

#include "support/experiment.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

/// One network, one input: |h_L|^2. A function of the point alone.
std::vector<Row> measure(const Point& original) {
  Point point = original;
  point.settings["n"] = 1;
  point.settings["dx"] = 10;
  const train::Problem problem = sphere_problem(point, at::kDouble);
  const net::Network network = fc_network(point, problem);
  net::Workspace workspace(network.options());
  const net::Tape tape = network.record(problem.inputs, workspace);
  Row row = row_of(point);
  row.values["squared_norm"] =
      tape.features(static_cast<int>(point.integer("L"))).pow(2).sum().item<double>();
  return {row};
}

/// The mean over the seeds of each width.
std::vector<Row> average(const std::vector<Row>& rows) {
  std::vector<Row> result;
  for (const auto& group : group_by(rows_of(rows, "norms"), {"m"})) {
    Row row = group.front();
    row.values["mean"] = linalg::mean(column(group, "squared_norm"));
    result.push_back(std::move(row));
  }
  return result;
}

std::vector<Design> norms(std::vector<double> widths, int seeds, double gain = 1) {
  return {{.name = "norms",
           .fixed = {{"L", 1}, {"gain", gain}},
           .axes = {{"m", std::move(widths)}},
           .seeds = seeds}};
}

}  // namespace

Claim mean_norm() {
  return {
      .id = "mean-norm",
      .group = Group::initialisation,
      .statement = "E |h_L|^2 = 1 at random initialisation",
      .source = "docs/adding.md",
      .quantity = "mean of |h_L|^2 over seeds",
      .window = "every m and L",
      .inside_window = everywhere,
      .expected = {VerdictKind::consistent},
      .designs =
          [](Scale scale) {
            return norms({32, 64, 128, 256}, pick(scale, 100, 300, 2000));
          },
      .measure = measure,
      .memory = measurement_memory,
      .summarise = average,
      .laws = {{.name = "mean |h_L|^2 in m",
                .design = "norms",
                .x = "m",
                .y = "mean",
                .predicted = 0,
                .bound = Bound::exact}},
      .checks = {{.name = "least mean |h_L|^2",
                  .meaning = "1, within four standard errors at m = 32",
                  .value = least("norms", "mean"),
                  .low = 0.7,
                  .high = 1.3}},
      .positive_control = {.description = "120 seeds a width",
                           .designs = norms({32, 64, 128, 256}, 120)},
      .negative_control = {.description = "hidden variance 8/m in place of 2/m",
                           .designs = norms({32, 64, 128, 256}, 20, 4)},
  };
}

}  // namespace overparam::claims
