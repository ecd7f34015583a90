// SPDX-License-Identifier: Apache-2.0
// The Lipschitz bounds behind Theorem 4, from the identity (Claim 11.2), for networks h at W + W'
// and h* at W,
//
//     h_l - h*_l = sum_{a <= l} (D*_l + D''_l) W_l ... W_{a+1} (D*_a + D''_a) W'_a h_{a-1},
//
// where D''_k = (phi(g_k) - phi(g*_k)) / (g_k - g*_k) - 1[g*_k >= 0] lies in [-1, 1] and is 0 where
// the sign is kept. A product of k layers stretches by sqrt k, so an adversary moves features by
// sum sqrt(L - a) ~ L^1.5 and outputs, through |B D W ... D|_2 ~ sqrt(m/d), by L sqrt(m/d).
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/experiment.hpp"
#include "support/perturbations.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

/// h_l for l = 0..L and g_l for l = 1..L of one sample, as vectors (m).
struct Layers {
  std::vector<at::Tensor> h, g;
  at::Tensor outputs;  // (d)
};

Layers layers_of(const net::Network& network, const at::Tensor& x) {
  const auto& weights = network.parameters();
  const int depth = network.architecture().num_layers() - 2;
  Layers layers;
  layers.h.push_back(at::relu(at::mv(weights[0], x)));
  layers.g.emplace_back();
  for (int layer = 1; layer <= depth; ++layer) {
    layers.g.push_back(at::mv(weights[layer], layers.h.back()));
    layers.h.push_back(at::relu(layers.g.back()));
  }
  layers.outputs = at::mv(weights[depth + 1], layers.h.back());
  return layers;
}

/// D'' of one layer.
at::Tensor secant_excess(const at::Tensor& g, const at::Tensor& g_start) {
  const at::Tensor secant = (at::relu(g) - at::relu(g_start)) / (g - g_start);
  const at::Tensor active = (g_start >= 0).to(g.scalar_type());
  return at::where(g == g_start, at::zeros_like(g), secant - active);
}

/// Compares one sample's layers at W + W' with those at W.
Row compare(Row row, const net::Network& network, const net::Network& moved, const at::Tensor& x) {
  const Layers start = layers_of(network, x);
  const Layers end = layers_of(moved, x);
  const int depth = network.architecture().num_layers() - 2;
  double change = 0;
  double error = 0;
  double excess = 0;
  double count = 0;
  std::vector<at::Tensor> terms;  // of the sum over a, each (m)
  for (int layer = 1; layer <= depth; ++layer) {
    const auto l = static_cast<std::size_t>(layer);
    const at::Tensor& weights = network.parameters()[layer];
    const at::Tensor d = secant_excess(end.g[l], start.g[l]);
    const at::Tensor diagonal = d + (start.g[l] >= 0).to(d.scalar_type());
    for (auto& term : terms) term = diagonal * at::mv(weights, term);
    terms.push_back(diagonal * at::mv(moved.parameters()[layer] - weights, end.h[l - 1]));

    const at::Tensor difference = end.h[l] - start.h[l];
    const double size = difference.norm().item<double>();
    change = std::max(change, size);
    error = std::max(error, (at::stack(terms).sum(0) - difference).norm().item<double>() / size);
    excess = std::max(excess, d.abs().max().item<double>());
    count = std::max(count, static_cast<double>((d != 0).sum().item<std::int64_t>()));
  }
  const double step = row.at("step");
  const double m = row.at("m");
  const double L = row.at("L");
  row.values["change_h"] = change;
  row.values["change_y"] = (end.outputs - start.outputs).norm().item<double>();
  row.values["constant_h"] = change / (step * std::pow(L, 1.5));
  row.values["constant_y"] = row.at("change_y") / (step * L * std::sqrt(m / row.at("d")));
  row.values["identity_error"] = error;
  row.values["excess"] = excess;
  row.values["count"] = count;
  row.values["allowed"] = m * L * std::pow(std::max(step, row.at("omega")), 2.0 / 3);
  return row;
}

