// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "net/architectures.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/net/network.hpp"
#include "overparam/net/sign_pattern.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::net {
namespace {

using tests::expect_error;

Architecture fc_of(std::int64_t input,
                   std::int64_t width,
                   std::int64_t depth,
                   std::int64_t outputs) {
  return make_architecture(
      "fc", {.input_size = input, .num_outputs = outputs, .width = width, .depth = depth});
}

TEST(Initialisation, HasTheVariancesOfDefinition23) {
  const Network network(fc_of(300, 500, 2, 10), 1, at::kDouble);
  const auto check = [&](const char* name, double variance) {
    const at::Tensor& block = network.parameters()[network.architecture().find_block(name)];
    const double count = static_cast<double>(block.numel());
    // A sample variance of N normals has standard error sqrt(2 / N); five of them allowed.
    EXPECT_NEAR(block.pow(2).mean().item<double>() / variance, 1, 5 * std::sqrt(2 / count)) << name;
    EXPECT_NEAR(block.mean().item<double>() / std::sqrt(variance), 0, 5 / std::sqrt(count)) << name;
  };
  check("A", 2.0 / 500);
  check("W.1", 2.0 / 500);
  check("W.2", 2.0 / 500);
  check("B", 1.0 / 10);
}

TEST(Initialisation, BlocksHaveTheShapesOfThePaper) {
  const auto shape = fc_of(7, 16, 3, 2);
  EXPECT_EQ(shape.blocks.size(), 5u);
  EXPECT_EQ(shape.num_parameters(), 16 * 7 + 3 * 16 * 16 + 2 * 16);
  EXPECT_EQ(shape.num_trained_parameters(), 3 * 16 * 16);
  EXPECT_EQ(shape.num_outputs(), 2);
  EXPECT_EQ(shape.sign_layers(), (std::vector<int>{0, 1, 2, 3}));
}

TEST(Initialisation, FeatureNormsStayNearOne) {
  // |h_l|^2 is log-normal with mean about -5(l+1)/(2m) and variance 5(l+1)/m (theory); with 64
  // samples drawn by 64 seeds the mean's standard error is an eighth of that deviation.
  constexpr double kWidth = 512;
  constexpr int kSeeds = 64;
  const auto shape = fc_of(10, 512, 4, 1);
  at::Tensor x = tests::normal({1, 10}, "x");
  x /= x.norm();
  Workspace workspace(at::kDouble);
  std::vector<double> sums(5, 0);
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Network network(shape, seed, at::kDouble);
    const Tape tape = network.record(x, workspace);
    for (int l = 0; l <= 4; ++l) {
      sums[static_cast<std::size_t>(l)] += std::log(tape.features(l).pow(2).sum().item<double>());
    }
  }
  for (int l = 0; l <= 4; ++l) {
    const double layers = l + 1;
    EXPECT_NEAR(sums[static_cast<std::size_t>(l)] / kSeeds,
                -5 * layers / (2 * kWidth),
                5 * std::sqrt(5 * layers / kWidth) / 8)
        << "layer " << l;
  }
}

TEST(Initialisation, ABlockCanBeDrawnAgain) {
  const auto shape = fc_of(7, 32, 2, 2);
  const Network network(shape, 5, at::kFloat);
  at::Tensor again = at::empty({32, 32}, at::kFloat);
  draw_initial_block(shape, 1, 5, again);
  EXPECT_TRUE(at::equal(again, network.parameters()[1]));
  draw_initial_block(shape, 2, 5, again);
  EXPECT_FALSE(at::equal(again, network.parameters()[1]));
  draw_initial_block(shape, 1, 6, again);
  EXPECT_FALSE(at::equal(again, network.parameters()[1]));
}

TEST(Initialisation, ASeedIsOneNetworkInBothNumberTypes) {
  const auto shape = fc_of(10, 64, 2, 3);
  const Network narrow(shape, 5, at::kFloat);
  const Network wide(shape, 5, at::kDouble);
  for (int block = 0; block < static_cast<int>(shape.blocks.size()); ++block) {
    EXPECT_TRUE(narrow.parameters()[block].to(at::kDouble).equal(wide.parameters()[block]))
        << block;
  }
}

