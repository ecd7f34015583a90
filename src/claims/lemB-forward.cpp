// SPDX-License-Identifier: Apache-2.0
// Lemma B.2 (8.2c): how far features and pre-activations move. To first order h'_L = sum_a (D_L W_L
// ... D_a) W'_a h_{a-1}, linear in omega. Each random W'_a adds an independent part of the same
// size, so L^(1/2); an adversary adds them along the direction that the products stretch by
// sqrt(L - a), so at most L^(3/2).
#include <cmath>
#include <limits>
#include <string>

#include "support/experiment.hpp"
#include "support/stability.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

/// Past |h'| = 0.1 the signs have changed so much that the change saturates.
bool unsaturated(const Row& row) { return row.at("change_h") <= 0.1; }

Law law_of(const char* quantity,
           const char* column,
           const char* variable,
           double predicted,
           const char* family) {
  const bool in_omega = std::string(variable) == "omega";
  return {.name = std::string(quantity) + " in " + variable + ", " + family,
          .design = variable,
          .family = family,
          .x = variable,
          .y = column,
          .predicted = predicted,
          .bound = Bound::upper,
          .limit = in_omega ? Limit::small : Limit::large,
          .keep = unsaturated};
}

std::vector<Law> laws() {
  std::vector<Law> result;
  for (const char* family : {"adversarial", "gradient", "random"}) {
    result.push_back(law_of("|h' - h|", "change_h", "omega", 1, family));
    result.push_back(law_of("|g' - g|", "change_g", "omega", 1, family));
    result.push_back(law_of("|h' - h|", "change_h", "L", 2.5, family));
    result.push_back(law_of("|g' - g|", "change_g", "L", 2.5, family));
    result.push_back(law_of("|h' - h|", "change_h", "m", 0, family));
  }
  return result;
}

/// The largest |h' - h| / (omega L^2.5) over samples and layers.
double largest_constant(const std::vector<Row>& rows) {
  double largest = std::numeric_limits<double>::quiet_NaN();
  for (const auto& row : rows) {
    largest = std::fmax(largest,
                        row.at("most_change_h") / (row.at("omega") * std::pow(row.at("L"), 2.5)));
  }
  return largest;
}

std::vector<Design> designs(Scale scale) {
  const int seeds = pick(scale, 2, 4, 10);
  return {
      {.name = "omega",
       .fixed = {{"m", pick(scale, 256.0, 512.0, 2048.0)}, {"L", pick(scale, 2.0, 4.0, 4.0)}},
       .seeds = seeds},
      {.name = "L",
       .fixed = {{"m", pick(scale, 256.0, 512.0, 1024.0)}, {"omega", 0.001}},
       .axes = {{"L",
                 pick<std::vector<double>>(
                     scale, {1, 2, 4, 8}, {1, 2, 4, 8, 16}, {1, 2, 4, 8, 16, 32})}},
       .seeds = seeds},
      {.name = "m",
       .fixed = {{"L", 2}, {"omega", 0.01}},
       .axes = {{"m",
                 pick<std::vector<double>>(scale,
                                           {64, 128, 256, 512},
                                           {64, 128, 256, 512, 1024},
                                           {256, 512, 1024, 2048, 4096})}},
       .seeds = 2 * seeds},
  };
}

}  // namespace

Claim lemB_forward() {
  return {
      .id = "lemB-forward",
      .group = Group::stability,
      .statement =
          "|h_{i,l} - h^(0)_{i,l}|, |g_{i,l} - g^(0)_{i,l}| <= O(omega L^(5/2) sqrt(log m)) for "
          "every W with |W - W^(0)|_2 <= omega",
      .source = "Lemma B.2 (8.2c)",
      .quantity =
          "|h' - h| and |g' - g| at the layer where they are largest: exponents of the mean over "
          "five samples, the constant of the largest",
      .window =
          "omega <= 1/(C L^4.5 log^3 m), below 6e-6 at L = 4, m = 1024: measured above it; log m "
          "is "
          "left out of the exponents",
      .inside_window = near_enough_for_stability,
      .expected = {VerdictKind::loose},
      .designs = designs,
      .measure = [](const Point& point) { return measure_stability(point, Adversary::stretch); },
      .memory = measurement_memory,
      .laws = laws(),
      .checks = {{.name = "largest |h' - h| / (omega L^2.5)",
                  .meaning = "the constant of the bound, reached at L = 1",
                  .value = largest_constant,
                  .low = 0.3,
                  .high = 2}},
      .positive_control =
          {.description = "m = 256, up to four layers",
           .designs = {{.name = "omega", .fixed = {{"m", 256}, {"L", 2}}, .seeds = 2},
                       {.name = "L",
                        .fixed = {{"m", 256}, {"omega", 0.001}},
                        .axes = {{"L", {1, 2, 4}}},
                        .seeds = 2},
                       {.name = "m",
                        .fixed = {{"L", 2}, {"omega", 0.01}},
                        .axes = {{"m", {64, 128, 256, 512}}},
                        .seeds = 3}}},
      .negative_control =
          {.description = "Definition 2.3 broken: variance 8/m, features double in every layer",
           .designs = {{.name = "L",
                        .fixed = {{"m", 128}, {"omega", 1e-4}, {"gain", 4}},
                        .axes = {{"L", {2, 4, 8}}},
                        .seeds = 3}}},
      .revision = 2,
  };
}

}  // namespace overparam::claims