/// W at radius "omega" against the sample, W' of size "step" in three families; the adversarial one
/// pushes along what moves the features most, or the outputs, or flips most signs.
std::vector<Row> measure(const Point& original) {
  Point point = original;
  point.settings.try_emplace("d", 1);
  point.settings["n"] = 1;
  point.settings["dx"] = 20;
  const train::Problem problem = sphere_problem(point, at::kDouble);
  const net::Network start = fc_network(point, problem);
  net::Workspace workspace(start.options());
  const double omega = point.at("omega");
  const net::Network network = flip_adversary(start, problem.inputs, omega, 1, workspace);
  const net::Tape tape = network.record(problem.inputs, workspace);
  const at::Tensor x = problem.inputs[0];
  const double step = point.at("step");
  const int depth = static_cast<int>(point.integer("L"));

  std::vector<Row> rows;
  const auto add_row = [&](const char* family, const net::Network& moved) {
    rows.push_back(compare(row_of(point, family), network, moved, x));
  };
  add_row("random", perturbed(network, random_direction(network, point.seed()), step));
  add_row("gradient",
          perturbed(network,
                    gradient_direction(network, tape, tape.outputs() - problem.targets, workspace),
                    step));
  Row worst;
  for (const auto& push : {stretch_push(network, tape),
                           output_push(network, tape),
                           flip_push(network, tape, depth, step * point.at("L"))}) {
    add_row("adversarial", push_adversary(network, tape, depth, push, step));
    for (auto& [name, value] : rows.back().values) {
      value = worst.values.empty() ? value : std::max(value, worst.at(name));
    }
    worst = std::move(rows.back());
    rows.pop_back();
  }
  rows.push_back(std::move(worst));
  return rows;
}

Law law_of(const char* quantity,
           const char* column,
           const char* variable,
           double predicted,
           const char* family) {
  const bool in_step = std::string(variable) == "step";
  return {.name = std::string(quantity) + " in " + (in_step ? "|W'|" : variable) + ", " + family,
          .design = variable,
          .family = family,
          .x = variable,
          .y = column,
          .predicted = predicted,
          .bound = Bound::upper,
          .limit = in_step ? Limit::small : Limit::large};
}

std::vector<Law> laws() {
  std::vector<Law> result;
  for (const char* family : {"adversarial", "gradient", "random"}) {
    result.push_back(law_of("|h - h*|", "change_h", "step", 1, family));
    result.push_back(law_of("|h - h*|", "change_h", "L", 1.5, family));
  }
  // A random W' moves the outputs by chance, now up and now down: its exponents decide nothing.
  for (const char* family : {"adversarial", "gradient"}) {
    result.push_back(law_of("|Bh - Bh*|", "change_y", "L", 1, family));
    result.push_back(law_of("|Bh - Bh*|", "change_y", "m", 0.5, family));
  }
  result.push_back(law_of("|Bh - Bh*|", "change_y", "d", -0.5, "adversarial"));
  return result;
}

/// The largest |D''|_0 / (m omega^(2/3) L) where that bound allows a few nonzeros at all.
double largest_count(const std::vector<Row>& rows) {
  double largest = std::numeric_limits<double>::quiet_NaN();
  for (const auto& row : rows) {
    if (row.at("allowed") >= 5) largest = std::fmax(largest, row.at("count") / row.at("allowed"));
  }
  return largest;
}

std::vector<Design> designs(Scale scale) {
  const int seeds = pick(scale, 3, 6, 16);
  return {
      {.name = "step",
       .fixed = {{"m", pick(scale, 256.0, 512.0, 2048.0)}, {"L", 2}, {"omega", 0.01}},
       .axes = {{"step", {1e-4, 1e-3, 1e-2, 3e-2}}},
       .seeds = seeds},
      {.name = "L",
       .fixed = {{"m", pick(scale, 128.0, 256.0, 1024.0)}, {"omega", 1e-3}, {"step", 1e-3}},
       .axes = {{"L",
                 pick<std::vector<double>>(
                     scale, {1, 2, 4, 8}, {1, 2, 4, 8, 16}, {1, 2, 4, 8, 16, 32})}},
       .seeds = seeds},
      {.name = "m",
       .fixed = {{"L", 2}, {"omega", 1e-3}, {"step", 1e-3}},
       .axes = {{"m",
                 pick<std::vector<double>>(scale,
                                           {64, 128, 256, 512},
                                           {64, 128, 256, 512, 1024},
                                           {256, 512, 1024, 2048, 4096})}},
       .seeds = seeds},
      {.name = "d",
       .fixed = {{"m", 512}, {"L", 1}, {"omega", 1e-3}, {"step", 1e-3}},
       .axes = {{"d", pick<std::vector<double>>(scale, {1, 2, 4}, {1, 2, 4, 8}, {1, 2, 4, 8})}},
       .seeds = seeds},
  };
}

}  // namespace

