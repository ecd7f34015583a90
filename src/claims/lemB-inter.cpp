// SPDX-License-Identifier: Apache-2.0
// Lemma B.6 (8.6): the products of the hidden layers stay bounded by O(sqrt L) when weights move by
// |W'|_2 <= L^-1.5 and every sign matrix by a D'' in [-3, 3] with s nonzeros. Two kinds of D'':
// the signs that a W' really flips, and +-3 on the coordinates where the top singular pair has most
// mass, p_k q_k with p the cotangent and q the pre-activation.
//
// One nonzero alone adds 3 P e_k e_k^T P', a matrix of norm 3 sqrt 2 sqrt 2 = 6 whatever m and L,
// which doubles a product of few layers. So the constant of the bound is set to 20, eight times
// that of the product without D'', and s* is where the norm reaches 20 sqrt L. A sparse product is
// stretched by functions of s log m / m, so s* log m ~ m.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "overparam/base/random.hpp"
#include "overparam/linalg/spectral_norm.hpp"
#include "support/experiment.hpp"
#include "support/perturbations.hpp"

namespace overparam::claims {

namespace {

using Vectors = std::vector<at::Tensor>;

int depth_of(const net::Network& network) { return network.architecture().num_layers() - 2; }

/// D_1..D_{L-1} at the only sample, as vectors; entry 0 unused.
Vectors signs_of(const net::Network& network, const at::Tensor& x, net::Workspace& workspace) {
  const net::Tape tape = network.record(x, workspace);
  Vectors signs(1);
  for (int layer = 1; layer < depth_of(network); ++layer) {
    signs.push_back((tape.features(layer)[0] > 0).to(x.scalar_type()));
  }
  return signs;
}

/// |W_L D_{L-1} W_{L-1} ... D_1 W_1|_2 for given diagonals.
double product_norm(const net::Network& network, const Vectors& diagonals) {
  const auto& weights = network.parameters();
  const int depth = depth_of(network);
  const auto up = [&](const at::Tensor& v) {
    at::Tensor h = at::mv(weights[1], v.to(network.options()));
    for (int layer = 2; layer <= depth; ++layer) {
      h = at::mv(weights[layer], diagonals[static_cast<std::size_t>(layer) - 1] * h);
    }
    return h;
  };
  const auto down = [&](const at::Tensor& v) {
    at::Tensor u = at::mv(weights[depth].t(), v.to(network.options()));
    for (int layer = depth - 1; layer >= 1; --layer) {
      u = at::mv(weights[layer].t(), diagonals[static_cast<std::size_t>(layer)] * u);
    }
    return u;
  };
  return linalg::spectral_norm(up, down, weights[1].size(1), {.tolerance = 1e-3});
}

/// The largest |u^T P v| that alternating power iteration and re-selection of D'' finds for the
/// product P with D + D'', s nonzeros of +-3 in every D'': a lower bound on the worst norm.
double worst_norm(const net::Network& network, const Vectors& signs, std::int64_t s) {
  constexpr int kIterations = 12;
  const auto& weights = network.parameters();
  const int depth = depth_of(network);
  Vectors diagonals = signs;
  Vectors q(signs.size());  // W_l (D_{l-1} + D'') ... W_1 v
  at::Tensor v = at::empty({weights[1].size(1)}, network.options());
  base::fill_normal(v, 1, base::Stream(0, "singular pair"));
  double largest = 0;
  for (int i = 0; i < kIterations; ++i) {
    at::Tensor u = at::mv(weights[1], v / v.norm());
    for (int layer = 2; layer <= depth; ++layer) {
      const auto below = static_cast<std::size_t>(layer) - 1;
      q[below] = u;
      u = at::mv(weights[layer], diagonals[below] * u);
    }
    largest = std::max(largest, u.norm().item<double>());
    u = at::mv(weights[depth].t(), u / u.norm());
    for (int layer = depth - 1; layer >= 1; --layer) {
      const auto l = static_cast<std::size_t>(layer);
      const at::Tensor mass = u * q[l];
      u = at::mv(weights[layer].t(), diagonals[l] * u);
      if (i < 3 || s == 0) continue;  // first the singular pair of the product itself
      const auto [size, chosen] = mass.abs().topk(s);
      diagonals[l] = signs[l].clone();
      diagonals[l].index_add_(0, chosen, mass.index_select(0, chosen).sign() * 3);
    }
    v = u;
  }
  return largest;
}

/// Least s for which the worst norm reaches 20 sqrt L, by doubling and bisection, log-linear
/// between the last two.
double breaking_s(const net::Network& network, const Vectors& signs) {
  const std::int64_t m = network.parameters()[1].size(0);
  const double target = 20 * std::sqrt(static_cast<double>(depth_of(network)));
  const auto ratio = [&](std::int64_t s) { return worst_norm(network, signs, s) / target; };
  std::int64_t high = 1;
  double high_ratio = ratio(high);
  std::int64_t low = 0;
  double low_ratio = product_norm(network, signs) / target;
  while (high_ratio < 1 && high < m) {
    low = high;
    low_ratio = high_ratio;
    high = std::min(m, 2 * high);
    high_ratio = ratio(high);
  }
  while (high - low > std::max<std::int64_t>(1, high / 8)) {
    const std::int64_t middle = (low + high) / 2;
    const double middle_ratio = ratio(middle);
    (middle_ratio < 1 ? low : high) = middle;
    (middle_ratio < 1 ? low_ratio : high_ratio) = middle_ratio;
  }
  const double share = std::log(1 / low_ratio) / std::log(high_ratio / low_ratio);
  return static_cast<double>(low) + share * static_cast<double>(high - low);
}

/// The most signs that differ in a layer.
double most_flips(const Vectors& before, const Vectors& after) {
  double most = 0;
  for (std::size_t layer = 1; layer < before.size(); ++layer) {
    most = std::max(most, (before[layer] != after[layer]).sum().item<double>());
  }
  return most;
}

/// Real flips: W' of radius 0.1 L^-1.5 in three families.
std::vector<Row> measure_flips(const Point& point,
                               const net::Network& network,
                               const train::Problem& problem,
                               net::Workspace& workspace) {
  const double omega = 0.1 * std::pow(point.at("L"), -1.5);
  const Vectors signs = signs_of(network, problem.inputs, workspace);
  const double start = product_norm(network, signs);
  std::vector<Row> rows;
  const auto add_row = [&](const char* family, const net::Network& moved) {
    const Vectors changed = signs_of(moved, problem.inputs, workspace);
    Row row = row_of(point, family);
    row.values["omega"] = omega;
    row.values["s"] = most_flips(signs, changed);
    row.values["norm"] = product_norm(moved, changed);
    row.values["norm_ratio"] = row.at("norm") / start;
    row.values["norm_constant"] = row.at("norm") / std::sqrt(point.at("L"));
    rows.push_back(std::move(row));
  };
  const net::Tape tape = network.record(problem.inputs, workspace);
  const at::Tensor residual = tape.outputs() - problem.targets;
  add_row("random", perturbed(network, random_direction(network, point.seed()), omega));
  add_row("gradient",
          perturbed(network, gradient_direction(network, tape, residual, workspace), omega));
  add_row("adversarial", flip_adversary(network, problem.inputs, omega, point.at("L"), workspace));
  return rows;
}

std::vector<Row> measure(const Point& original) {
  Point point = original;
  point.settings["n"] = 1;
  point.settings["dx"] = 20;
  const train::Problem problem = sphere_problem(point, at::kFloat);
  const net::Network network = fc_network(point, problem);
  net::Workspace workspace(network.options());
  if (point.design == "flips") return measure_flips(point, network, problem, workspace);
  Row row = row_of(point, "adversarial");
  const Vectors signs = signs_of(network, problem.inputs, workspace);
  row.values["s"] = breaking_s(network, signs);
  row.values["s_log_m"] = row.at("s") * std::log(point.at("m"));
  row.values["s_constant"] =
      row.at("s") * std::pow(point.at("L"), 3) * std::log(point.at("m")) / point.at("m");
  return {row};
}

Law norm_law(const char* family) {
  return {.name = std::string("|(W + W') (D + D'') ... (W + W')|_2 in L, ") + family,
          .design = "flips",
          .family = family,
          .x = "L",
          .y = "norm",
          .predicted = 0.5};
}

/// s <= m / (L^3 log m); |W'|_2 is below L^-1.5 in every design.
bool few_enough_changes(const Row& row) {
  return row.at("s") <= row.at("m") / (std::pow(row.at("L"), 3) * std::log(row.at("m")));
}

/// Below one nonzero s* is an extrapolation.
bool at_least_one(const Row& row) { return row.at("s") >= 1; }

std::vector<Design> designs(Scale scale) {
  const int seeds = pick(scale, 2, 4, 16);
  return {
      {.name = "flips",
       .fixed = {{"m", pick(scale, 256.0, 512.0, 2048.0)}},
       .axes = {{"L",
                 pick<std::vector<double>>(scale, {2, 4, 8}, {2, 4, 8, 16}, {2, 4, 8, 16, 32})}},
       .seeds = seeds},
      {.name = "m",
       .fixed = {{"L", 3}},
       .axes = {{"m",
                 pick<std::vector<double>>(scale,
                                           {64, 128, 256, 512},
                                           {64, 128, 256, 512, 1024},
                                           {128, 256, 512, 1024, 2048, 4096})}},
       .seeds = seeds},
      {.name = "L",
       .fixed = {{"m", pick(scale, 512.0, 512.0, 2048.0)}},
       .axes = {{"L", {3, 4, 5, 6, 8}}},
       .seeds = seeds},
  };
}

}  // namespace

Claim lemB_inter() {
  return {
      .id = "lemB-inter",
      .group = Group::stability,
      .statement =
          "|(W_b + W'_b) (D_{b-1} + D'') ... (W_a + W'_a)|_2 <= O(sqrt L) for every |W'|_2 <= "
          "O(L^-1.5) and D'' in [-3, 3] with s <= O(m / (L^3 log m)) nonzeros",
      .source = "Lemma B.6 (8.6)",
      .quantity =
          "the norm under real flips; s*, the nonzeros of +-3 in each D'' that raise it to 20 sqrt "
          "L",
      .window =
          "s <= c m / (L^3 log m), c open: with c = 1 the real flips of two layers lie inside, and "
          "every s* outside, as it must if the lemma holds; |W'|_2 = 0.1 L^-1.5",
      .inside_window = few_enough_changes,
      .expected = {VerdictKind::tight},
      .designs = designs,
      .measure = measure,
      .memory = measurement_memory,
      .laws = {norm_law("adversarial"),
               norm_law("gradient"),
               norm_law("random"),
               {.name = "s* log m in m, D'' = +-3 adversary",
                .design = "m",
                .x = "m",
                .y = "s_log_m",
                .predicted = 1,
                .bound = Bound::lower,
                .keep = at_least_one},
               {.name = "s* in L, D'' = +-3 adversary",
                .design = "L",
                .x = "L",
                .y = "s",
                .predicted = -3,
                .bound = Bound::lower,
                .keep = at_least_one}},
      .checks = {{.name = "largest norm / sqrt L under real flips",
                  .meaning = "the constant of the bound, 2.33 for long products without flips",
                  .value = most("flips", "norm_constant"),
                  .low = 1,
                  .high = 4},
                 {.name = "least s* L^3 log m / m",
                  .meaning = "the constant of the bound on s",
                  .value = least("L", "s_constant"),
                  .low = 0.1,
                  .high = 1e4}},
      .positive_control = {.description = "m up to 512, L up to 8",
                           .designs = {{.name = "flips",
                                        .fixed = {{"m", 256}},
                                        .axes = {{"L", {2, 4, 8}}},
                                        .seeds = 2},
                                       {.name = "m",
                                        .fixed = {{"L", 3}},
                                        .axes = {{"m", {64, 128, 256, 512}}},
                                        .seeds = 2},
                                       {.name = "L",
                                        .fixed = {{"m", 512}},
                                        .axes = {{"L", {3, 4, 5, 6, 8}}},
                                        .seeds = 1}}},
      .negative_control = {.description =
                               "Definition 2.3 broken: variance 4/m, products grow as sqrt(2)^L",
                           .designs = {{.name = "flips",
                                        .fixed = {{"m", 128}, {"gain", 2}},
                                        .axes = {{"L", {2, 4, 8}}},
                                        .seeds = 4}}},
      .revision = 2,
  };
}

}  // namespace overparam::claims
