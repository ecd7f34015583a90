// SPDX-License-Identifier: Apache-2.0
// How wide a network must be for its tangent kernel to describe its training, against its depth. A
// drift of the gradients bounded by m^(-1/6) L^3 asks for m ~ L^18 at a fixed tolerance, a
// polynomial where earlier equivalences asked for e^Omega(L) or m = infinity. What is needed is
// read off power laws in m, one for each depth, fitted to trainings on both sides of the tolerance:
// interpolated for most depths, and extrapolated by a factor of three or so for the deepest.
#include <cmath>
#include <limits>
#include <string>

#include "support/experiment.hpp"
#include "support/growth.hpp"
#include "support/tangent.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

/// |grad y(W) - grad y(W^(0))| / |grad y(W^(0))| that is allowed.
constexpr double kTolerance = 0.5;

/// The needed width of each depth and seed: all seeds of a depth share their exponent in m, each
/// has its own constant.
std::vector<Row> needed_widths(const std::vector<Row>& rows) {
  std::vector<Row> result;
  for (const auto& depth : group_by(rows_of(rows, "drift"), {"L"})) {
    const double exponent =
        linalg::fit_power_law(column(depth, "m"), column(depth, "gradient_change")).exponent;
    for (const auto& run : group_by(depth, {"seed"})) {
      double log_excess = 0;  // of the drift over the tolerance, at width 1
      for (const auto& row : run) {
        log_excess +=
            (std::log(row.at("gradient_change") / kTolerance) - exponent * std::log(row.at("m"))) /
            static_cast<double>(run.size());
      }
      Row needed{.design = "drift", .values = {{"L", run.front().at("L")}}};
      needed.values["seed"] = run.front().at("seed");
      needed.values["needed_m"] =
          exponent < 0 ? std::exp(-log_excess / exponent) : std::numeric_limits<double>::infinity();
      result.push_back(std::move(needed));
    }
  }
  return result;
}

/// Which depths' drift falls with the width, over how many there are.
double share_that_falls(const std::vector<Row>& rows) {
  const auto needed = column(rows, "needed_m");
  double falls = 0;
  for (const double m : needed) falls += std::isfinite(m) ? 1 : 0;
  return falls / static_cast<double>(needed.size());
}

Design drift(const std::vector<double>& depths,
             const std::vector<double>& widths,
             int seeds,
             double gain = 1) {
  return {.name = "drift",
          .fixed = {{"gain", gain}},
          .axes = {{"L", depths}, {"m", widths}},
          .seeds = seeds};
}

}  // namespace

Claim poly_width() {
  return {
      .id = "poly-width",
      .group = Group::tangent_kernel,
      .statement =
          "gradients drift by at most a given share of themselves from a width poly(L) on, m ~ "
          "L^18 "
          "by the bound m^(-1/6) L^3, and not e^Omega(L)",
      .source = "abstract of arXiv v5, by Theorem 5",
      .quantity =
          "the width at which a training to F = 0.01 F_0 moves the gradients by half of themselves "
          "(a tenth would need m ~ 1e5), from power laws fitted in m",
      .window = "as for thm1 in m, which no machine holds",
      .inside_window = wide_enough_to_train,
      .expected = {VerdictKind::loose},
      .designs = [](Scale scale) -> std::vector<Design> {
        switch (scale) {
          case Scale::quick:
            return {drift({1, 2, 3, 4, 6, 8}, {32, 64, 128, 256}, 4)};
          case Scale::standard:
            return {drift({1, 2, 3, 4, 6, 8, 12}, {64, 128, 256, 512}, 5)};
          default:
            return {drift({1, 2, 3, 4, 6, 8, 12, 16, 24, 32}, {64, 128, 256, 512, 1024, 2048}, 10)};
        }
      },
      .measure = measure_tangent_training,
      .memory = tangent_memory,
      .summarise = needed_widths,
      .laws = {{.name = "needed width in L",
                .design = "drift",
                .x = "L",
                .y = "needed_m",
                .predicted = 18}},
      .checks = {{.name = "share of trainings whose depth has a needed width",
                  .meaning = "the drift falls with the width at every depth",
                  .value = share_that_falls,
                  .low = 1,
                  .high = 1},
                 {.name = "evidence for an exponential, needed width",
                  .meaning =
                      "AIC of the power law minus that of the exponential; above 2 it would win, 0 "
                      "where depth costs nothing",
                  .value = exponential_evidence("drift", "L", "needed_m", Trend::grows),
                  .low = -1e6,
                  .high = 2}},
      .positive_control = {.description = "L up to 6, m up to 128",
                           .designs = {drift({1, 2, 3, 4, 6}, {32, 64, 128}, 3)}},
      .negative_control =
          {.description =
               "Definition 2.3 broken: variance 1/m, features and gradients shrink by sqrt 2 a "
               "layer, and weights must move exponentially farther",
           .designs = {drift({1, 2, 4, 6}, {32, 64, 128}, 2, 0.5)}},
  };
}

}  // namespace overparam::claims
