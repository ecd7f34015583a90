// SPDX-License-Identifier: Apache-2.0
// Step 3 of the proof of Theorem 3: for one sample |h_{i,l}| ~ 1 and |Back_{i,l}^T u| ~ sqrt(m/d)
// |u|, and from these the fake gradient, with fixed vectors v_i in place of loss_i,
//
//     grad^v_{W_l} F = sum_i D_{i,l} (Back_{i,l+1}^T v_i) h_{i,l-1}^T
//     |grad^v_{W_l} F|_F^2 <= O(n m / d) sum_i |v_i|^2
//     |grad^v_{W_L} F|_F^2 >= Omega(delta m / (d n)) max_i |v_i|^2.
//
// |grad^v_{W_l} F|_F^2 = v^T K_l v with the layer's share K_l of the tangent kernel. Both sides
// have exact worst cases over all v: lambda_max(K_l), and 1 / max_i lambda_max((K_L^-1)_ii), which
// is the minimum of v^T K_L v with |v_i| = 1 for the worst i; no other |v_j| exceeds 1 there.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "overparam/base/random.hpp"
#include "overparam/data/geometry.hpp"
#include "overparam/linalg/lanczos.hpp"
#include "support/experiment.hpp"
#include "support/spectrum.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

constexpr std::uint64_t kDraws = 32;  // of random v

double largest_eigenvalue(const at::Tensor& symmetric) {
  return linalg::symmetric_eigenvalues(symmetric)[-1].item<double>();
}

/// What one network has to offer at the inputs: single-sample sizes, and K_l of each layer.
struct Pieces {
  std::vector<at::Tensor> kernels;  ///< (nd, nd) each, from W_L down to W_1
  double least_feature = std::numeric_limits<double>::infinity();
  double largest_feature = 0;
  /// min and max over samples, layers and u of |Back^T u| / (sqrt(m/d) |u|)
  double least_back = std::numeric_limits<double>::infinity();
  double largest_back = 0;
};

Pieces pieces_of(const net::Network& network, const net::Tape& tape, net::Workspace& workspace) {
  const std::int64_t n = tape.outputs().size(0);
  const std::int64_t d = tape.outputs().size(1);
  Pieces pieces;
  network.backward(
      tape,
      net::unit_cotangents(tape),
      workspace,
      [&](const net::Use& use, const at::Tensor& delta, const net::Gathered& below) {
        linalg::Scratch space;
        const at::Tensor gathered = below.rows(workspace, space);
        const std::int64_t m = delta.size(2);
        const at::Tensor rows = delta.transpose(0, 1).reshape({n * d, m});
        const at::Tensor features = at::matmul(gathered, gathered.t());  // (n, n)
        pieces.kernels.push_back(at::matmul(rows, rows.t()) *
                                 features.repeat_interleave(d, 0).repeat_interleave(d, 1));

        const at::Tensor norms = gathered.norm(2, 1);
        pieces.least_feature = std::min(pieces.least_feature, norms.min().item<double>());
        pieces.largest_feature = std::max(pieces.largest_feature, norms.max().item<double>());

        const at::Tensor back = at::matmul(rows, network.parameters()[use.block]).view({n, d, m});
        const double scale = std::sqrt(static_cast<double>(m) / static_cast<double>(d));
        for (std::int64_t i = 0; i < n; ++i) {
          const at::Tensor squares =
              linalg::symmetric_eigenvalues(at::matmul(back[i], back[i].t()));
          pieces.least_back =
              std::min(pieces.least_back, std::sqrt(squares[0].item<double>()) / scale);
          pieces.largest_back =
              std::max(pieces.largest_back, std::sqrt(squares[-1].item<double>()) / scale);
        }
      });
  return pieces;
}

/// min over v of v^T K v / max_i |v_i|^2, to the precision of K.
double least_per_largest(const at::Tensor& kernel, std::int64_t d) {
  const std::int64_t n = kernel.size(0) / d;
  const double rounding = 1e-14 * largest_eigenvalue(kernel);
  const at::Tensor inverse = at::linalg_inv(kernel + rounding * at::eye(n * d, kernel.options()));
  double largest = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    largest =
        std::max(largest, largest_eigenvalue(inverse.narrow(0, i * d, d).narrow(1, i * d, d)));
  }
  return 1 / largest;
}

