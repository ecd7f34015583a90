// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "overparam/data/geometry.hpp"
#include "overparam/data/prepare.hpp"
#include "overparam/data/sources.hpp"
#include "support/files.hpp"

namespace overparam::data {
namespace {

using tests::expect_error;

Dataset digits(std::int64_t count, std::int64_t num_test = 0, std::int64_t num_classes = 0) {
  return find_generator("digits").generate(
      {.num_samples = count, .num_test_samples = num_test, .num_classes = num_classes, .seed = 7});
}

TEST(Digits, AreImagesOfTenBalancedClasses) {
  const Dataset dataset = digits(1000);
  EXPECT_EQ(dataset.shape, (std::vector<std::int64_t>{28, 28}));
  EXPECT_EQ(dataset.num_classes, 10);
  EXPECT_EQ(dataset.class_names[7], "7");
  EXPECT_EQ(dataset.default_normalisation, Normalisation::sphere);
  EXPECT_EQ(dataset.train.inputs.scalar_type(), at::kFloat);
  EXPECT_EQ(dataset.train.inputs.min().item<float>(), 0.0f);
  EXPECT_LE(dataset.train.inputs.max().item<float>(), 1.0f);
  EXPECT_GT(dataset.train.inputs.max().item<float>(), 0.95f);
  EXPECT_TRUE(at::equal(at::bincount(dataset.train.labels), at::full({10}, 100, at::kLong)));
  // Shuffled: the classes do not come in turn.
  EXPECT_FALSE(at::equal(dataset.train.labels, at::arange(1000, at::kLong).remainder(10)));
}

TEST(Digits, LeaveAMarginAndFillThePicture) {
  const at::Tensor images = digits(2000).train.inputs.view({-1, 28, 28});
  // Nothing touches the outermost pixels.
  EXPECT_EQ(images.narrow(1, 0, 1).max().item<float>(), 0.0f);
  EXPECT_EQ(images.narrow(1, 27, 1).max().item<float>(), 0.0f);
  EXPECT_EQ(images.narrow(2, 0, 1).max().item<float>(), 0.0f);
  EXPECT_EQ(images.narrow(2, 27, 1).max().item<float>(), 0.0f);
  // Real handwriting (MNIST) covers 13 % of the picture on average; a stroke is neither a dot nor
  // a blot.
  EXPECT_NEAR(images.mean().item<double>(), 0.13, 0.04);
  const at::Tensor ink = images.mean({1, 2});
  EXPECT_GT(ink.min().item<float>(), 0.02f);
  EXPECT_LT(ink.max().item<float>(), 0.35f);
}

TEST(Digits, AreNeverEqual) {
  Dataset dataset = digits(3000, 1000);
  const at::Tensor all = at::cat({dataset.train.inputs, dataset.test->inputs});
  EXPECT_GT(separation(all).distance, 0.1);
}

TEST(Digits, LookAlikeWithinAClassAndDifferBetweenClasses) {
  // The nearest training digit has the right class almost always, as with real handwriting
  // (MNIST: 1,000 neighbours give about 87 %). Drawn labels could not pass 15 %.
  const Dataset dataset = digits(1000, 400);
  const at::Tensor nearest = at::cdist(dataset.test->inputs, dataset.train.inputs).argmin(1);
  const at::Tensor right = dataset.train.labels.index_select(0, nearest).eq(dataset.test->labels);
  EXPECT_GT(right.to(at::kDouble).mean().item<double>(), 0.85);
  // But no two hands are the same: the spread within a class is most of that between classes.
  const at::Tensor ones =
      dataset.train.inputs.index_select(0, dataset.train.labels.eq(3).nonzero().view({-1}));
  EXPECT_GT(at::pdist(ones).mean().item<double>(), 5);
}

TEST(Digits, FewerClassesAreTheFirstOnes) {
  const Dataset dataset = digits(100, 0, 3);
  EXPECT_EQ(dataset.num_classes, 3);
  EXPECT_EQ(dataset.train.labels.max().item<int>(), 2);
  expect_error(ErrorKind::usage, {"digits", "at most 10", "11"}, [] { digits(10, 0, 11); });
}

TEST(Digits, ASampleDoesNotDependOnTheOthers) {
  // Labels are balanced over all samples, but the hand of a sample is its own.
  const Dataset few = digits(20);
  const Dataset again = digits(20, 50);
  EXPECT_TRUE(at::equal(few.train.inputs, again.train.inputs));
}

}  // namespace
}  // namespace overparam::data
