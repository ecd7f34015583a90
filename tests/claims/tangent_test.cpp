// SPDX-License-Identifier: Apache-2.0
// Tangent spaces and displacements, against gradients that are formed.
#include "support/tangent.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/net/catalogue.hpp"
#include "support/centre.hpp"
#include "support/displacements.hpp"
#include "support/experiment.hpp"
#include "support/files.hpp"
#include "support/perturbations.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::claims {
namespace {

using tests::kRounding;

Point point_of(Values settings) {
  settings.try_emplace("seed", 0);
  settings.try_emplace("d", 1);
  settings.try_emplace("dx", 10);
  return {.design = "test", .settings = std::move(settings)};
}

struct Setting {
  explicit Setting(const Values& settings)
      : point(point_of(settings)),
        problem(sphere_problem(point, at::kDouble)),
        network(fc_network(point, problem)),
        workspace(network.options()) {}

  /// grad y_a(x_i) as it is.
  net::Parameters gradient(const net::Network& of, std::int64_t sample, std::int64_t output) {
    const net::Tape tape = of.record(problem.inputs.narrow(0, sample, 1), workspace);
    at::Tensor cotangent = at::zeros_like(tape.outputs());
    cotangent[0][output] = 1;
    auto result = net::Parameters::trained_zeros(of.architecture(), of.options());
    of.add_gradient(tape, cotangent, 1, result, workspace);
    return result;
  }

