// SPDX-License-Identifier: Apache-2.0
// Theorem 7: residual layers h_l = phi(h_{l-1} + tau W_l h_{l-1}) with tau = c / (L ln m), c left
// open. What makes it work is |(I + tau W_a) D ... D (I + tau W_b)|_2 <= 1.01. The features hardly
// change, so all D are nearly one projection P on half of the neurons, and the product is nearly I
// + tau P sum W_l P there: the symmetric part of a sum of L - 1 independent Gaussian matrices has
// norm sqrt 2 sqrt(L - 1), and the excess over 1 is sqrt 2 tau sqrt(L - 1). With c / (L ln m)
// the 1.01 is reached at c between 1/3 and 1/7; with 1/L and 1/sqrt L the norm is a larger
// constant, and with tau = 1 it explodes. The price of a small tau: each layer below the last
// enters the tangent kernel with tau^2, so W_L alone carries it and T is that of one layer.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "overparam/linalg/spectral_norm.hpp"
#include "overparam/net/catalogue.hpp"
#include "support/experiment.hpp"
#include "support/training.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

constexpr double kTargetRatio = 1e-2;

net::Architecture residual_shape(const Point& point,
                                 std::int64_t input_size,
                                 const std::string& tau) {
  return net::make_architecture("resnet",
                                {.input_size = input_size,
                                 .num_outputs = 1,
                                 .width = point.integer("m"),
                                 .depth = point.integer("L"),
                                 .tau = tau});
}

/// tau of a residual layer.
double gain_of(const net::Network& network, int layer) {
  return network.architecture().layers[static_cast<std::size_t>(layer)].terms.back().gain;
}

/// |(I + tau W_{L-1}) D_{L-2} ... D_1 (I + tau W_1)|_2 along the tape's first sample: the longest
/// product, whose excess over 1 is the largest.
double product_norm(const net::Network& network, const net::Tape& tape) {
  constexpr linalg::SpectralNormOptions kOptions{.tolerance = 1e-2, .max_products = 40};
  const int last = network.architecture().num_layers() - 3;  // layers 1..L-1 are residual
  const auto apply = [&](int layer, const at::Tensor& v, bool transposed) {
    const at::Tensor& weights = network.parameters()[layer];
    return v + gain_of(network, layer) * at::mv(transposed ? weights.t() : weights, v);
  };
  const auto active = [&](int layer) {
    return (tape.features(layer)[0] > 0).to(network.options().dtype());
  };
  return linalg::spectral_norm(
      [&](const at::Tensor& v) {
        at::Tensor image = apply(1, v.to(at::kFloat), false);
        for (int l = 2; l <= last; ++l) image = apply(l, image * active(l - 1), false);
        return image.to(at::kDouble);
      },
      [&](const at::Tensor& v) {
        at::Tensor image = v.to(at::kFloat);
        for (int l = last; l >= 2; --l) image = apply(l, image, true) * active(l - 1);
        return apply(1, image, true).to(at::kDouble);
      },
      network.parameters()[1].size(0),
      kOptions);
}

/// The norms of the product and of the features along one random input, all settings of tau
/// through the same weights. Design "L": the theorem's tau, 1/L and 1/sqrt(L); "c": c / (L ln m).
/// Setting "tau" takes the place of all three.
std::vector<Row> measure_product(const Point& point) {
  Point shape = point;
  shape.settings["n"] = 1;
  const train::Problem problem = sphere_problem(shape, at::kFloat);
  const auto architecture = [&](const std::string& tau) {
    return residual_shape(point, problem.inputs.size(1), tau);
  };
  const auto weights =
      net::Parameters::initial(architecture("theory"), point.seed(), problem.inputs.options());
  net::Workspace workspace(problem.inputs.options());
  const auto add_norm = [&](Row& row, const std::string& tau, const std::string& suffix) {
    const net::Network network(architecture(tau), weights);  // shares the weights
    const net::Tape tape = network.record(problem.inputs, workspace);
    row.values["norm" + suffix] = product_norm(network, tape);
    if (!suffix.empty()) return;
    row.values["excess"] = row.at("norm") - 1;
    row.values["excess_over_limit"] =
        row.at("excess") / (gain_of(network, 1) * std::sqrt(2 * (point.at("L") - 1)));
    double least = std::numeric_limits<double>::infinity();
    double largest = 0;
    for (int l = 0; l + 2 < network.architecture().num_layers(); ++l) {
      const double norm = tape.features(l).norm().item<double>();
      least = std::min(least, norm);
      largest = std::max(largest, norm);
    }
    row.values["least_feature"] = least;
    row.values["largest_feature"] = largest;
  };

  std::vector<Row> rows;
  if (point.design == "c") {
    for (const double c : {0.125, 0.25, 0.5, 1.0}) {
      rows.push_back(row_of(point));
      rows.back().values["c"] = c;
      add_norm(rows.back(), fmt::format("theory:{}", c), "");
    }
    return rows;
  }
  const auto tau = [&](const char* name) {
    return point.settings.contains("tau") ? fmt::format("{}", point.at("tau")) : name;
  };
  Row row = row_of(point);
  add_norm(row, tau("theory"), "");
  add_norm(row, tau("1/L"), "_inverse");
  add_norm(row, tau("1/sqrt(L)"), "_root");
  return {row};
}