Claim lemE_lip() {
  return {
      .id = "lemE-lip",
      .group = Group::semi_smoothness,
      .statement =
          "|h - h*| <= O(L^1.5) |W'|_2 and |Bh - Bh*| <= O(L sqrt(m/d)) |W'|_2 between W + W' and "
          "every W with |W - W^(0)|_2 <= omega",
      .source = "Claim E.2 (11.2), used for Theorem 4",
      .quantity =
          "the largest |h - h*| over the layers, |Bh - Bh*|, and both sides of the identity",
      .window =
          "|W - W^(0)|_2, |W'|_2 <= 1/(C L^4.5 log^3 m), below 6e-6 at L = 4, m = 1024: measured "
          "above it",
      .inside_window = near_enough_for_stability,
      .expected = {VerdictKind::tight, VerdictKind::loose},
      .designs = designs,
      .measure = measure,
      .memory = measurement_memory,
      .laws = laws(),
      .checks = {{.name = "largest |h - h* - sum_a (D* + D'') W ... W'_a h_{a-1}| / |h - h*|",
                  .meaning = "the identity holds to rounding in float64",
                  .value = most("", "identity_error"),
                  .low = 0,
                  .high = 1e-8},
                 {.name = "largest |D''|",
                  .meaning = "D'' lies in [-1, 1]",
                  .value = most("", "excess"),
                  .low = 0,
                  .high = 1 + 1e-12},
                 {.name = "largest |D''|_0 / (m omega^(2/3) L)",
                  .meaning = "the constant of the bound on the number of nonzeros",
                  .value = largest_count,
                  .low = 0.1,
                  .high = 2},
                 {.name = "largest |h - h*| / (L^1.5 |W'|_2)",
                  .meaning = "the constant of the bound",
                  .value = most("", "constant_h"),
                  .low = 0.3,
                  .high = 3},
                 {.name = "largest |Bh - Bh*| d^(1/2) / (L m^(1/2) |W'|_2)",
                  .meaning = "the constant of the bound, 0.71 at d = 1 and |h| = 1",
                  .value = most("", "constant_y"),
                  .low = 0.3,
                  .high = 3}},
      .positive_control =
          {.description = "m up to 512, L up to 4",
           .designs = {{.name = "step",
                        .fixed = {{"m", 128}, {"L", 2}, {"omega", 0.01}},
                        .axes = {{"step", {1e-4, 1e-3, 1e-2}}},
                        .seeds = 4},
                       {.name = "L",
                        .fixed = {{"m", 128}, {"omega", 1e-3}, {"step", 1e-3}},
                        .axes = {{"L", {1, 2, 4, 8}}},
                        .seeds = 4},
                       {.name = "m",
                        .fixed = {{"L", 1}, {"omega", 1e-3}, {"step", 1e-3}},
                        .axes = {{"m", {64, 128, 256, 512}}},
                        .seeds = 3},
                       {.name = "d",
                        .fixed = {{"m", 128}, {"L", 1}, {"omega", 1e-3}, {"step", 1e-3}},
                        .axes = {{"d", {1, 2, 4}}},
                        .seeds = 4}}},
      .negative_control =
          {.description = "Definition 2.3 broken: variance 8/m, features double in every layer",
           .designs = {{.name = "L",
                        .fixed = {{"m", 128}, {"omega", 1e-3}, {"step", 1e-3}, {"gain", 4}},
                        .axes = {{"L", {2, 4, 8}}},
                        .seeds = 3}}},
  };
}

}  // namespace overparam::claims