  Point point;
  train::Problem problem;
  net::Network network;
  net::Workspace workspace;
};

TEST(TangentFeatures, AgreeWithGradientsThatAreFormed) {
  Setting setting({{"n", 4}, {"m", 24}, {"L", 3}, {"d", 2}});
  const net::Network moved = perturbed(setting.network, random_direction(setting.network, 3), 0.3);
  const TangentFeatures before(setting.network, setting.problem.inputs, setting.workspace);
  const TangentFeatures after(moved, setting.problem.inputs, setting.workspace);
  const at::Tensor norms = before.squared_norms();
  const at::Tensor changes = before.squared_changes(after);
  for (std::int64_t i = 0; i < 4; ++i) {
    double norm = 0;
    double change = 0;
    for (std::int64_t a = 0; a < 2; ++a) {
      const auto gradient = setting.gradient(setting.network, i, a);
      auto difference = setting.gradient(moved, i, a);
      difference.add(gradient, -1);
      norm += gradient.dot(gradient);
      change += difference.dot(difference);
    }
    EXPECT_NEAR(norms[i].item<double>() / norm, 1, kRounding) << i;
    EXPECT_NEAR(changes[i].item<double>() / change, 1, kRounding) << i;
  }
}

TEST(TangentFeatures, HaveTheNormsOnTheDiagonalOfTheKernel) {
  Setting setting({{"n", 5}, {"m", 32}, {"L", 2}, {"d", 3}});
  const TangentFeatures features(setting.network, setting.problem.inputs, setting.workspace);
  const at::Tensor diagonal =
      kernel::tangent_kernel(setting.network, setting.problem.inputs).diagonal().view({5, 3});
  EXPECT_LT(tests::relative_difference(features.squared_norms(), diagonal.sum(1)), kRounding);
}

TEST(TangentFeatures, RefuseBlocksOfSeveralRows) {
  const auto shape = net::make_architecture("rnn", {.input_size = 12, .width = 8, .depth = 3});
  const net::Network network(shape, 0, at::kDouble);
  net::Workspace workspace(network.options());
  const at::Tensor inputs = tests::normal({2, 12}, "inputs");
  tests::expect_error(ErrorKind::internal, {"TangentFeatures", "shared"}, [&] {
    TangentFeatures(network, inputs, workspace);
  });
}

TEST(TangentFeatures, OneLayerOfFlipsIsASumOverTheReadOut) {
  // At L = 1 the features below W_1 stay, so |grad y' - grad y|^2 / |grad y|^2 is the share of
  // sum_k b_k^2 over the neurons that flipped in what is active.
  Setting setting({{"n", 1}, {"m", 256}, {"L", 1}});
  const at::Tensor x = setting.problem.inputs;
  const net::Network moved = flip_adversary(setting.network, x, 0.05, 0.7, setting.workspace);
  const auto active = [&](const net::Network& network) {
    return network.record(x, setting.workspace).features(1)[0] > 0;
  };
  const at::Tensor on = active(setting.network);
  const at::Tensor flipped = active(moved) != on;
  ASSERT_GT(flipped.sum().item<std::int64_t>(), 10);
  const at::Tensor squares = setting.network.parameters()[2][0].pow(2);
  const double expected = ((squares * flipped).sum() / (squares * on).sum()).item<double>();
  const TangentFeatures before(setting.network, x, setting.workspace);
  const at::Tensor change = before.squared_changes({moved, x, setting.workspace});
  EXPECT_NEAR((change / before.squared_norms())[0].item<double>() / expected, 1, kRounding);
}

TEST(TangentFeatures, NeuronsTurnedOnAddToTheKernelWhatTheyChangeInTheGradient) {
  // At L = 1 the new terms of the gradient and the old ones lie in different neurons: K' - K =
  // |grad y' - grad y|^2.
  Setting setting({{"n", 1}, {"m", 256}, {"L", 1}});
  const at::Tensor x = setting.problem.inputs;
  const net::Tape tape = setting.network.record(x, setting.workspace);
  const at::Tensor g = at::mv(setting.network.parameters()[1], tape.features(0)[0]);
  const at::Tensor off = g.masked_fill(g >= 0, std::numeric_limits<double>::infinity());
  const net::Network moved =
      push_adversary(setting.network, tape, 1, flip_target(off, 0.035), 0.05);
  const TangentFeatures before(setting.network, x, setting.workspace);
  const at::Tensor change = before.squared_changes({moved, x, setting.workspace});
  ASSERT_GT(change.item<double>(), 0);
  const at::Tensor start = kernel::tangent_kernel(setting.network, x);
  const double in_kernel =
      relative_kernel_change(kernel::tangent_kernel(moved, x), start).item<double>();
  EXPECT_NEAR((change / before.squared_norms()).item<double>() / in_kernel, 1, kRounding);
}

TEST(RelativeKernelChange, IsMeasuredByTheDiagonal) {
  const at::Tensor start = at::tensor({4.0, 1.0, 1.0, 9.0}).view({2, 2});
  const at::Tensor moved = at::tensor({5.0, -2.0, 1.0, 0.0}).view({2, 2});
  const at::Tensor expected = at::tensor({0.25, 0.5, 0.0, 1.0}).view({2, 2});
  EXPECT_LT((relative_kernel_change(moved, start) - expected).abs().max().item<double>(),
            kRounding);
}

TEST(TangentTraining, IsLinearForSmallTargets) {
  // The weights move in proportion to the targets, and what the linear model misses is of second
  // order: a hundredth of the targets leaves at most a few neurons' worth of it.
  const auto relative = [](double scale) {
    const Row row =
        measure_tangent_training(point_of({{"m", 256}, {"L", 1}, {"scale", scale}})).front();
    return std::pair{row.at("outputs_apart") / scale, row.at("omega") / scale};
  };
  const auto [far, far_radius] = relative(1);
  const auto [near, near_radius] = relative(0.01);
  EXPECT_LT(near, 0.1 * far);
  EXPECT_NEAR(near_radius / far_radius, 1, 0.1);
}

TEST(TangentTraining, StopsAtTheRatioWithItsModelBeside) {
  const Row row = measure_tangent_training(point_of({{"m", 64}, {"L", 2}, {"ratio", 0.1}})).front();
  EXPECT_GT(row.at("steps"), 1);
  EXPECT_LE(row.at("objectives_apart"), row.at("sup_objectives_apart"));
  EXPECT_LE(row.at("sup_objectives_apart"), 1);
  EXPECT_GT(row.at("omega"), 0);
  EXPECT_EQ(row.family, "trajectory");
}

TEST(Centre, GapIsTheDifferenceOfObjectives) {
  Setting setting({{"n", 6}, {"m", 48}, {"L", 2}, {"d", 2}});
  const Centre centre(setting.network, setting.problem, setting.workspace);
  const auto direction = random_direction(setting.network, 2);
  const net::Network moved = perturbed(setting.network, direction, 0.2);
  auto gradient = net::Parameters::trained_zeros(moved.architecture(), moved.options());
  setting.network.add_gradient(centre.tape(), centre.residual(), 1, gradient, setting.workspace);
  const double first = 0.2 * gradient.dot(direction);
  const Centre there(moved, setting.problem, setting.workspace);
  const double gap = there.objective() - centre.objective() - first;
  EXPECT_NEAR(centre.gap(moved) / gap, 1, 1e3 * kRounding);  // the right side cancels
}

TEST(Displacements, AreAsLongAsTheyAreSaidToBe) {
  const auto length = [](const Centre&, const net::Network&, double said) { return said; };
  const Point point = point_of({{"m", 32}, {"L", 3}});
  for (const auto& row : measure_kinks(point, KinkSide::below, 0.5, length)) {
    EXPECT_EQ(row.family, "adversarial");
    EXPECT_NEAR(row.at("slope") / row.at("omega"), 0.5, kRounding);
  }
  const auto rows = measure_displacements(point, length);
  EXPECT_EQ(rows_of(rows, "", "random").size(), 5u);
  EXPECT_EQ(rows_of(rows, "", "gradient").size(), 5u);
  for (const auto& row : rows) {
    // Every layer of a random direction has the norm omega to the 1 % of its Lanczos process, and
    // of a gradient the largest has.
    const double layers = row.at("slope") / row.at("omega");
    EXPECT_LE(layers, 3 * 1.02);
    EXPECT_GE(layers, row.family == "random" ? 3 * 0.98 : 0.98);
  }
}

class KinkOnASide : public testing::TestWithParam<KinkSide> {};

TEST_P(KinkOnASide, TurnsTheStepAcrossIntoTheFirstOrder) {
  constexpr double kStep = 0.01;
  Setting setting({{"n", 1}, {"m", 512}, {"L", 2}});
  const at::Tensor v = setting.network.parameters()[3][0];
  const net::Tape tape = setting.network.record(setting.problem.inputs, setting.workspace);
  const Kink kink = kink_adversary(setting.network, tape, v, 0.05, GetParam());
  const at::Tensor displacement = kink.network.parameters()[2] - setting.network.parameters()[2];
  EXPECT_LE(displacement.norm().item<double>(), 0.05 * (1 + 1e-5));
  EXPECT_GT(displacement.norm().item<double>(), 0.04);
  const at::Tensor outputs = kink.network.forward(setting.problem.inputs, setting.workspace);
  EXPECT_LT((outputs - tape.outputs()).abs().max().item<double>(), 1e-6);

  // Neurons at +0 that go down were to lower the output and do not; at -0 that go up were not to
  // change it and do.
  const Centre centre(kink.network, setting.problem, setting.workspace);
  const double sign = GetParam() == KinkSide::above ? -1 : 1;
  const at::Tensor error = centre.linearisation_error(kink.stepped(sign * kStep));
  const double height = (kink.push * v).sum().item<double>();  // |v_S|
  const double expected = kStep * height * tape.features(1).norm().item<double>();
  EXPECT_NEAR(error.item<double>() / expected, 1, 1e-4);  // the neurons lie 1e-6 of g beside zero
}

INSTANTIATE_TEST_SUITE_P(Both,
                         KinkOnASide,
                         testing::Values(KinkSide::above, KinkSide::below),
                         [](const auto& tested) {
                           return tested.param == KinkSide::above ? "above" : "below";
                         });

TEST(Kink, ReachesAsManyNeuronsAsTheBudgetAllows) {
  // (3/(16 pi))^(1/3) m omega^(2/3) = 62 of each of eight networks: 12 % are three standard errors
  // of the mean.
  constexpr double kOmega = 0.03;
  double mean = 0;
  for (double seed = 0; seed < 8; ++seed) {
    Setting setting({{"n", 1}, {"m", 2048}, {"L", 1}, {"seed", seed}});
    const net::Tape tape = setting.network.record(setting.problem.inputs, setting.workspace);
    const at::Tensor v = setting.network.parameters()[2][0];
    mean += static_cast<double>(
                kink_adversary(setting.network, tape, v, kOmega, KinkSide::above).neurons) /
            8;
  }
  EXPECT_NEAR(mean / (2048 * std::cbrt(3 * kOmega * kOmega / (16 * std::numbers::pi))), 1, 0.12);
}

}  // namespace
}  // namespace overparam::claims
