// SPDX-License-Identifier: Apache-2.0
#include "overparam/data/prepare.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "data/small_files.hpp"
#include "overparam/data/geometry.hpp"
#include "overparam/data/sources.hpp"
#include "support/files.hpp"

namespace overparam::data {
namespace {

using tests::expect_error;

constexpr double kRadius = 1 / std::numbers::sqrt2;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

at::Tensor matrix(std::vector<double> values, std::int64_t columns) {
  return at::tensor(values, at::kDouble).view({-1, columns});
}

Dataset labelled(std::int64_t count, std::int64_t num_classes) {
  const at::Tensor index = at::arange(count, at::kLong);
  Dataset dataset{.name = "made", .shape = {1}, .num_classes = num_classes};
  dataset.train.inputs = index.view({-1, 1}).to(at::kDouble);
  dataset.train.labels = index.remainder(num_classes);
  return dataset;
}

Dataset with_inputs(at::Tensor inputs) {
  Dataset dataset{.name = "made", .shape = {inputs.size(1)}};
  dataset.train.inputs = std::move(inputs);
  return dataset;
}

double worst(const at::Tensor& difference) { return difference.abs().max().item<double>(); }

/// Arrays of three inputs with these labels.
Dataset read_arrays(const std::string& labels) {
  const tests::TemporaryFolder folder;
  const auto count = std::to_string(labels.size()) + ",";
  tests::write_bytes(folder / "X.npy",
                     tests::npy("|u1", count + " 2", std::string(2 * labels.size(), '\1')));
  tests::write_bytes(folder / "y.npy", tests::npy("|u1", count, labels));
  return read_dataset(folder / "X.npy");
}

TEST(AverageDown, IsTheMeanOfEachSquare) {
  Dataset dataset{.name = "made", .shape = {2, 4, 4}};
  dataset.train.inputs = at::arange(64, at::kDouble).view({2, 32});
  dataset.test = Samples{.inputs = at::ones({1, 32}, at::kDouble)};
  average_down(dataset, 2);
  EXPECT_EQ(dataset.shape, (std::vector<std::int64_t>{2, 2, 2}));
  // The first square of the first channel holds 0, 1, 4, 5.
  EXPECT_TRUE(dataset.train.inputs[0].equal(
      at::tensor({2.5, 4.5, 10.5, 12.5, 18.5, 20.5, 26.5, 28.5}, at::kDouble)));
  EXPECT_TRUE(dataset.train.inputs[1].equal(dataset.train.inputs[0] + 32));
  EXPECT_TRUE(dataset.test->inputs.equal(at::ones({1, 8}, at::kDouble)));
  average_down(dataset, 0);
  EXPECT_EQ(dataset.shape, (std::vector<std::int64_t>{2, 2, 2}));
}

TEST(AverageDown, NamesWhatIsNoMultipleOrNoImage) {
  Dataset images{.name = "made", .shape = {4, 6}};
  images.train.inputs = at::zeros({1, 24});
  expect_error(
      ErrorKind::usage, {"made", "4 x 6", "4 x 4", "multiples"}, [&] { average_down(images, 4); });
  Dataset table{.name = "made", .shape = {24}};
  table.train.inputs = at::zeros({1, 24});
  expect_error(ErrorKind::usage, {"made", "no images"}, [&] { average_down(table, 4); });
}

TEST(AddTestPart, ArraysKeepTheClassesOfTheTrainingPart) {
  Dataset dataset = read_arrays("\3\5\7");
  add_test_part(dataset, read_arrays("\7\5"));
  EXPECT_TRUE(at::equal(dataset.test->labels, at::tensor({2, 1}, at::kLong)));
  expect_error(ErrorKind::data, {"X.npy", "sample 1", "\"6\"", "lacks"}, [&] {
    add_test_part(dataset, read_arrays("\7\6"));
  });
}

TEST(AddTestPart, FewWholeNumbersAreTargetsWhereTheTrainingPartHasTargets) {
  Dataset prices{.name = "prices", .shape = {2}};
  prices.train.inputs = at::ones({3, 2}, at::kDouble);
  prices.train.targets = at::tensor({1.5, 2.0, 3.0}, at::kDouble).view({3, 1});
  add_test_part(prices, read_arrays("\7\5\7"));  // read as the classes 5 and 7
  ASSERT_TRUE(prices.test.has_value());
  EXPECT_FALSE(prices.test->labels.defined());
  EXPECT_TRUE(prices.test->targets.equal(at::tensor({7.0, 5.0, 7.0}, at::kDouble).view({3, 1})));

  Dataset pairs{.name = "pairs", .shape = {2}};
  pairs.train.inputs = at::ones({3, 2}, at::kDouble);
  pairs.train.targets = at::ones({3, 2}, at::kDouble);
  expect_error(ErrorKind::data, {"X.npy", "labels", "pairs", "targets"}, [&] {
    add_test_part(pairs, read_arrays("\7\5\7"));
  });
}

TEST(TakeSamples, KeepsTheFirstAndMakesATestPart) {
  Dataset dataset = labelled(10, 3);
  take_samples(dataset, 4, 3);
  EXPECT_TRUE(at::equal(dataset.train.inputs.view({-1}), at::arange(4, at::kDouble)));
  ASSERT_TRUE(dataset.test.has_value());
  EXPECT_TRUE(at::equal(dataset.test->inputs.view({-1}), at::arange(4, 7, at::kDouble)));
  EXPECT_TRUE(at::equal(dataset.test->labels, at::tensor({1, 2, 0}, at::kLong)));
  EXPECT_FALSE(dataset.test->targets.defined());
}

TEST(TakeSamples, ZeroMeansAll) {
  Dataset dataset = labelled(10, 3);
  take_samples(dataset, 0);
  EXPECT_EQ(dataset.train.size(), 10);
  EXPECT_FALSE(dataset.test.has_value());
  take_samples(dataset, 0, 4);
  EXPECT_EQ(dataset.train.size(), 6);
  EXPECT_EQ(dataset.test->inputs[0].item<double>(), 6);
  // The test part that is there stays where none is asked for.
  take_samples(dataset, 5);
  EXPECT_EQ(dataset.test->size(), 4);
}

TEST(TakeSamples, GivesBackTheMemoryOfTheRest) {
  Dataset dataset = labelled(1000, 3);
  take_samples(dataset, 10);
  EXPECT_EQ(dataset.train.inputs.storage().nbytes(), 10 * sizeof(double));
}

TEST(TakeSamples, MoreThanThereAreIsRefused) {
  for (const auto& [train, test] : {std::pair{11, 0}, {8, 3}, {0, 10}}) {
    Dataset dataset = labelled(10, 3);
    expect_error(
        ErrorKind::usage, {"made", "it has 10"}, [&] { take_samples(dataset, train, test); });
  }
  Dataset dataset = labelled(10, 3);
  expect_error(ErrorKind::usage, {"negative", "-1"}, [&] { take_samples(dataset, -1); });
}

TEST(LabelNoise, IsReadFromText) {
  EXPECT_EQ(parse_label_noise("true").probability, 0);
  EXPECT_EQ(parse_label_noise("random").probability, 1);
  EXPECT_EQ(parse_label_noise("noisy:0.25").probability, 0.25);
  EXPECT_EQ(parse_label_noise("noisy:0").probability, 0);
  for (const char* wrong :
       {"", "noisy", "noisy:", "noisy:1.5", "noisy:-0.1", "noisy:nan", "Random"}) {
    expect_error(ErrorKind::usage, {"true, random or noisy:P"}, [&] { parse_label_noise(wrong); });
  }
}

TEST(LabelNoise, RedrawsTheShareAskedFor) {
  constexpr std::int64_t kCount = 20'000;
  constexpr double kClasses = 10;
  for (const double probability : {0.2, 1.0}) {
    Dataset dataset = labelled(kCount, 10);
    const at::Tensor before = dataset.train.labels;
    apply_label_noise(dataset, {probability}, 3);
    const double changed = before.ne(dataset.train.labels).to(at::kDouble).mean().item<double>();
    // A redrawn label is the old one with probability 1/10. Five standard errors.
    const double expected = probability * (1 - 1 / kClasses);
    EXPECT_NEAR(changed, expected, 5 * std::sqrt(expected * (1 - expected) / kCount));
    const at::Tensor counts = at::bincount(dataset.train.labels, {}, 10);
    EXPECT_LT(worst(counts - kCount / 10), 5 * std::sqrt(kCount * 0.09));
  }
}

TEST(LabelNoise, MoreNoiseChangesTheSameLabelsAndOthers) {
  Dataset little = labelled(1000, 10);
  Dataset much = labelled(1000, 10);
  const at::Tensor before = little.train.labels;
  apply_label_noise(little, {0.1}, 3);
  apply_label_noise(much, {0.5}, 3);
  const at::Tensor changed = before.ne(little.train.labels);
  EXPECT_GT(changed.sum().item<int>(), 0);
  EXPECT_TRUE(at::equal(little.train.labels.masked_select(changed),
                        much.train.labels.masked_select(changed)));
}

TEST(LabelNoise, NeverTouchesTheTestPartNorTheOriginal) {
  Dataset dataset = labelled(100, 10);
  take_samples(dataset, 50, 50);
  const Dataset original = dataset;
  const at::Tensor train = dataset.train.labels.clone();
  const at::Tensor test = dataset.test->labels.clone();
  apply_label_noise(dataset, {1}, 3);
  EXPECT_FALSE(at::equal(dataset.train.labels, train));
  EXPECT_TRUE(at::equal(dataset.test->labels, test));
  EXPECT_TRUE(at::equal(original.train.labels, train));
}

TEST(LabelNoise, PermutesTargetsWhereThereAreNoLabels) {
  Dataset dataset = with_inputs(at::zeros({1000, 1}, at::kDouble));
  dataset.train.targets = at::arange(2000, at::kDouble).view({1000, 2});
  const at::Tensor before = dataset.train.targets.clone();
  apply_label_noise(dataset, {0.3}, 3);
  const at::Tensor& after = dataset.train.targets;
  const double moved = before.ne(after).any(1).to(at::kDouble).mean().item<double>();
  EXPECT_NEAR(moved, 0.3, 5 * std::sqrt(0.21 / 1000) + 0.005);
  // Whole rows change places, and none is lost.
  EXPECT_TRUE(at::equal(after.select(1, 1), after.select(1, 0) + 1));
  EXPECT_TRUE(at::equal(std::get<0>(after.select(1, 0).sort()), before.select(1, 0)));
}

TEST(LabelNoise, TooLateIsRefused) {
  Dataset dataset = labelled(10, 2);
  encode_targets(dataset, 0);
  expect_error(
      ErrorKind::usage, {"comes before targets"}, [&] { apply_label_noise(dataset, {0.5}, 1); });
  apply_label_noise(dataset, {0}, 1);
}

TEST(EncodeTargets, OneHotForTwoOutputsOrMore) {
  Dataset dataset = labelled(3, 3);
  EXPECT_EQ(encode_targets(dataset, 0), 3);
  EXPECT_TRUE(at::equal(dataset.train.targets, at::eye(3, at::kDouble)));

  Dataset wider = labelled(2, 2);
  EXPECT_EQ(encode_targets(wider, 4), 4);
  EXPECT_TRUE(at::equal(wider.train.targets, matrix({1, 0, 0, 0, 0, 1, 0, 0}, 4)));
}

TEST(EncodeTargets, MoreThanFitsIsRefusedBeforeItIsTaken) {
  Dataset dataset = labelled(3, 3);
  expect_error(ErrorKind::capacity, {"targets", "would not fit"}, [&] {
    encode_targets(dataset, 8'000'000'000'000'000);
  });
  EXPECT_FALSE(dataset.train.targets.defined());
}

TEST(EncodeTargets, EvenlySpacedForOneOutput) {
  Dataset dataset = labelled(5, 5);
  dataset.train.inputs = dataset.train.inputs.to(at::kFloat);
  EXPECT_EQ(encode_targets(dataset, 1), 1);
  EXPECT_TRUE(at::equal(dataset.train.targets, matrix({-1, -0.5, 0, 0.5, 1}, 1).to(at::kFloat)));
}

TEST(EncodeTargets, BothPartsAreEncoded) {
  Dataset dataset = labelled(6, 3);
  take_samples(dataset, 3, 3);
  encode_targets(dataset, 3);
  EXPECT_TRUE(at::equal(dataset.test->targets, at::eye(3, at::kDouble)));
}

TEST(EncodeTargets, TargetsThatAreThereStay) {
  Dataset dataset = with_inputs(at::zeros({2, 1}, at::kDouble));
  dataset.train.targets = matrix({1, 2, 3, 4}, 2);
  EXPECT_EQ(encode_targets(dataset, 0), 2);
  EXPECT_EQ(encode_targets(dataset, 2), 2);
  EXPECT_TRUE(at::equal(dataset.train.targets, matrix({1, 2, 3, 4}, 2)));
  expect_error(
      ErrorKind::usage, {"3 outputs", "2 target columns"}, [&] { encode_targets(dataset, 3); });
}

TEST(EncodeTargets, WhatCannotBeEncodedIsNamed) {
  Dataset few = labelled(5, 5);
  expect_error(ErrorKind::usage, {"3 outputs for 5 classes"}, [&] { encode_targets(few, 3); });
  expect_error(ErrorKind::usage, {"negative", "-2"}, [&] { encode_targets(few, -2); });
  Dataset broken = labelled(5, 5);
  broken.train.labels[3] = 5;
  expect_error(ErrorKind::data, {"training sample 3 has label 5", "0 to 4"}, [&] {
    encode_targets(broken, 0);
  });
  Dataset bare = with_inputs(at::zeros({2, 1}));
  expect_error(ErrorKind::data, {"neither labels nor targets"}, [&] { encode_targets(bare, 0); });
}

TEST(CheckFinite, NamesSampleAndCoordinate) {
  Dataset dataset = labelled(3000, 3);
  check_finite(dataset);
  take_samples(dataset, 2000, 1000);
  dataset.train.inputs[1500][0] = kNan;
  expect_error(ErrorKind::data, {"training sample 1500, coordinate 0", "nan"}, [&] {
    check_finite(dataset);
  });
  dataset.train.inputs[1500][0] = 0;
  encode_targets(dataset, 3);
  dataset.test->targets[7][2] = std::numeric_limits<double>::infinity();
  expect_error(ErrorKind::data, {"test sample 7, target 2", "inf"}, [&] { check_finite(dataset); });
}

TEST(Normalise, SphereScalesEachRow) {
  Dataset dataset = with_inputs(matrix({3, 4, -0.01, 0}, 2));
  normalise(dataset, Normalisation::sphere, at::kDouble);
  const at::Tensor expected = kRadius * matrix({0.6, 0.8, 1, -1, 0, 1}, 3);
  EXPECT_LT(worst(dataset.train.inputs - expected), 1e-16);
}

TEST(Normalise, UnitScalesEachRowAndAppendsNothing) {
  Dataset dataset = with_inputs(matrix({3, 4, 0, -7}, 2));
  normalise(dataset, Normalisation::unit, at::kDouble);
  EXPECT_LT(worst(dataset.train.inputs - matrix({0.6, 0.8, 0, -1}, 2)), 1e-16);
}

TEST(Normalise, Footnote3KeepsRelativeDistances) {
  // Rows of length 5 and 1: factor 1 / (5 sqrt 2), padding to 1/sqrt 2.
  Dataset dataset = with_inputs(matrix({3, 4, 1, 0, 0, 0}, 2));
  normalise(dataset, Normalisation::footnote3, at::kDouble);
  const at::Tensor expected =
      kRadius * matrix({0.6, 0.8, 0, 1, 0.2, 0, std::sqrt(1 - 0.04), 1, 0, 0, 1, 1}, 4);
  EXPECT_LT(worst(dataset.train.inputs - expected), 1e-15);
}

TEST(Normalise, Footnote3TakesOneFactorFromBothParts) {
  Dataset dataset = with_inputs(matrix({1, 0}, 2));
  dataset.test = Samples{.inputs = matrix({0, 4}, 2)};
  normalise(dataset, Normalisation::footnote3, at::kDouble);
  EXPECT_NEAR(dataset.train.inputs[0][0].item<double>(), kRadius / 4, 1e-16);
  EXPECT_NEAR(dataset.test->inputs[0][1].item<double>(), kRadius, 1e-16);
  EXPECT_EQ(dataset.test->inputs[0][2].item<double>(), 0);
}

TEST(Normalise, EveryRowHasLengthOneInBothPrecisions) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const double tolerance = dtype == at::kFloat ? 2e-7 : 1e-15;
    for (const auto rule : {Normalisation::footnote3, Normalisation::sphere, Normalisation::unit}) {
      Dataset dataset = with_inputs(at::randn({50, 7}, at::kFloat) * 1e3);
      normalise(dataset, rule, dtype);
      EXPECT_EQ(dataset.train.inputs.scalar_type(), dtype);
      const at::Tensor lengths = dataset.train.inputs.to(at::kDouble).norm(2, 1);
      EXPECT_LT(worst(lengths - 1), tolerance) << to_string(rule);
    }
  }
}

TEST(Normalise, NoneOnlyChangesTheType) {
  const at::Tensor inputs = matrix({3, 4, 0, 0}, 2);
  Dataset dataset = with_inputs(inputs);
  normalise(dataset, Normalisation::none, at::kFloat);
  EXPECT_TRUE(at::equal(dataset.train.inputs, inputs.to(at::kFloat)));
}

TEST(Normalise, EqualLengthsNeedNoPadding) {
  // Computed lengths of turned vectors differ in the last bit; a padding of its square root, 1e-8,
  // would change every small separation.
  const at::Tensor angles = at::linspace(0, 6, 100, at::kDouble);
  Dataset dataset = with_inputs(at::stack({angles.cos(), angles.sin()}, 1));
  normalise(dataset, Normalisation::footnote3, at::kDouble);
  EXPECT_EQ(worst(dataset.train.inputs.select(1, 2)), 0);
}

TEST(Normalise, ExtremeLengthsNeitherOverflowNorVanish) {
  Dataset dataset = with_inputs(matrix({3e200, 4e200, 3e-200, 4e-200}, 2));
  normalise(dataset, Normalisation::sphere, at::kDouble);
  const at::Tensor expected = kRadius * matrix({0.6, 0.8, 1, 0.6, 0.8, 1}, 3);
  EXPECT_LT(worst(dataset.train.inputs - expected), 1e-15);
}

TEST(Normalise, ZeroRowsAreNamedWhereRowsAreScaled) {
  for (const auto rule : {Normalisation::sphere, Normalisation::unit}) {
    Dataset dataset = with_inputs(matrix({1, 1, 0, 0}, 2));
    expect_error(ErrorKind::data, {"made", "training sample 1 is zero"}, [&] {
      normalise(dataset, rule, at::kDouble);
    });
  }
  Dataset tested = with_inputs(matrix({1, 1}, 2));
  tested.test = Samples{.inputs = matrix({0, 0}, 2)};
  expect_error(ErrorKind::data, {"test sample 0 is zero"}, [&] {
    normalise(tested, Normalisation::sphere, at::kDouble);
  });
  Dataset zero = with_inputs(at::zeros({2, 2}));
  expect_error(ErrorKind::data, {"all inputs are zero"}, [&] {
    normalise(zero, Normalisation::footnote3, at::kDouble);
  });
}

TEST(Normalise, PartsThatDoNotFitAreNamed) {
  Dataset dataset = with_inputs(matrix({1, 1}, 2));
  dataset.test = Samples{.inputs = matrix({1, 1, 1}, 3)};
  expect_error(ErrorKind::data, {"test inputs have 3", "training inputs 2"}, [&] {
    normalise(dataset, Normalisation::sphere, at::kDouble);
  });
  expect_error(ErrorKind::usage, {"float32 or float64"}, [&] {
    normalise(dataset, Normalisation::sphere, at::kLong);
  });
}

}  // namespace
}  // namespace overparam::data
