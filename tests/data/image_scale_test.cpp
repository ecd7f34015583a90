// SPDX-License-Identifier: Apache-2.0
// Images scaled by channel, and stored pixel by pixel.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "overparam/data/prepare.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::data {
namespace {

using tests::expect_error;

Dataset images(std::vector<std::int64_t> shape, at::Tensor inputs) {
  return {.name = "made", .shape = std::move(shape), .train = {.inputs = std::move(inputs)}};
}

TEST(ImageScale, OfCifarIsThatOfItsRecipe) {
  const auto dataset = images({3, 32, 32}, at::rand({2, 3072}));
  const auto scale = image_scale(dataset);
  EXPECT_EQ(scale.mean, (std::vector<double>{0.4914, 0.4822, 0.4465}));
  EXPECT_EQ(scale.deviation, (std::vector<double>{0.2023, 0.1994, 0.2010}));
  const at::Tensor planes = image_planes(dataset, dataset.train, scale);
  ASSERT_EQ(planes.sizes(), at::IntArrayRef({2, 3, 32, 32}));
  EXPECT_EQ(planes.scalar_type(), at::kFloat);
  EXPECT_TRUE(planes.is_contiguous(at::MemoryFormat::ChannelsLast));
  for (const auto& [channel, row, column] : {std::tuple{0, 0, 0}, {1, 3, 17}, {2, 31, 30}}) {
    const auto raw = dataset.train.inputs[1][channel * 1024 + row * 32 + column].item<double>();
    const auto index = static_cast<std::size_t>(channel);
    EXPECT_NEAR(planes[1][channel][row][column].item<double>(),
                (raw - scale.mean[index]) / scale.deviation[index],
                1e-6);
  }
  const at::Tensor black = scaled_black(scale);
  EXPECT_NEAR(black[2].item<double>(), -0.4465 / 0.2010, 1e-6);
}

TEST(ImageScale, OfBytesThatWereNotDividedIsTheirOwn) {
  const auto scale = image_scale(images({3, 32, 32}, at::rand({4, 3072}) * 255));
  EXPECT_GT(scale.mean[0], 100);
  EXPECT_NE(scale.source.find("training part"), std::string::npos);
}

TEST(ImageScale, OfOtherImagesIsTheirTrainingParts) {
  for (const auto type : {at::kFloat, at::kDouble}) {
    // More rows than are scaled at once.
    auto dataset = images({2, 4, 4}, tests::normal({1500, 32}, "images", type) * 3 + 7);
    dataset.test = Samples{.inputs = at::zeros({1, 32}, type)};
    const auto scale = image_scale(dataset);
    const at::Tensor planes = image_planes(dataset, dataset.train, scale).to(at::kDouble);
    EXPECT_LT(planes.mean(at::IntArrayRef({0, 2, 3})).abs().max().item<double>(),
              tests::kRoundingSingle);
    EXPECT_LT((planes.square().mean(at::IntArrayRef({0, 2, 3})) - 1).abs().max().item<double>(),
              tests::kRoundingSingle);
    const at::Tensor test = image_planes(dataset, *dataset.test, scale);
    EXPECT_TRUE(at::equal(test[0].select(1, 0).select(1, 0), scaled_black(scale)));
  }
}

TEST(ImageScale, OfGreyImagesHasOneChannel) {
  const auto dataset = images({5, 5}, at::rand({3, 25}));
  const at::Tensor planes = image_planes(dataset, dataset.train, image_scale(dataset));
  EXPECT_EQ(planes.sizes(), at::IntArrayRef({3, 1, 5, 5}));
  EXPECT_TRUE(planes.is_contiguous(at::MemoryFormat::ChannelsLast));
}

TEST(ImageScale, WhatIsNoSquareImageIsRefused) {
  expect_error(ErrorKind::usage, {"made", "4 x 6", "square"}, [] {
    image_scale(images({4, 6}, at::rand({2, 24})));
  });
  expect_error(ErrorKind::usage, {"made", "(24)", "(channels, side, side)"}, [] {
    image_scale(images({24}, at::rand({2, 24})));
  });
  expect_error(ErrorKind::data, {"made", "channel 1", "0.5", "every pixel"}, [] {
    const at::Tensor grey = at::rand({2, 8});
    grey.narrow(1, 4, 4).fill_(0.5);
    image_scale(images({2, 2, 2}, grey));
  });
}

}  // namespace
}  // namespace overparam::data