std::vector<Row> measure_network(const Point& point,
                                 const train::Problem& problem,
                                 const net::Network& network,
                                 double delta) {
  net::Workspace workspace(network.options());
  const net::Tape tape = network.record(problem.inputs, workspace);
  const Pieces pieces = pieces_of(network, tape, workspace);
  const std::int64_t d = point.integer("d");
  const double scale = point.at("m") / static_cast<double>(d);
  std::vector<Row> rows;
  const auto add_row = [&](const char* family, double upper, double lower) {
    Row row = row_of(point, family);
    row.values["delta"] = delta;
    row.values["upper"] = upper / scale;
    row.values["lower"] = lower / scale;
    row.values["lower_over_delta"] = lower / (scale * delta);
    if (point.design == "L") {
      const double rho = last_layer_cosine(delta, point.integer("L"));
      row.values["lower_over_limit"] = row.at("lower") / ((1 - rho * rho) / 2);
    }
    row.values["upper_constant"] = upper / (scale * point.at("n"));
    row.values["lower_constant"] = lower * point.at("n") / (scale * delta);
    row.values["least_feature"] = pieces.least_feature;
    row.values["largest_feature"] = pieces.largest_feature;
    row.values["least_back"] = pieces.least_back;
    row.values["largest_back"] = pieces.largest_back;
    rows.push_back(std::move(row));
  };
  // max_l |grad^v_{W_l} F|^2 / sum |v_i|^2 and |grad^v_{W_L} F|^2 / max |v_i|^2
  const auto squared_norms = [&](const at::Tensor& v) {
    const at::Tensor flat = v.reshape({-1});
    double largest = 0;
    for (const auto& kernel : pieces.kernels) {
      largest = std::max(largest, flat.dot(at::mv(kernel, flat)).item<double>());
    }
    return std::pair{largest / flat.dot(flat).item<double>(),
                     flat.dot(at::mv(pieces.kernels.front(), flat)).item<double>() /
                         v.pow(2).sum(1).max().item<double>()};
  };
  double mean_upper = 0;
  double mean_lower = 0;
  at::Tensor v = at::empty_like(problem.targets);
  for (std::uint64_t draw = 0; draw < kDraws; ++draw) {
    base::fill_normal(v, 1, base::Stream(point.seed(), "fake loss", draw));
    const auto [upper, lower] = squared_norms(v);
    mean_upper += upper / kDraws;
    mean_lower += lower / kDraws;
  }
  add_row("random", mean_upper, mean_lower);
  const auto [upper, lower] = squared_norms(tape.outputs() - problem.targets);
  add_row("gradient", upper, lower);
  double largest = 0;
  for (const auto& kernel : pieces.kernels) {
    largest = std::max(largest, largest_eigenvalue(kernel));
  }
  add_row("adversarial", largest, least_per_largest(pieces.kernels.front(), d));
  return rows;
}

/// Design "delta": two points at several distances through one network, with "same" the second a
/// copy of the first. Design "n": points equally spaced on a circle.
std::vector<Row> measure(const Point& original) {
  Point point = original;
  point.settings.try_emplace("d", 1);
  if (point.design != "n") point.settings.try_emplace("dx", 20);
  if (point.design != "delta") {
    const train::Problem problem = point.design == "n" ? circle_problem(point, at::kDouble)
                                                       : sphere_problem(point, at::kDouble);
    return measure_network(
        point, problem, fc_network(point, problem), data::separation(problem.inputs).distance);
  }
  std::optional<net::Network> network;
  std::vector<Row> rows;
  for (const double delta : {0.03, 0.1, 0.3, 1.0}) {
    point.settings["delta"] = delta;
    train::Problem problem = sphere_problem(point, at::kDouble);
    if (point.get("same", 0) != 0) problem.inputs[1].copy_(problem.inputs[0]);
    if (!network) network.emplace(fc_network(point, problem));
    const auto more = measure_network(point, problem, *network, delta);
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return rows;
}

/// At least ten neurons of a layer lie between the two points.
bool enough_neurons_between(const Row& row) { return row.at("m") * row.at("delta") >= 30; }

Law upper_in(const char* variable, const char* family, double predicted) {
  return {
      .name = fmt::format("max_l |grad^v_l F|^2 d/(m sum |v_i|^2) in {}, {} v", variable, family),
      .design = variable,
      .family = family,
      .x = variable,
      .y = "upper",
      .predicted = predicted};
}

Law lower_in(const char* variable, const char* family, double predicted) {
  const bool over_delta = variable[0] == 'n';
  return {.name = fmt::format("|grad^v_L F|^2 d/(m {}max |v_i|^2) in {}, {} v",
                              over_delta ? "delta " : "",
                              variable,
                              family),
          .design = variable,
          .family = family,
          .x = variable,
          .y = over_delta ? "lower_over_delta" : "lower",
          .predicted = predicted,
          .bound = Bound::lower,
          .limit = variable == std::string("delta") ? Limit::small : Limit::large,
          .keep = enough_neurons_between};
}

double least_constant(const std::vector<Row>& rows) {
  double smallest = std::numeric_limits<double>::quiet_NaN();
  for (const auto& row : rows_of(rows, "delta", "adversarial")) {
    if (enough_neurons_between(row)) smallest = std::fmin(smallest, row.at("lower_constant"));
  }
  return smallest;
}

std::vector<Design> designs_of(double m,
                               double m_pairs,
                               const std::vector<double>& samples,
                               const std::vector<double>& depths,
                               const std::vector<double>& widths,
                               int seeds) {
  return {
      {.name = "n", .fixed = {{"m", 2 * m}, {"L", 1}}, .axes = {{"n", samples}}, .seeds = seeds},
      {.name = "delta", .fixed = {{"n", 2}, {"m", m_pairs}, {"L", 2}}, .seeds = 2 * seeds},
      {.name = "L",
       .fixed = {{"n", 2}, {"m", 2 * m}, {"delta", 0.8}},
       .axes = {{"L", depths}},
       .seeds = 3 * seeds},
      {.name = "m",
       .fixed = {{"n", 4}, {"L", 2}, {"d", 2}, {"delta", 0.4}},
       .axes = {{"m", widths}},
       .seeds = 3 * seeds}};
}

}  // namespace

