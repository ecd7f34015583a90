// SPDX-License-Identifier: Apache-2.0
// The recurrent network of Allen-Zhu, Li, Song 2018: the same W at each of L time steps. Its
// features obey 1/2 <= |h_l| <= O(L), products of its layers |W D ... W|_2 <= O(L^3) (the authors
// suspect O(1); independent matrices give 2.33 sqrt k), a perturbation of radius omega = 1/sqrt m
// moves h_L by O(m^-1/2), flips O(m^2/3) signs and moves the backward map by O(m^1/3), and GD
// converges linearly.
#include <ATen/ATen.h>

#include <cmath>

#include "overparam/base/random.hpp"
#include "overparam/linalg/spectral_norm.hpp"
#include "overparam/net/catalogue.hpp"
#include "support/experiment.hpp"
#include "support/perturbations.hpp"
#include "support/training.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

constexpr double kTargetRatio = 1e-3;
constexpr std::int64_t kPiece = 6;  // numbers of the input a time step

/// x_1 on the unit sphere with 1/sqrt 2 as its last coordinate and separation delta, x_l for l >= 2
/// uniform on the sphere of radius 1/2; targets N(0, 1) for each of L - 1 outputs.
train::Problem sequence_problem(const Point& original, at::ScalarType type) {
  Point point = original;
  point.settings["dx"] = kPiece - 1;
  point.settings["d"] = point.at("L") - 1;
  train::Problem problem = sphere_problem(point, type);
  const std::int64_t n = problem.inputs.size(0);
  const std::int64_t later = point.integer("L") - 1;
  at::Tensor rest = at::empty({n, later, kPiece}, type);
  base::fill_normal(rest, 1, {point.seed(), "later inputs"});
  rest.div_(2 * rest.norm(2, 2, true));
  problem.inputs = at::cat({problem.inputs, rest.view({n, -1})}, 1);
  return problem;
}

net::Network rnn_network(const Point& point, const train::Problem& problem) {
  auto shape = net::make_architecture("rnn",
                                      {.input_size = problem.inputs.size(1),
                                       .width = point.integer("m"),
                                       .depth = point.integer("L"),
                                       .every_step = true});
  for (auto& block : shape.blocks) {
    if (block.trained) block.variance *= point.get("gain", 1);
  }
  return {shape, point.seed(), problem.inputs.options()};
}

at::Tensor active(const at::Tensor& features) { return (features > 0).to(features.scalar_type()); }

/// |D_b W ... D_a W|_2 over the last k = b - a + 1 steps of the first sample.
double product_norm(const net::Network& network, const net::Tape& tape, int steps, int k) {
  const at::Tensor& weights = network.parameters()[1];
  const auto signs = [&](int step) { return active(tape.features(step)[0]); };
  const auto up = [&](const at::Tensor& v) {
    at::Tensor h = v;
    for (int step = steps - k; step < steps; ++step) h = signs(step) * at::mv(weights, h);
    return h;
  };
  const auto down = [&](const at::Tensor& v) {
    at::Tensor h = v;
    for (int step = steps - 1; step >= steps - k; --step) {
      h = at::mv(weights.t(), signs(step) * h);
    }
    return h;
  };
  return linalg::spectral_norm(up, down, weights.size(1));
}

