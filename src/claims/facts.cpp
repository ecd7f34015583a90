// SPDX-License-Identifier: Apache-2.0
// Two identities that everything else stands on: Fact 2.6, the gradient in closed form, held
// against automatic differentiation; and footnote 3, the appended 1/sqrt 2 as a random bias N(0,
// I/m).
#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "support/experiment.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

/// grad_{W_l} F = sum_i D_{i,l} (Back_{i,l+1}^T loss_i) h_{i,l-1}^T, written as in the paper; the
/// largest relative difference to autograd over the layers. "without_signs" forgets the matrices D.
double gradient_difference(const Point& point) {
  const train::Problem problem = sphere_problem(point, at::kDouble);
  const net::Network network = fc_network(point, problem);
  const int depth = static_cast<int>(point.integer("L"));

  std::vector<at::Tensor> leaves;
  for (int i = 0; i <= depth + 1; ++i) {
    leaves.push_back(network.parameters()[i].detach().clone().requires_grad_(i >= 1 && i <= depth));
  }
  at::Tensor h = problem.inputs;
  for (int l = 0; l <= depth; ++l) {
    h = at::relu(at::matmul(h, leaves[static_cast<std::size_t>(l)].t()));
  }
  const at::Tensor residual = at::matmul(h, leaves.back().t()) - problem.targets;
  const std::vector<at::Tensor> trained(leaves.begin() + 1, leaves.end() - 1);
  const auto expected = torch::autograd::grad({residual.pow(2).sum() / 2}, trained);

  net::Workspace workspace(network.options());
  const net::Tape tape = network.record(problem.inputs, workspace);
  at::Tensor back = at::matmul(tape.outputs() - problem.targets, network.parameters()[depth + 1]);
  double largest = 0;
  for (int l = depth; l >= 1; --l) {
    if (point.get("without_signs", 0) == 0) back = back * (tape.features(l) > 0);  // (n, m)
    const at::Tensor gradient = at::matmul(back.t(), tape.features(l - 1));
    const at::Tensor& exact = expected[static_cast<std::size_t>(l - 1)];
    largest = std::max(largest, ((gradient - exact).norm() / exact.norm()).item<double>());
    back = at::matmul(back, network.parameters()[l]);
  }
  return largest;
}

/// The bias that the last input coordinate makes, over a wide input layer: its variance times m,
/// and its correlation with the rest of the pre-activation, in standard errors from 1 and 0.
void record_bias(const Point& point, Row& row) {
  constexpr double m = 20'000;
  Point wide = point;
  wide.settings["m"] = m;
  const train::Problem problem = sphere_problem(wide, at::kDouble);
  const net::Architecture shape = fc_architecture(wide, problem.inputs.size(1));
  at::Tensor weights = at::empty({shape.blocks[0].rows, shape.blocks[0].columns}, at::kDouble);
  net::draw_initial_block(shape, 0, point.seed(), weights);
  const std::int64_t last = problem.inputs.size(1) - 1;
  const at::Tensor bias = weights.select(1, last) * problem.inputs[0][last] * std::sqrt(m);
  const at::Tensor rest =
      at::mv(weights.narrow(1, 0, last), problem.inputs[0].narrow(0, 0, last)) * std::sqrt(m);
  row.values["bias_variance_errors"] =
      std::abs(bias.pow(2).mean().item<double>() - 1) / std::sqrt(2 / m);
  row.values["bias_correlation_errors"] =
      std::abs((bias * rest).mean().item<double>()) * std::sqrt(m);
}

std::vector<Row> measure(const Point& point) {
  Row row = row_of(point);
  row.values["gradient_difference"] = gradient_difference(point);
  record_bias(point, row);
  return {row};
}

std::vector<Design> designs_with(double without_signs, int seeds) {
  return {
      {.name = "facts",
       .fixed =
           {{"n", 6}, {"m", 64}, {"L", 3}, {"d", 2}, {"dx", 5}, {"without_signs", without_signs}},
       .seeds = seeds}};
}

}  // namespace

Claim facts() {
  return {
      .id = "facts",
      .group = Group::definitions,
      .statement =
          "grad_{W_l} F = sum_i D_{i,l} (Back_{i,l+1}^T loss_i) h_{i,l-1}^T, and the last input "
          "coordinate is a random bias N(0, I/m)",
      .source = "Fact 2.6 and footnote 3",
      .quantity = "relative difference to automatic differentiation; moments of the bias",
      .window = "identities: no condition",
      .inside_window = everywhere,
      .expected = {VerdictKind::consistent},
      .designs = [](Scale scale) { return designs_with(0, pick(scale, 3, 10, 50)); },
      .measure = measure,
      .memory = measurement_memory,
      .checks = {{.name = "largest relative difference of Fact 2.6 to autograd",
                  .meaning = "float64 rounding",
                  .value = most("facts", "gradient_difference"),
                  .low = 0,
                  .high = 1e-10},
                 {.name = "largest deviation of m Var(bias) from 1, in standard errors",
                  .meaning = "five standard errors",
                  .value = most("facts", "bias_variance_errors"),
                  .low = 0,
                  .high = 5},
                 {.name = "largest correlation of bias and pre-activation, in standard errors",
                  .meaning = "five standard errors",
                  .value = most("facts", "bias_correlation_errors"),
                  .low = 0,
                  .high = 5}},
      .positive_control = {.description = "three seeds", .designs = designs_with(0, 3)},
      .negative_control = {.description = "the sign matrices D left out of Fact 2.6",
                           .designs = designs_with(1, 3)},
  };
}

}  // namespace overparam::claims
