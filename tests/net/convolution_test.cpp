// SPDX-License-Identifier: Apache-2.0
// The convolutional network against LibTorch's own convolutions.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "overparam/net/catalogue.hpp"
#include "overparam/net/network.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::net {
namespace {

using tests::expect_error;
using tests::normal;
using tests::relative_difference;

constexpr std::int64_t kChannels = 2;
constexpr std::int64_t kHeight = 5;
constexpr std::int64_t kWidth = 4;
constexpr std::int64_t kFilter = 3;
constexpr std::int64_t kFeatures = 6;
constexpr std::int64_t kSize = kChannels * kHeight * kWidth;

NetworkOptions image_options() {
  return {.input_size = kSize,
          .num_outputs = 3,
          .width = kFeatures,
          .depth = 3,
          .input_shape = {kChannels, kHeight, kWidth},
          .filter = kFilter,
          .bias = "0"};
}

/// relu(W * x) for images (n, channels, height, width), wrapping around; W (m, q c) has its columns
/// as (channel, dy, dx) for the input and (dy, dx, channel) for features.
at::Tensor convolve(const at::Tensor& images, const at::Tensor& weights, bool is_input) {
  const at::Tensor padded = at::cat({images.slice(2, -1), images, images.slice(2, 0, 1)}, 2);
  const at::Tensor wrapped = at::cat({padded.slice(3, -1), padded, padded.slice(3, 0, 1)}, 3);
  const at::Tensor filters =
      is_input
          ? weights.view({weights.size(0), images.size(1), kFilter, kFilter})
          : weights.view({weights.size(0), kFilter, kFilter, images.size(1)}).permute({0, 3, 1, 2});
  return at::relu(at::conv2d(wrapped, filters));
}

TEST(Convolution, SharedFiltersAreLibTorchsConvolution) {
  const Network network(make_architecture("cnn", image_options()), 3, at::kDouble);
  const auto& weights = network.parameters();
  const auto block = [&](const char* name) {
    return weights[network.architecture().find_block(name)];
  };
  const at::Tensor inputs = normal({7, kSize}, "images");
  at::Tensor h = convolve(inputs.view({7, kChannels, kHeight, kWidth}), block("A"), true);
  h = convolve(h, block("W.1"), false);
  h = convolve(h, block("W.2"), false);
  const at::Tensor flat = h.permute({0, 2, 3, 1}).reshape({7, -1});
  const at::Tensor outputs = at::relu(flat.matmul(block("W.3").t())).matmul(block("B").t());
  Workspace workspace(at::kDouble);
  EXPECT_LT(relative_difference(network.forward(inputs, workspace), outputs), tests::kRounding);
}

TEST(Convolution, EqualFiltersAtEveryPositionAreSharedOnes) {
  auto options = image_options();
  const Network shared(make_architecture("cnn", options), 5, at::kDouble);
  options.filters = "unshared";
  Network unshared(make_architecture("cnn", options), 5, at::kDouble);
  for (const auto& block : shared.architecture().blocks) {
    const int index = shared.architecture().find_block(block.name);
    const at::Tensor& filter = shared.parameters()[index];
    at::Tensor& copies = unshared.parameters()[index];
    copies.copy_(filter.repeat({copies.size(0) / filter.size(0), 1}));
  }
  const at::Tensor inputs = normal({4, kSize}, "images");
  Workspace workspace(at::kDouble);
  EXPECT_LT(
      relative_difference(unshared.forward(inputs, workspace), shared.forward(inputs, workspace)),
      tests::kRounding);
}

TEST(Convolution, BiasesAreScaledByTheSeparation) {
  auto options = image_options();
  options.bias = std::string("theory");
  options.separation = 0.5;
  const auto shape = make_architecture("cnn", options);
  const auto& terms = shape.layers[1].terms;
  ASSERT_EQ(terms.size(), 2u);
  EXPECT_NEAR(terms[1].gain, 0.25 / (10 * kHeight * kWidth * 3), 1e-15);
  EXPECT_FALSE(shape.blocks[static_cast<std::size_t>(terms[1].block)].trained);
  options.bias = "0";
  EXPECT_EQ(make_architecture("cnn", options).layers[1].terms.size(), 1u);
}

TEST(Convolution, NamesWhatDoesNotFit) {
  const auto refuse = [](NetworkOptions options, std::initializer_list<std::string_view> parts) {
    expect_error(ErrorKind::usage, parts, [&] { make_architecture("cnn", options); });
  };
  auto options = image_options();
  options.filter = 5;
  refuse(options, {"filter of 5", "5 x 4 positions"});
  options = image_options();
  options.depth = 0;
  refuse(options, {"cnn", "depth of at least 1"});
  options = image_options();
  options.input_size = kSize + 1;
  refuse(options, {"2 x 5 x 4 = 40", "inputs of 41", "unit"});
  options = image_options();
  options.filters = "some";
  refuse(options, {"shared or unshared", "some"});
  options = image_options();
  options.bias = "-1";
  refuse(options, {"theory or a number", "-1"});
}

TEST(Recurrent, EveryStepUsesTheSameWeights) {
  const auto shape = make_architecture(
      "rnn", {.input_size = 12, .num_outputs = 2, .width = 5, .depth = 4, .every_step = true});
  const Network network(shape, 1, at::kDouble);
  const auto& weights = network.parameters();
  const at::Tensor inputs = normal({3, 12}, "sequence");
  at::Tensor h = at::zeros({3, 5}, at::kDouble);
  std::vector<at::Tensor> outputs;
  for (int l = 0; l < 4; ++l) {
    h = at::relu(h.matmul(weights[1].t()) + inputs.narrow(1, 3 * l, 3).matmul(weights[0].t()));
    if (l > 0) outputs.push_back(h.matmul(weights[2].t()));
  }
  Workspace workspace(at::kDouble);
  EXPECT_LT(relative_difference(network.forward(inputs, workspace), at::cat(outputs, 1)),
            tests::kRounding);
  expect_error(ErrorKind::usage, {"rnn", "5 equal pieces", "12"}, [] {
    make_architecture("rnn", {.input_size = 12, .width = 5, .depth = 5});
  });
}

}  // namespace
}  // namespace overparam::net
