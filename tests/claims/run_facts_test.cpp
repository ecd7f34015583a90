// SPDX-License-Identifier: Apache-2.0
#include "overparam/claims/run_facts.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "overparam/claims/claim.hpp"
#include "overparam/data/geometry.hpp"
#include "overparam/train/step_size.hpp"
#include "support/experiment.hpp"
#include "support/tolerance.hpp"

namespace overparam::claims {
namespace {

using tests::kRounding;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Lanczos of |D_L W_L ... D_1 W_1|_2 stops this near, from below.
constexpr double kSpectralNorm = 1e-4;

Point small_point() {
  return {.design = "test",
          .settings = {{"n", 6}, {"m", 96}, {"L", 3}, {"d", 2}, {"dx", 5}, {"seed", 3}}};
}

/// A finished run of gradient descent, as the study room describes it.
RunFacts train_small_network() {
  const Point point = small_point();
  const train::Problem problem = sphere_problem(point, at::kDouble);
  net::Network network = fc_network(point, problem);
  net::Workspace workspace(network.options());
  RunFacts facts{.n = 6,
                 .d = 2,
                 .m = 96,
                 .L = 3,
                 .input_size = problem.inputs.size(1),
                 .separation = data::separation(problem.inputs).distance,
                 .method = "gd",
                 .loss = "squared",
                 .batch_size = 6,
                 .initial = measure_initial(network, problem, workspace)};
  train::TrainOptions options{.stop = {.max_steps = 80, .target_ratio = 1e-3}};
  const auto choice =
      train::choose_step(train::parse_step_rule("critical"), network, problem, options, workspace);
  options.step_size = facts.step_size = choice.step_size;
  facts.lambda_max = choice.lambda_max;
  train::Trajectory trajectory(network, problem, options.method, point.seed(), workspace);
  train::TrainState state;
  const auto result = train::train(
      network, problem, options, state, {.on_measurement = [&](const train::Moment& moment) {
        trajectory.observe(moment);
      }});
  trajectory.finish({result.steps, 0, result.final_evaluation, network, workspace});
  facts.initial_objective = result.initial_objective;
  facts.final_objective = result.final_evaluation.objective;
  facts.steps = result.steps;
  facts.trajectory = trajectory.points();
  return facts;
}

/// The same run for every test, each with its own copy.
RunFacts real_run() {
  static const RunFacts facts = train_small_network();
  return facts;
}

/// The lines of one claim.
std::vector<CertificateLine> lines_of(const RunFacts& facts, const std::string& claim) {
  std::vector<CertificateLine> lines;
  for (const auto& line : certify(facts)) {
    if (line.claim == claim) lines.push_back(line);
  }
  return lines;
}

/// Whether all lines of a claim hold; there must be some.
bool holds(const RunFacts& facts, const std::string& claim) {
  const auto lines = lines_of(facts, claim);
  EXPECT_FALSE(lines.empty()) << claim;
  return std::ranges::all_of(lines, [](const auto& line) { return line.holds(); });
}

TEST(InitialFacts, AreThoseOfTheDenseMatrices) {
  const Point point = small_point();
  const train::Problem problem = sphere_problem(point, at::kDouble);
  const net::Network network = fc_network(point, problem);
  net::Workspace workspace(network.options());
  const auto facts = measure_initial(network, problem, workspace);
  EXPECT_EQ(facts.num_samples, 6);

  // Forward by hand, keeping h_l and D_l.
  const auto& weights = network.parameters();
  std::vector<at::Tensor> features{at::relu(at::matmul(problem.inputs, weights[0].t()))};
  for (int l = 1; l <= 3; ++l) {
    features.push_back(at::relu(at::matmul(features.back(), weights[l].t())));
  }
  ASSERT_EQ(facts.smallest_norm.size(), 4u);
  for (std::size_t l = 0; l < 4; ++l) {
    const at::Tensor norms = features[l].norm(2, 1);
    EXPECT_NEAR(facts.smallest_norm[l], norms.min().item<double>(), kRounding);
    EXPECT_NEAR(facts.largest_norm[l], norms.max().item<double>(), kRounding);
    double closest = kInfinity;
    for (std::int64_t i = 0; i < 6; ++i) {
      for (std::int64_t j = 0; j < i; ++j) {
        closest = std::min(closest, (features[l][i] - features[l][j]).norm().item<double>());
      }
    }
    EXPECT_NEAR(facts.smallest_separation[l], closest, kRounding);
  }

  // Back_{i,l} = B D_L W_L ... D_l W_l, and the product without B.
  ASSERT_EQ(facts.largest_backward.size(), 3u);
  std::vector<double> largest(3, 0);
  for (std::int64_t i = 0; i < 6; ++i) {
    at::Tensor back = weights[4];
    at::Tensor product = at::eye(96, at::kDouble);
    for (int l = 3; l >= 1; --l) {
      const at::Tensor signs =
          at::diag((features[static_cast<std::size_t>(l)][i] > 0).to(at::kDouble));
      back = at::matmul(at::matmul(back, signs), weights[l]);
      product = at::matmul(at::matmul(product, signs), weights[l]);
      auto& most = largest[static_cast<std::size_t>(l - 1)];
      most = std::max(most, at::linalg_svdvals(back)[0].item<double>());
    }
    if (i == 0) {
      const double exact = at::linalg_svdvals(product)[0].item<double>();
      EXPECT_NEAR(facts.largest_product / exact, 1, kSpectralNorm);
    }
  }
  for (std::size_t l = 0; l < 3; ++l) {
    EXPECT_NEAR(facts.largest_backward[l] / largest[l], 1, 1e-10);
  }
  EXPECT_NEAR(facts.lambda_min / kernel_ends(network, problem.inputs).smallest, 1, 1e-9);
}

TEST(InitialFacts, ALargeKernelIsLeftOut) {
  const train::Problem problem = sphere_problem(small_point(), at::kDouble);
  const net::Network network = fc_network(small_point(), problem);
  net::Workspace workspace(network.options());
  EXPECT_TRUE(
      std::isnan(measure_initial(network, problem, workspace, {.largest_kernel = 11}).lambda_min));
  EXPECT_GT(measure_initial(network, problem, workspace, {.largest_kernel = 12}).lambda_min, 0);
  EXPECT_TRUE(
      std::isnan(measure_initial(network, problem, workspace, {.memory_limit = 1000}).lambda_min));
}

TEST(InitialFacts, LookAtTheFirstSamplesOnly) {
  train::Problem problem = sphere_problem(small_point(), at::kDouble);
  const net::Network network = fc_network(small_point(), problem);
  net::Workspace workspace(network.options());
  const auto few = measure_initial(network, problem, workspace, {.most_samples = 2});
  EXPECT_EQ(few.num_samples, 2);
  problem.inputs = problem.inputs.narrow(0, 0, 2);
  problem.targets = problem.targets.narrow(0, 0, 2);
  const auto alone = measure_initial(network, problem, workspace);
  EXPECT_EQ(few.largest_norm, alone.largest_norm);
  EXPECT_EQ(few.smallest_separation, alone.smallest_separation);
}

TEST(CertificateLine, ReadsConstantsOfOrderOneAsHolding) {
  const auto line = [](double constant, bool upper) {
    return CertificateLine{.measured = 2 * constant, .bound = 2, .upper = upper};
  };
  EXPECT_EQ(line(3, true).constant(), 3);
  EXPECT_TRUE(line(10, true).holds());
  EXPECT_FALSE(line(10.1, true).holds());
  EXPECT_TRUE(line(0.1, false).holds());
  EXPECT_FALSE(line(0.099, false).holds());
  EXPECT_FALSE(line(kNaN, true).holds());
  EXPECT_FALSE(line(kNaN, false).holds());
}

TEST(Certificate, ARealRunHoldsAgainstEveryTheorem) {
  const auto facts = real_run();
  std::vector<std::string> seen;
  for (const auto& line : certify(facts)) {
    EXPECT_TRUE(line.holds()) << line.claim << ", " << line.quantity << ": " << line.measured
                              << " against " << line.bound;
    EXPECT_NO_THROW(static_cast<void>(find_claim(line.claim)));
    EXPECT_FALSE(line.quantity.empty());
    if (seen.empty() || seen.back() != line.claim) seen.push_back(line.claim);
  }
  EXPECT_EQ(seen,
            (std::vector<std::string>{"thm1",
                                      "thm1-eta",
                                      "thm3-upper",
                                      "thm3-lower",
                                      "lemA-forward",
                                      "lemA-inter-a",
                                      "lemA-back",
                                      "lemA-sep",
                                      "lemB-signs"}));
}

TEST(Certificate, TheBoundsAreThoseOfTheStatements) {
  RunFacts facts = real_run();
  facts.separation = 0.5;
  // delta m / (d n^2) = 0.5 * 96 / (2 * 36), L n m / d = 3 * 6 * 96 / 2
  EXPECT_NEAR(lines_of(facts, "thm3-lower")[0].bound, 2.0 / 3, kRounding);
  EXPECT_NEAR(lines_of(facts, "thm3-lower")[0].measured, 2 * facts.initial.lambda_min, kRounding);
  EXPECT_NEAR(lines_of(facts, "thm3-upper")[0].bound, 864, kRounding);
  EXPECT_NEAR(lines_of(facts, "thm3-upper")[0].measured, 2 * facts.lambda_max, kRounding);
  EXPECT_NEAR(lines_of(facts, "thm1")[0].bound, facts.step_size * 2 / 3, kRounding);
  EXPECT_NEAR(
      lines_of(facts, "thm1")[0].measured,
      std::log(facts.initial_objective / facts.final_objective) / static_cast<double>(facts.steps),
      kRounding);
  EXPECT_NEAR(lines_of(facts, "thm1-eta")[0].constant(), 1, kRounding);
  EXPECT_NEAR(lines_of(facts, "lemA-back")[0].bound, std::sqrt(48), kRounding);
  EXPECT_NEAR(lines_of(facts, "lemA-inter-a")[0].bound, std::sqrt(3), kRounding);
  EXPECT_NEAR(lines_of(facts, "lemA-sep")[0].bound, 0.5, kRounding);
}

struct Fault {
  std::string claim;
  std::function<void(RunFacts&)> doctor;
};

class DoctoredRun : public testing::TestWithParam<Fault> {};

TEST_P(DoctoredRun, IsReportedAsOutside) {
  RunFacts facts = real_run();
  EXPECT_TRUE(holds(facts, GetParam().claim)) << "before";
  GetParam().doctor(facts);
  EXPECT_FALSE(holds(facts, GetParam().claim));
}

INSTANTIATE_TEST_SUITE_P(
    All,
    DoctoredRun,
    testing::Values(
        Fault{"thm1", [](RunFacts& facts) { facts.trajectory.back().frobenius_distance = 1e9; }},
        Fault{"thm1",
              [](RunFacts& facts) {
                facts.trajectory.back().objective = 0.9999999 * facts.initial_objective;
              }},
        Fault{"thm1-eta", [](RunFacts& facts) { facts.step_size = 11 / facts.lambda_max; }},
        Fault{"thm3-upper", [](RunFacts& facts) { facts.lambda_max = 1e6; }},
        Fault{"thm3-upper",
              [](RunFacts& facts) { facts.trajectory.front().squared_gradient = 1e9; }},
        Fault{"thm3-lower", [](RunFacts& facts) { facts.initial.lambda_min = 1e-3; }},
        Fault{"thm3-lower",
              [](RunFacts& facts) { facts.trajectory.front().squared_gradient = 1e-9; }},
        Fault{"lemA-forward", [](RunFacts& facts) { facts.initial.largest_norm.back() = 20; }},
        Fault{"lemA-inter-a", [](RunFacts& facts) { facts.initial.largest_product = 1e3; }},
        Fault{"lemA-back", [](RunFacts& facts) { facts.initial.largest_backward.front() = 1e3; }},
        Fault{"lemA-sep", [](RunFacts& facts) { facts.initial.smallest_separation.back() = 1e-6; }},
        Fault{"lemB-signs",
              [](RunFacts& facts) {
                facts.trajectory.back().sign_changes.back() = 1;
                for (auto& radius : facts.trajectory.back().spectral_distance) radius = 1e-3;
              }}),
    [](const auto& tested) {
      std::string name = tested.param.claim + "_" + std::to_string(tested.index);
      std::ranges::replace(name, '-', '_');
      return name;
    });

TEST(Certificate, SpeaksOnlyOfWhatARunSays) {
  RunFacts facts = real_run();
  facts.method = "sgd";
  EXPECT_TRUE(lines_of(facts, "thm1").empty());
  EXPECT_TRUE(lines_of(facts, "thm1-eta").empty());
  EXPECT_TRUE(holds(facts, "thm2"));
  facts.loss = "logistic";
  EXPECT_TRUE(lines_of(facts, "thm2").empty());
  EXPECT_TRUE(lines_of(facts, "thm3-lower").empty());
  EXPECT_TRUE(lines_of(facts, "neg-dup").empty());

  facts = real_run();
  facts.trajectory.clear();
  EXPECT_TRUE(lines_of(facts, "thm1").empty());
  EXPECT_TRUE(lines_of(facts, "lemB-signs").empty());
}

TEST(Certificate, AFloorIsHeldAgainstTheObjective) {
  RunFacts facts = real_run();
  EXPECT_TRUE(lines_of(facts, "neg-dup").empty());
  facts.irreducible_objective = facts.final_objective;
  EXPECT_TRUE(holds(facts, "neg-dup"));
  facts.final_objective *= 0.01;
  EXPECT_FALSE(holds(facts, "neg-dup"));
}

TEST(Certificate, WithoutASeparationItsBoundsAreVoid) {
  // Two equal inputs, or a single one: delta is 0 or infinite and promises nothing.
  RunFacts facts = real_run();
  for (const double separation : {0.0, kInfinity}) {
    facts.separation = separation;
    facts.initial.lambda_min = -1e-17;  // zero, to rounding
    for (const char* claim : {"thm1", "thm3-lower", "lemA-sep"}) {
      EXPECT_TRUE(lines_of(facts, claim).empty()) << claim << " at " << separation;
    }
    facts.method = "sgd";
    EXPECT_TRUE(lines_of(facts, "thm2").empty());
    facts.method = "gd";
  }
}

}  // namespace
}  // namespace overparam::claims
