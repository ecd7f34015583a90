// SPDX-License-Identifier: Apache-2.0
// Means over seeds at settings where limit formulas, or an independent float32 implementation on
// data of its own, give the number. What is expected is held against the mean's own standard error
// where a formula gives it, and within a stated share where one other run does.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdio>

#include "claims/measured_rows.hpp"
#include "overparam/kernel/infinite.hpp"
#include "overparam/linalg/fit.hpp"
#include "support/experiment.hpp"
#include "support/training.hpp"

namespace overparam::claims {
namespace {

template <std::size_t Count>
using Numbers = std::vector<std::array<double, Count>>;

/// The values of `name` in those rows where `key` is `value`.
std::vector<double> values_at(const std::vector<Row>& rows,
                              const std::string& name,
                              const std::string& key,
                              double value) {
  std::vector<double> found;
  for (const auto& row : rows) {
    if (row.at(key) == value) found.push_back(row.at(name));
  }
  return found;
}

/// Prints what was seen, so that a log shows the distance to what was expected.
void expect_within(const std::string& what, double seen, double expected, double tolerance) {
  std::printf(
      "%-44s %9.4g, expected %9.4g +- %.2g\n", what.c_str(), seen, expected, expected * tolerance);
  EXPECT_NEAR(seen / expected, 1, tolerance) << what;
}

/// A mean within 3.5 of its standard errors and 4 % of the limit: a finite width's bias.
void expect_mean(const std::string& what, const std::vector<double>& seen, double limit) {
  const double error = linalg::standard_deviation(seen) / std::sqrt(seen.size());
  expect_within(what, linalg::mean(seen), limit, 0.04 + 3.5 * error / limit);
}

TEST(ReferenceNumbers, SeparationThrough48Layers) {
  const auto rows = rows_of(measure("lemA-sep", "pairs", {{"m", 1024}, {"L", 48}}, 6), "pairs");
  std::vector<Row> last;
  for (const auto& row : rows) {
    if (row.at("layer") == 48) last.push_back(row);
  }
  for (const auto& [delta, recursion] :
       Numbers<2>{{0.01, 0.95}, {0.1, 0.66}, {0.5, 0.27}, {1, 0.15}}) {
    EXPECT_NEAR(kernel::feature_distances(delta, 48)[48] / delta, recursion, 0.006) << delta;
    expect_mean(fmt::format("|h_48 - h'_48| / delta, delta = {}", delta),
                values_at(last, "kept_share", "delta", delta),
                recursion);
  }
}

TEST(ReferenceNumbers, SignChangesOfTheAdversary) {
  const auto rows = measure("lemB-signs", "omega", {{"m", 2048}, {"L", 4}}, 2);
  const auto adversary = rows_of(rows, "omega", "adversarial");
  for (const auto& [omega, flips] : Numbers<2>{{1e-3, 35}, {1e-2, 136}, {1e-1, 509}}) {
    const auto seen = values_at(adversary, "flips", "omega", omega);
    expect_within(fmt::format("flips, omega = {}", omega), linalg::mean(seen), flips, 0.1);
  }
  const auto random = values_at(rows_of(rows, "omega", "random"), "flips", "omega", 0.1);
  expect_within("flips, random direction, omega = 0.1", linalg::mean(random), 38, 0.25);
}

TEST(ReferenceNumbers, LeastEigenvalueOfTwoPoints) {
  const auto rows = measure("thm3-lower", "pairs", {{"m", 1024}, {"L", 4}, {"dx", 20}}, 6);
  for (const double delta : {0.03, 0.1, 0.3, 1.0}) {
    const double limit =
        (kernel::infinite_kernel_at(0, 4) - kernel::infinite_kernel_at(delta, 4)) / 2;
    expect_mean(fmt::format("lambda_min(K) d/m, delta = {}", delta),
                values_at(rows, "lambda_min_scaled", "delta", delta),
                limit);
  }
}

TEST(ReferenceNumbers, SpectrumOfTwentyPoints) {
  // The finite width loses more and more of the least eigenvalue as depth grows.
  for (const auto& [L, least, limit_of_largest] :
       Numbers<3>{{1, 0.096, 0.232}, {2, 0.245, 0.223}, {16, 2.85, 0.182}, {32, 4.64, 0.169}}) {
    auto rows = measure("thm3-lower", "L", {{"n", 20}, {"m", 512}, {"L", L}, {"dx", 20}}, 4);
    for (auto& row : rows) row.values["per_sample"] = row.at("lambda_max_scaled") / (20 * L);
    expect_within(fmt::format("lambda_min(K) d/m, n = 20, L = {}", L),
                  linalg::mean(column(rows, "lambda_min_scaled")),
                  least,
                  0.3);
    expect_mean(fmt::format("lambda_max(K) d/(m n L), L = {}", L),
                column(rows, "per_sample"),
                limit_of_largest);
  }
}

TEST(ReferenceNumbers, GradientDescentOnFiftySamples) {
  // Targets N(0, 1) leave n/2 outside the kernel's first direction, which goes in a step or two.
  constexpr std::array<std::size_t, 3> kSteps{20, 50, 60};
  std::array<std::vector<double>, 3> seen;
  for (const auto& point : points_of({.name = "gd",
                           .fixed = {{"n", 50}, {"m", 512}, {"L", 4}, {"d", 1}, {"dx", 20}},
                           .seeds = 3})) {
    const auto problem = sphere_problem(point, at::kFloat);
    auto network = fc_network(point, problem);
    const auto run =
        train_run(network, problem, "critical", {.stop = {.max_steps = 60}, .measure_every = 1});
    for (std::size_t k = 0; k < 3; ++k) seen[k].push_back(run.objectives.at(kSteps[k]));
  }
  expect_within("F at step 20, eta = 1/lambda_max", linalg::mean(seen[0]), 11.6, 0.3);
  expect_within("F at step 50", linalg::mean(seen[1]), 4.4, 0.3);
  expect_within("F at step 60", linalg::mean(seen[2]), 3.3, 0.3);
}

TEST(ReferenceNumbers, SgdOnFiftySamplesHasNoFloor) {
  std::vector<double> rates;
  for (const auto& point : points_of({.name = "sgd",
                           .fixed = {{"n", 50}, {"m", 256}, {"L", 3}, {"d", 1}, {"dx", 20}},
                           .seeds = 2})) {
    const auto problem = sphere_problem(point, at::kFloat);
    auto network = fc_network(point, problem);
    const auto run = train_run(network,
                               problem,
                               "critical",
                               {.method = train::Method::sgd,
                                .batch_size = 1,
                                .stop = {.max_steps = 4000},
                                .measure_every = 50,
                                .seed = point.seed()});
    rates.push_back(std::log(run.objectives.front() / run.objectives.back()) / 4000);
    EXPECT_LT(run.objectives.back(), 1e-6 * run.objectives.front());
  }
  expect_within("-log(F_T / F_0) / T, b = 1", linalg::mean(rates), 5.4e-3, 0.3);
}

TEST(ReferenceNumbers, NormChains) {
  constexpr double kChains = 20'000;
  for (const auto& [m, L, eps, exact, formula] : Numbers<5>{{64, 4, 0.5, 0.090, 0.110},
                                                            {256, 16, 0.3, 0.290, 0.298},
                                                            {1024, 64, 0.3, 0.276, 0.287},
                                                            {1024, 16, 0.3, 0.034, 0.037}}) {
    const auto rows = measure(
        "lemA-forward", "chains", {{"m", m}, {"L", L}, {"eps", eps}, {"chains", kChains}}, 1);
    const double seen = rows[0].at("probability");
    const double error = 3.5 * std::sqrt(1 / (exact * kChains));
    expect_within(fmt::format("P(||h| - 1| > {}), m = {}, L = {}", eps, m, L), seen, exact, error);
    EXPECT_NEAR(seen / rows[0].at("probability_over_formula"), formula, 0.0006);
  }
}

}  // namespace
}  // namespace overparam::claims