/// T of GD or SGD, and the share of the kernel's trace that lies below W_L. Designs "delta" and
/// "sgd" have targets 1e-3 from the initial outputs, so that weights stay near, as in thm1.
std::vector<Row> measure_training(const Point& point) {
  const bool near = point.design != "training";
  train::Problem problem = sphere_problem(point, near ? at::kDouble : at::kFloat);
  net::Network network(residual_shape(point, problem.inputs.size(1), "theory"),
                       point.seed(),
                       problem.inputs.options());
  if (near) bring_targets_near(problem, network, 1e-3);
  Row row = row_of(point);
  {
    net::Workspace workspace(network.options());
    const net::Tape tape = network.record(problem.inputs, workspace);
    double below = 0;
    double all = 0;
    for (std::int64_t i = 0; i < problem.size(); ++i) {
      at::Tensor unit = at::zeros_like(problem.targets);
      unit[i].fill_(1);
      const auto shares = network.squared_gradient_norms(tape, unit, workspace);
      const double trace = std::accumulate(shares.begin(), shares.end(), 0.0);
      all += trace;
      below += trace - shares[static_cast<std::size_t>(point.integer("L"))];
    }
    row.values["share_below"] = below / all;
    row.values["share_of_each"] = below / all / (point.at("L") - 1);
  }
  const auto run = train_run(network, problem, "critical", options_of(point, kTargetRatio));
  row.values["steps"] = run.steps_to(kTargetRatio);
  return {row};
}

std::vector<Row> measure(const Point& original) {
  Point point = original;
  point.settings.try_emplace("dx", 20);
  const bool of_product = point.design == "L" || point.design == "c";
  return of_product ? measure_product(point) : measure_training(point);
}

Check norm_at(const char* tau, const char* name, double high) {
  return {.name = fmt::format("mean |(I + tau W) D ... (I + tau W)|_2, L = 8, tau = {}", tau),
          .meaning = fmt::format("{} was measured at m = 512; within a quarter", high),
          .value = mean_where("L", name, {{"L", 8}}),
          .low = 0.75 * high,
          .high = 1.25 * high};
}

std::vector<Design> designs_of(const std::vector<double>& depths,
                               int seeds,
                               double trained_width,
                               const std::vector<double>& trained_depths,
                               int training_seeds) {
  return {{.name = "L", .fixed = {{"m", 512}}, .axes = {{"L", depths}}, .seeds = seeds},
          {.name = "c", .fixed = {{"m", 512}, {"L", 8}}, .seeds = seeds},
          {.name = "training",
           .fixed = {{"n", 6}, {"m", trained_width}, {"delta", 0.5}},
           .axes = {{"L", trained_depths}},
           .seeds = training_seeds},
          {.name = "delta",
           .fixed = {{"n", 4}, {"m", trained_width}, {"L", 4}},
           .axes = {{"delta", {0.1, 0.2, 0.4, 0.8}}},
           .seeds = training_seeds},
          {.name = "sgd",
           .fixed = {{"n", 4}, {"m", trained_width}, {"L", 4}, {"b", 2}},
           .axes = {{"delta", {0.2, 0.4, 0.8}}},
           .seeds = training_seeds}};
}

}  // namespace

