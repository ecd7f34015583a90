// SPDX-License-Identifier: Apache-2.0
// Lemma A.5: inputs that are apart stay apart. The angle recursion theta' = theta - theta^2 / (3
// pi) keeps Omega(delta) only while delta <= 3 pi / L; beyond, the distance falls to 3 pi / L
// whatever delta was, so the hypothesis is needed.
#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "overparam/kernel/infinite.hpp"
#include "support/experiment.hpp"

namespace overparam::claims {

namespace {

/// 0, 1, 2, 4, ... and the last layer.
std::vector<std::int64_t> layers_to_look_at(std::int64_t depth) {
  std::vector<std::int64_t> layers{0};
  for (std::int64_t l = 1; l < depth; l *= 2) layers.push_back(l);
  layers.push_back(depth);
  return layers;
}

/// Distances |h_l - h'_l| of one pair for each delta, all through one network. Setting "any_delta"
/// counts every pair as one of the lemma's regime.
std::vector<Row> measure(const Point& point) {
  constexpr double kDeltas[] = {0.003, 0.01, 0.02, 0.05, 0.1, 0.5, 1};
  const std::int64_t depth = point.integer("L");
  Point pair = point;
  pair.settings["n"] = 2;
  pair.settings["dx"] = 20;
  std::vector<at::Tensor> inputs;
  for (const double delta : kDeltas) {
    pair.settings["delta"] = delta;
    inputs.push_back(sphere_problem(pair, at::kDouble).inputs);
  }
  const at::Tensor x = at::cat(inputs);  // (2 deltas, dx + 1)
  const net::Network network(fc_architecture(pair, x.size(1)), point.seed(), x.options());
  net::Workspace workspace(network.options());
  const net::Tape tape = network.record(x, workspace);

  std::vector<Row> rows;
  for (std::size_t p = 0; p < std::size(kDeltas); ++p) {
    const double delta = kDeltas[p];
    const auto limit = kernel::feature_distances(delta, depth);
    const auto first = static_cast<std::int64_t>(2 * p);
    for (const auto l : layers_to_look_at(depth)) {
      const at::Tensor& h = tape.features(static_cast<int>(l));
      Row row = row_of(point);
      row.values["delta"] = delta;
      row.values["layer"] = static_cast<double>(l);
      row.values["distance"] = (h[first] - h[first + 1]).norm().item<double>();
      row.values["kept_share"] = row.at("distance") / delta;
      row.values["over_limit"] = row.at("distance") / limit[static_cast<std::size_t>(l)];
      const bool is_close = delta * static_cast<double>(l + 1) <= 3 * std::numbers::pi;
      row.values["in_regime"] = is_close || point.get("any_delta", 0) != 0 ? 1 : 0;
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

bool at_layer_16(const Row& row) { return row.at("layer") == 16 && row.at("delta") <= 0.1; }

/// The least |h - h'| / delta where delta (l + 1) <= 3 pi.
double least_kept(const std::vector<Row>& rows) {
  double smallest = std::numeric_limits<double>::quiet_NaN();
  for (const auto& row : rows_of(rows, "pairs")) {
    if (row.at("in_regime") != 0) smallest = std::fmin(smallest, row.at("kept_share"));
  }
  return smallest;
}

/// The mean of |h - h'| over its limit at the last layer, which many layers make noisy.
double last_layer_over_limit(const std::vector<Row>& rows) {
  std::vector<double> ratios;
  for (const auto& row : rows_of(rows, "pairs")) {
    if (row.at("layer") == row.at("L")) ratios.push_back(row.at("over_limit"));
  }
  return linalg::mean(ratios);
}

}  // namespace

Claim lemA_sep() {
  return {
      .id = "lemA-sep",
      .group = Group::initialisation,
      .statement = "|h_{i,l} - h_{j,l}| >= Omega(delta) for every pair and layer",
      .source = "Lemma A.5 (7.5)",
      .quantity = "|h_l - h'_l| of a pair at distance delta",
      .window =
          "delta <= 1/(C L) and m >= Omega(L / delta^6): the regime delta (l+1) <= 3 pi is tested, "
          "the width is far below",
      .expected = {VerdictKind::tight},
      .designs = [](Scale scale) -> std::vector<Design> {
        return {{.name = "pairs",
                 .fixed = {{"m", 1024}, {"L", pick(scale, 16.0, 48.0, 48.0)}},
                 .seeds = pick(scale, 2, 6, 20)}};
      },
      .measure = measure,
      .memory = measurement_memory,
      .laws = {{.name = "|h_16 - h'_16| in delta",
                .design = "pairs",
                .x = "delta",
                .y = "distance",
                .predicted = 1,
                .bound = Bound::lower,
                .limit = Limit::small,
                .keep = at_layer_16}},
      .checks = {{.name = "least |h_l - h'_l| / delta where delta (l+1) <= 3 pi",
                  .meaning = "the recursion gives 1 / (1 + delta (l+1) / (3 pi)) >= 1/2, less the "
                             "noise of width m",
                  .value = least_kept,
                  .low = 0.33,
                  .high = 1.5},
                 {.name = "mean of |h_L - h'_L| over its limit at the last layer",
                  .meaning = "the angle recursion, within 15 %",
                  .value = last_layer_over_limit,
                  .low = 0.85,
                  .high = 1.15}},
      .positive_control =
          {.description = "small delta, sixteen layers",
           .designs = {{.name = "pairs", .fixed = {{"m", 512}, {"L", 16}}, .seeds = 3}}},
      .negative_control = {.description =
                               "delta <= 1/(C L) broken: pairs with delta up to 1 count after 48 "
                               "layers too, where nothing above 3 pi / L is left of any distance",
                           .designs = {{.name = "pairs",
                                        .fixed = {{"m", 512}, {"L", 48}, {"any_delta", 1}},
                                        .seeds = 1}}},
      .certify = [](const RunFacts& facts) -> std::vector<CertificateLine> {
        if (!facts.is_separated() || facts.initial.smallest_separation.empty()) return {};
        return {{.quantity = "min over pairs and layers of |h_i - h_j| against delta",
                 .measured = *std::ranges::min_element(facts.initial.smallest_separation),
                 .bound = facts.separation,
                 .upper = false}};
      },
  };
}

}  // namespace overparam::claims