TEST(Initialisation, RowsOfTheCatalogueTrainWhatTheirSourceTrains) {
  for (const auto& family : networks()) {
    const NetworkOptions options{.input_size = 6, .num_outputs = 2, .width = 8, .depth = 2};
    auto expected = family.build(options);
    EXPECT_EQ(expected.num_trained_parameters(), 0) << family.name;
    select_trained(expected, family.default_trained);
    const auto made = make_architecture(family.name, options);
    ASSERT_EQ(made.blocks.size(), expected.blocks.size()) << family.name;
    for (std::size_t i = 0; i < made.blocks.size(); ++i) {
      EXPECT_EQ(made.blocks[i].trained, expected.blocks[i].trained) << made.blocks[i].name;
    }
  }
}

TEST(Initialisation, EveryActivationKeepsTheNormOfFeatures) {
  // |h_1|^2 of two layers, whose relative deviation at m = 1024 is at most 0.18 (for the square).
  constexpr int kSeeds = 16;
  for (const auto& activation : activations()) {
    const auto shape = find_network("fc").build({.input_size = 6,
                                                 .num_outputs = 1,
                                                 .width = 1024,
                                                 .depth = 1,
                                                 .activation = activation.name});
    at::Tensor x = tests::normal({1, 6}, "x");
    x.div_(x.norm());
    double sum = 0;
    for (int seed = 0; seed < kSeeds; ++seed) {
      const Network network(shape, static_cast<std::uint64_t>(seed), at::kDouble);
      Workspace workspace(at::kDouble);
      sum += network.record(x, workspace).features(1).pow(2).sum().item<double>();
    }
    EXPECT_NEAR(sum / kSeeds, 1, 0.16) << activation.name;
  }
}

TEST(Initialisation, ConvolutionsKeepTheNormOfFeatures) {
  // |h_l|^2 = 1 at every layer, within four standard errors of the mean over seeds; shared filters
  // fluctuate as if there were only m neurons a layer.
  constexpr int kSeeds = 60;
  for (const std::string filters : {"shared", "unshared"}) {
    const auto shape = find_network("cnn").build({.input_size = 16,
                                                  .width = 32,
                                                  .depth = 3,
                                                  .input_shape = {4, 4},
                                                  .filters = filters,
                                                  .bias = "0"});
    at::Tensor x = tests::normal({1, 16}, "x");
    x.div_(x.norm());
    at::Tensor squares = at::empty({kSeeds, shape.num_layers() - 1}, at::kDouble);
    for (int seed = 0; seed < kSeeds; ++seed) {
      const Network network(shape, static_cast<std::uint64_t>(seed), at::kDouble);
      Workspace workspace(at::kDouble);
      const Tape tape = network.record(x, workspace);
      for (int layer = 0; layer + 1 < shape.num_layers(); ++layer) {
        squares[seed][layer] = tape.features(layer).pow(2).sum();
      }
    }
    const at::Tensor error = squares.std(0) / std::sqrt(kSeeds);
    EXPECT_LT(((squares.mean(0) - 1).abs() / error).max().item<double>(), 4) << filters;
    EXPECT_LT(error.max().item<double>(), 0.15) << filters;
  }
}

TEST(Initialisation, TwoLayerNetworksHaveSignsAbove) {
  const auto shape =
      make_architecture("two-layer", {.input_size = 4, .num_outputs = 2, .width = 1000});
  const Network network(shape, 3, at::kFloat);
  const at::Tensor& signs = network.parameters()[1];
  EXPECT_TRUE(signs.abs().eq(1).all().item<bool>());
  EXPECT_NEAR(signs.mean().item<double>(), 0, 5 / std::sqrt(2000.0));
  EXPECT_NEAR(network.parameters()[0].var().item<double>(), 1, 0.12);
  EXPECT_EQ(shape.layers[1].terms[0].gain, 1 / std::sqrt(1000.0));
  EXPECT_TRUE(shape.blocks[0].trained);
  EXPECT_FALSE(shape.blocks[1].trained);
}

