// SPDX-License-Identifier: Apache-2.0
// Lemma A.4: a cotangent of the outputs neither explodes nor vanishes on its way down.
#include <ATen/ATen.h>

#include <cmath>

#include "overparam/linalg/lanczos.hpp"
#include "support/experiment.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

/// |B D_L W_L ... D_a W_a|_2 / sqrt(m/d) for k = L - a + 1 = 1, 2, 4, ..., along one random input.
std::vector<Row> measure(const Point& point) {
  Point shape = point;
  shape.settings["dx"] = 10;
  shape.settings["n"] = 1;
  const train::Problem problem = sphere_problem(shape, at::kDouble);
  const net::Network network = fc_network(shape, problem);
  net::Workspace workspace(network.options());
  const net::Tape tape = network.record(problem.inputs, workspace);
  const std::int64_t d = tape.outputs().size(1);
  const double scale = std::sqrt(point.at("m") / static_cast<double>(d));

  std::vector<Row> rows;
  int k = 0;
  network.backward(tape,
                   net::unit_cotangents(tape),
                   workspace,
                   [&](const net::Use& use, const at::Tensor& delta, const auto&) {
                     ++k;  // the uses come from W_L down to W_1
                     if ((k & (k - 1)) != 0) return;
                     const at::Tensor back =
                         at::matmul(delta.select(1, 0), network.parameters()[use.block]);  // (d, m)
                     const at::Tensor gram = at::matmul(back, back.t());
                     const double norm =
                         std::sqrt(linalg::symmetric_eigenvalues(gram)[-1].item<double>());
                     Row row = row_of(point);
                     row.values["k"] = k;
                     row.values["ratio"] = norm / scale;
                     row.values["norm"] = norm;
                     rows.push_back(std::move(row));
                   });
  return rows;
}

std::vector<Design> designs(Scale scale) {
  const int seeds = pick(scale, 4, 8, 20);
  return {
      {.name = "k",
       .fixed = {{"m", 1024}, {"L", pick(scale, 8.0, 32.0, 32.0)}, {"d", 1}},
       .seeds = pick(scale, 3, 5, 20)},
      {.name = "m",
       .fixed = {{"L", 4}, {"d", 2}},
       .axes = {{"m",
                 pick<std::vector<double>>(scale,
                                           {64, 128, 256, 512},
                                           {128, 256, 512, 1024},
                                           {128, 256, 512, 1024, 2048, 4096})}},
       .seeds = seeds},
      {.name = "d",
       .fixed = {{"L", 1}, {"m", 2048}},
       .axes = {{"d", {1, 2, 3, 4}}},
       .seeds = seeds},
  };
}

bool at_four_layers(const Row& row) { return row.at("k") == 4; }

}  // namespace

Claim lemA_back() {
  return {
      .id = "lemA-back",
      .group = Group::initialisation,
      .statement =
          "|v^T B D_L W_L ... D_a W_a| <= O(sqrt(m/d)) |v| for all v, samples and layers a",
      .source = "Lemma A.4 (7.4b)",
      .quantity = "|B D_L W_L ... D_a W_a|_2",
      .window = "d <= O(m / (L log m)): met in every design, for one sample each",
      .inside_window = everywhere,
      .expected = {VerdictKind::tight, VerdictKind::consistent},
      .designs = designs,
      .measure = measure,
      .memory = measurement_memory,
      .laws = {{.name = "|Back|_2 / sqrt(m/d) in k, d = 1",
                .design = "k",
                .x = "k",
                .y = "ratio",
                .predicted = 0},
               {.name = "|Back|_2 in m, d = 2, k = 4",
                .design = "m",
                .x = "m",
                .y = "norm",
                .predicted = 0.5,
                .keep = at_four_layers},
               {.name = "|Back|_2 in d, k = 1",
                .design = "d",
                .x = "d",
                .y = "norm",
                .predicted = -0.5}},
      .checks = {{.name = "mean of |Back|_2 / sqrt(m/d), d = 1",
                  .meaning = "the limit is 1; one network's fluctuates by sqrt(5 k / (4 m))",
                  .value = mean_where("k", "ratio", {}),
                  .low = 0.8,
                  .high = 1.25}},
      .positive_control =
          {.description = "m up to 512",
           .designs = {{.name = "k", .fixed = {{"m", 256}, {"L", 16}, {"d", 1}}, .seeds = 8},
                       {.name = "m",
                        .fixed = {{"L", 4}, {"d", 1}},
                        .axes = {{"m", {64, 128, 256, 512}}},
                        .seeds = 12},
                       {.name = "d",
                        .fixed = {{"L", 1}, {"m", 512}},
                        .axes = {{"d", {1, 2, 3, 4}}},
                        .seeds = 12}}},
      .negative_control =
          {.description = "d <= O(m / (L log m)) broken: d = m",
           .designs = {{.name = "k", .fixed = {{"m", 128}, {"L", 16}, {"d", 128}}, .seeds = 3}}},
      .certify = [](const RunFacts& facts) -> std::vector<CertificateLine> {
        const auto& norms = facts.initial.largest_backward;
        if (norms.empty()) return {};
        return {{.quantity = "max over samples and layers of |Back|_2 against sqrt(m/d)",
                 .measured = *std::ranges::max_element(norms),
                 .bound = std::sqrt(static_cast<double>(facts.m) / static_cast<double>(facts.d))}};
      },
  };
}

}  // namespace overparam::claims