Claim thm7_resnet() {
  return {
      .id = "thm7-resnet",
      .group = Group::architectures,
      .statement =
          "residual networks with tau = c/(L log m) train by GD and by SGD in poly(n, L) / "
          "delta^2 log(1/eps) steps, with |(I + tau W_a) D ... D (I + tau W_b)|_2 <= 1.01",
      .source = "Theorem 7",
      .quantity =
          "that norm and |h_l| for several tau, 1.01 with the fitted c = 1/8; T to F <= 1e-2 F_0 "
          "and shares of the kernel at c = 1",
      .window =
          "m >= poly(n, L, 1/delta) d with the powers of thm1 for T: not within a machine's reach",
      .inside_window = wide_enough_to_train,
      .expected = {VerdictKind::tight, VerdictKind::consistent, VerdictKind::loose},
      .designs = [](Scale scale) -> std::vector<Design> {
        switch (scale) {
          case Scale::quick:
            return designs_of({4, 6, 8, 12, 16}, 1, 64, {2, 4, 8, 16}, 3);
          case Scale::standard:
            return designs_of({4, 8, 16, 32}, 4, 256, {2, 4, 8, 16}, 4);
          default:
            return designs_of({4, 8, 16, 32, 64, 128}, 10, 1024, {2, 4, 8, 16, 32}, 5);
        }
      },
      .measure = measure,
      .memory = measurement_memory,
      .laws = {{.name = "|(I + tau W) D ... (I + tau W)|_2 in L, c = 1",
                .design = "L",
                .x = "L",
                .y = "norm",
                .predicted = 0},
               {.name = "its excess over 1 in L, c = 1",
                .design = "L",
                .x = "L",
                .y = "excess",
                .predicted = -0.5},
               {.name = "its excess over 1 in c, tau = c/(L ln m)",
                .design = "c",
                .x = "c",
                .y = "excess",
                .predicted = 1,
                .bound = Bound::exact},
               {.name = "that norm in L, tau = 1/L",
                .design = "L",
                .x = "L",
                .y = "norm_inverse",
                .predicted = 0},
               {.name = "that norm in L, tau = 1/sqrt L",
                .design = "L",
                .x = "L",
                .y = "norm_root",
                .predicted = 0},
               steps_bound("T in L", "training", "L", 2),
               steps_bound("T in delta", "delta", "delta", -2, Limit::small),
               steps_bound("T of SGD, b = 2, in delta", "sgd", "delta", -2, Limit::small),
               {.name = "share of the kernel of each layer below W_L in L",
                .design = "training",
                .x = "L",
                .y = "share_of_each",
                .predicted = -2}},
      .checks = {all_reach("1e-2 F_0", "training"),
                 all_reach("1e-2 F_0", "delta"),
                 all_reach("1e-2 F_0", "sgd"),
                 {.name = "mean excess over sqrt 2 tau sqrt(L - 1), L = 16",
                  .meaning =
                      "1 in the limit of large m and small tau sqrt L; 1.072 was measured at L = 8",
                  .value = mean_where("L", "excess_over_limit", {{"L", 16}}),
                  .low = 0.85,
                  .high = 1.15},
                 {.name = "mean |(I + tau W) D ... (I + tau W)|_2, c = 1/8, L = 8",
                  .meaning = "1.01 in the theorem's proof; c is fitted to it",
                  .value = mean_where("c", "norm", {{"c", 0.125}}),
                  .low = 1,
                  .high = 1.01},
                 norm_at("1/L", "norm_inverse", 1.61),
                 norm_at("1/sqrt L", "norm_root", 4.0),
                 {.name = "least |h_l|",
                  .meaning = "1 within three deviations sqrt(5/(4m)) of |h_0|",
                  .value = least("L", "least_feature"),
                  .low = 0.85,
                  .high = 1.15},
                 {.name = "largest |h_l|",
                  .meaning = "1 within three deviations sqrt(5/(4m)) of |h_0|",
                  .value = most("L", "largest_feature"),
                  .low = 0.85,
                  .high = 1.15},
                 {.name = "largest share of the kernel below W_L",
                  .meaning = "tau^2 a layer: W_L carries the rest, and T is that of one layer",
                  .value = most("training", "share_below"),
                  .low = 0,
                  .high = 0.1}},
      .positive_control = {.description = "m = 512 for the norms, m = 64 for training",
                           .designs = designs_of({4, 6, 8, 12, 16}, 1, 64, {2, 4, 8, 16}, 2)},
      .negative_control = {.description = "tau = 1",
                           .designs = {{.name = "L",
                                        .fixed = {{"m", 256}, {"tau", 1}},
                                        .axes = {{"L", {4, 8, 16}}},
                                        .seeds = 2}}},
  };
}

}  // namespace overparam::claims