TEST(Initialisation, TauIsReadInEveryForm) {
  const auto tau = [](const std::string& text) {
    const auto shape = find_network("resnet").build(
        {.input_size = 4, .num_outputs = 1, .width = 64, .depth = 5, .tau = text});
    EXPECT_EQ(shape.layers[5].terms.size(), 1u);  // the last layer is plain
    return shape.layers[2].terms[1].gain;
  };
  EXPECT_NEAR(tau("theory"), 1 / (5 * std::log(64)), tests::kRounding);
  EXPECT_NEAR(tau("theory:3"), 3 / (5 * std::log(64)), tests::kRounding);
  EXPECT_NEAR(tau("1/L"), 0.2, tests::kRounding);
  EXPECT_NEAR(tau("1/sqrt(L)"), 1 / std::sqrt(5), tests::kRounding);
  EXPECT_EQ(tau("0.25"), 0.25);
  for (const char* wrong : {"2/L", "-1", "theory:", "nan", ""}) {
    expect_error(ErrorKind::usage, {"tau must be", wrong}, [&] { tau(wrong); });
  }
}

TEST(Initialisation, BadShapesAreNamed) {
  expect_error(ErrorKind::usage, {"width must be at least 1", "0"}, [] { fc_of(3, 0, 1, 1); });
  expect_error(ErrorKind::usage, {"depth must be at least 0", "-1"}, [] { fc_of(3, 4, -1, 1); });
  expect_error(ErrorKind::usage, {"outputs must be at least 1"}, [] { fc_of(3, 4, 1, 0); });
  expect_error(ErrorKind::usage, {"hidden", "nothing to train"}, [] { fc_of(3, 4, 0, 1); });
  expect_error(
      ErrorKind::usage, {"no network \"fcc\"", "did you mean \"fc\""}, [] { find_network("fcc"); });
  auto shape = fc_of(3, 4, 2, 1);
  expect_error(
      ErrorKind::usage, {"no block \"W.3\"", "W.1"}, [&] { select_trained(shape, "A,W.3"); });
  shape.blocks[1].columns = 5;
  expect_error(ErrorKind::usage, {"block W.1 is (4, 5)", "expected (4, 4)"}, [&] {
    const Network network(shape, 0, at::kFloat);
  });
}

TEST(Initialisation, BadInputsAreNamed) {
  const Network network(fc_of(3, 4, 1, 1), 0, at::kFloat);
  Workspace workspace(at::kFloat);
  expect_error(ErrorKind::usage, {"inputs must be (n, 3)", "4 columns"}, [&] {
    (void)network.forward(at::zeros({2, 4}), workspace);
  });
  expect_error(ErrorKind::usage, {"same type"}, [&] {
    (void)network.forward(at::zeros({2, 3}, at::kDouble), workspace);
  });
}

TEST(SignPattern, CountsWhatChanged) {
  const auto shape = fc_of(3, 6, 1, 1);
  Network network(shape, 0, at::kDouble);
  Workspace workspace(at::kDouble);
  const at::Tensor x = tests::normal({5, 3}, "x");
  const SignPattern start(shape, network.record(x, workspace));
  EXPECT_EQ(start.changed_share(network.record(x, workspace)), (std::vector<double>{0, 0}));
  network.parameters()[1].neg_();
  const Tape tape = network.record(x, workspace);
  const at::Tensor changes = start.changes(tape);
  EXPECT_EQ(changes[0].sum().item<std::int64_t>(), 0);
  // Every neuron with a non-zero pre-activation switches.
  EXPECT_EQ(changes[1].sum().item<std::int64_t>(), 30);
}

}  // namespace
}  // namespace overparam::net