std::vector<Row> measure_start(const Point& original) {
  Point point = original;
  point.settings["n"] = 4;
  const train::Problem problem = sequence_problem(point, at::kDouble);
  const net::Network network = rnn_network(point, problem);
  net::Workspace workspace(network.options());
  const net::Tape tape = network.record(problem.inputs, workspace);
  const int L = static_cast<int>(point.integer("L"));
  std::vector<Row> rows;
  for (int k = 1; k <= L; k *= 2) {
    const at::Tensor norms = tape.features(k - 1).norm(2, 1);
    Row row = row_of(point);
    row.values["step"] = k;
    row.values["smallest_norm"] = norms.min().item<double>();
    row.values["largest_norm"] = norms.max().item<double>();
    if (k < L) {
      row.values["k"] = k;
      row.values["product"] = product_norm(network, tape, L, k);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

/// W + omega u h^T / |h|: u flips the signs of smallest |g| in the last step of the first sample, h
/// its features one step before.
net::Network rnn_adversary(const net::Network& network,
                           const net::Tape& tape,
                           double omega,
                           int steps) {
  const at::Tensor before = tape.features(steps - 2)[0];
  const at::Tensor inputs = tape.inputs()[0].narrow(0, (steps - 1) * kPiece, kPiece);
  const at::Tensor g =
      at::mv(network.parameters()[1], before) + at::mv(network.parameters()[0], inputs);
  const at::Tensor target = flip_target(g, omega * before.norm().item<double>());
  net::Network moved = network.clone();
  moved.parameters()[1].addr_(target / target.norm(), before / before.norm(), 1, omega);
  return moved;
}

/// d y_L / d h_2 of the first so many samples, (samples, m).
at::Tensor backward_map(const net::Network& network,
                        const net::Tape& tape,
                        int steps,
                        std::int64_t samples) {
  at::Tensor u = network.parameters()[2][0].expand({samples, -1});
  for (int step = steps - 1; step >= 2; --step) {
    const at::Tensor signs = active(tape.features(step).narrow(0, 0, samples));
    u = at::matmul(signs * u, network.parameters()[1]);
  }
  return u;
}

/// Changes at radius 1/sqrt m, means over the samples; the adversary aims at the first.
std::vector<Row> measure_moved(const Point& original) {
  constexpr std::int64_t kSamples = 20;
  Point point = original;
  point.settings["n"] = kSamples;
  const train::Problem problem = sequence_problem(point, at::kDouble);
  const net::Network network = rnn_network(point, problem);
  net::Workspace workspace(network.options());
  const int L = static_cast<int>(point.integer("L"));
  const double omega = 1 / std::sqrt(point.at("m"));
  const net::Tape start = network.record(problem.inputs, workspace);
  std::vector<Row> rows;
  const auto compare = [&](const char* family, const net::Network& moved, std::int64_t samples) {
    const net::Tape tape = moved.record(problem.inputs, workspace);
    const at::Tensor before = start.features(L - 1).narrow(0, 0, samples);
    const at::Tensor after = tape.features(L - 1).narrow(0, 0, samples);
    const at::Tensor back =
        backward_map(moved, tape, L, samples) - backward_map(network, start, L, samples);
    const auto share = static_cast<double>(samples);
    Row row = row_of(point, family);
    row.values["flips"] = ((before > 0) != (after > 0)).sum().item<double>() / share;
    row.values["change"] = (after - before).norm(2, 1).mean().item<double>();
    row.values["back_change"] = back.norm(2, 1).mean().item<double>();
    rows.push_back(std::move(row));
  };
  compare("random", perturbed(network, random_direction(network, point.seed()), omega), kSamples);
  const at::Tensor residual = start.outputs() - problem.targets;
  compare("gradient",
          perturbed(network, gradient_direction(network, start, residual, workspace), omega),
          kSamples);
  compare("adversarial", rnn_adversary(network, start, omega, L), 1);
  return rows;
}

std::vector<Row> measure_training(const Point& point) {
  train::Problem problem = sequence_problem(point, at::kDouble);
  net::Network network = rnn_network(point, problem);
  bring_targets_near(problem, network, 1e-3);
  const auto run = train_run(
      network, problem, "critical", {.stop = {.max_steps = 20'000, .target_ratio = kTargetRatio}});
  Row row = row_of(point);
  row.values["steps"] = run.steps_to(kTargetRatio);
  row.values["converged"] = run.result.reached_target() ? 1 : 0;
  row.values["tail_r_squared"] = run.tail().r_squared;
  return {row};
}

std::vector<Row> measure(const Point& point) {
  if (point.design == "start") return measure_start(point);
  return point.design == "moved" ? measure_moved(point) : measure_training(point);
}

Law moved_in_m(const char* what, const char* column, const char* family, double bound) {
  return {.name = fmt::format("{} in m, {}", what, family),
          .design = "moved",
          .family = family,
          .x = "m",
          .y = column,
          .predicted = bound};
}

std::vector<Law> laws() {
  std::vector<Law> list{
      {.name = "largest |h_l| in l",
       .design = "start",
       .x = "step",
       .y = "largest_norm",
       .predicted = 1},
      {.name = "|D W ... D W|_2 in k", .design = "start", .x = "k", .y = "product", .predicted = 3},
      {.name = "T in delta",
       .design = "delta",
       .x = "delta",
       .y = "steps",
       .predicted = -2,
       .bound = Bound::upper,
       .limit = Limit::small}};
  for (const char* family : {"random", "gradient", "adversarial"}) {
    list.push_back(moved_in_m("flips", "flips", family, 2.0 / 3));
    list.push_back(moved_in_m("|h_L - h_L^(0)|", "change", family, -0.5));
    list.push_back(moved_in_m("change of the backward map", "back_change", family, 1.0 / 3));
  }
  return list;
}

std::vector<Design> designs_of(
    double m, double L, std::vector<double> widths, int seeds, double gain = 1) {
  return {{.name = "start", .fixed = {{"m", m}, {"L", L}, {"gain", gain}}, .seeds = seeds},
          {.name = "moved",
           .fixed = {{"L", 4}},
           .axes = {{"m", std::move(widths)}},
           .seeds = 3 * seeds},
          {.name = "delta",
           .fixed = {{"m", 64}, {"L", 3}, {"n", 4}},
           .axes = {{"delta", {0.1, 0.2, 0.4, 0.8}}},
           .seeds = seeds}};
}

}  // namespace

Claim rnn() {
  return {
      .id = "rnn",
      .group = Group::neighbours,
      .statement =
          "a recurrent network keeps 1/2 <= |h_l| <= O(L) and |W D ... W|_2 <= O(L^3), moves by "
          "O(m^-1/2) in h, m^2/3 in signs and m^1/3 backwards at radius 1/sqrt m, and trains "
          "linearly",
      .source = "Allen-Zhu, Li, Song 2018 (arXiv 1810.12065)",
      .quantity = "|h_l|, |D W ... D W|_2, changes at omega = m^-1/2, T with the critical step",
      .window = "m >= poly(n, L, 1/delta) with unstated powers: taken as those of Theorem 1",
      .inside_window = wide_enough_to_train,
      .expected = {VerdictKind::tight, VerdictKind::consistent, VerdictKind::loose},
      .designs =
          [](Scale scale) {
            return designs_of(
                pick(scale, 256.0, 1024.0, 2048.0),
                pick(scale, 16.0, 32.0, 64.0),
                pick<std::vector<double>>(
                    scale, {64, 128, 256, 512}, {128, 256, 512, 1024}, {128, 256, 512, 1024, 2048}),
                pick(scale, 2, 4, 10));
          },
      .measure = measure,
      .memory = measurement_memory,
      .laws = laws(),
      .checks = {{.name = "least |h_l|",
                  .meaning = "at least 1/2 at every step",
                  .value = least("start", "smallest_norm"),
                  .low = 0.5,
                  .high = 1.5},
                 {.name = "share of runs that converge",
                  .meaning = "every run reaches 1e-3 F_0",
                  .value = least("delta", "converged"),
                  .low = 1,
                  .high = 1}},
      .positive_control = {.description = "m = 256 and 128 to 512",
                           .designs = designs_of(256, 16, {64, 128, 256, 512}, 3)},
      .negative_control = {.description =
                               "variance 4/m in place of 2/m: features grow as 1.41^L, beyond O(L)",
                           .designs = {{.name = "start",
                                        .fixed = {{"m", 256}, {"L", 32}, {"gain", 2}},
                                        .seeds = 3}}},
  };
}

}  // namespace overparam::claims