Claim step3() {
  return {
      .id = "step3",
      .group = Group::gradient,
      .statement =
          "with fixed v_i in place of loss_i, |grad_{W_l} F|^2 <= O(n m / d) sum |v_i|^2 and "
          "|grad_{W_L} F|^2 >= Omega(delta m / (d n)) max |v_i|^2 at the start",
      .source = "Section 4, Step 3; Appendices C and D",
      .quantity = "|h|, |Back^T u|, and both squared norms for random, residual and worst v",
      .window = "m >= poly(n, L, 1/delta) d: no width a machine can hold lies inside",
      .inside_window = near_enough_for_gradients,
      .expected = {VerdictKind::loose},
      .designs = [](Scale scale) -> std::vector<Design> {
        switch (scale) {
          case Scale::quick:
            return designs_of(256, 1024, {8, 12, 16, 24}, {1, 2, 4, 8}, {96, 128, 256, 512}, 2);
          case Scale::standard:
            return designs_of(
                512, 2048, {8, 12, 16, 24, 32}, {1, 2, 4, 8}, {96, 128, 256, 512, 1024}, 3);
          default:
            return designs_of(1024,
                              4096,
                              {8, 12, 16, 24, 32, 64},
                              {1, 2, 4, 8, 16},
                              {96, 128, 256, 512, 1024, 2048},
                              10);
        }
      },
      .measure = measure,
      .memory = measurement_memory,
      .laws = {upper_in("n", "adversarial", 1),
               upper_in("n", "random", 1),
               upper_in("L", "adversarial", 0),
               upper_in("m", "adversarial", 0),
               lower_in("delta", "adversarial", 1),
               lower_in("delta", "random", 1),
               lower_in("n", "adversarial", -1),
               // Beyond delta = O(1/L), which the theorem assumes, h_{L-1} of two points approach
               // each other (Lemma A.5): the limit (1 - c^2 k0(c)^2) / 2 has that in it.
               {.name = "|grad^v_L F|^2 d/(m max |v_i|^2) over its limit in L, adversarial v",
                .design = "L",
                .family = "adversarial",
                .x = "L",
                .y = "lower_over_limit",
                .predicted = 0,
                .bound = Bound::lower},
               lower_in("m", "adversarial", 0)},
      .checks =
          {{.name = "least |h_{i,l}|, all depths",
            .meaning = "1 - eps, with deviations sqrt(5 (l+1) / (4 m))",
            .value = least("L", "least_feature"),
            .low = 0.4,
            .high = 1},
           {.name = "largest |h_{i,l}|, all depths",
            .meaning = "1 + eps, with deviations sqrt(5 (l+1) / (4 m))",
            .value = most("L", "largest_feature"),
            .low = 1,
            .high = 2},
           {.name = "least |Back^T u| / (sqrt(m/d) |u|), any u, d = 2",
            .meaning = "Omega(1)",
            .value = least("m", "least_back"),
            .low = 0.4,
            .high = 1},
           {.name = "largest |Back^T u| / (sqrt(m/d) |u|), any u, d = 2",
            .meaning = "O(1)",
            .value = most("m", "largest_back"),
            .low = 1,
            .high = 2.5},
           {.name = "largest |grad^v_l F|^2 d/(n m sum |v_i|^2)",
            .meaning = "the constant of the upper bound; 1/2 in the limit, for equal inputs",
            .value = most("n", "upper_constant"),
            .low = 0,
            .high = 1},
           {.name = "least |grad^v_L F|^2 d n/(delta m max |v_i|^2), two points",
            .meaning =
                "the constant of the lower bound; 4 delta/(2 pi) over delta = 0.64 in the limit",
            .value = least_constant,
            .low = 0.03,
            .high = 2}},
      .positive_control = {.description = "m = 128 and pairs at m = 1024",
                           .designs = designs_of(
                               128, 1024, {8, 12, 16, 24}, {1, 2, 4, 8}, {96, 128, 256, 512}, 2)},
      .negative_control =
          {.description = "Assumption 2.1 broken: two points are the same, whatever delta says",
           .designs = {{.name = "delta",
                        .fixed = {{"n", 2}, {"m", 256}, {"L", 2}, {"same", 1}},
                        .seeds = 2}}},
  };
}

}  // namespace overparam::claims
