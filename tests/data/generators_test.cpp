// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "overparam/base/text.hpp"
#include "overparam/base/threads.hpp"
#include "overparam/data/geometry.hpp"
#include "overparam/data/prepare.hpp"
#include "overparam/data/sources.hpp"
#include "support/files.hpp"

namespace overparam::data {
namespace {

using tests::expect_error;

Dataset generate(const std::string& name, const GeneratorOptions& options) {
  return find_generator(name).generate(options);
}

void expect_same(const Samples& a, const Samples& b) {
  EXPECT_TRUE(at::equal(a.inputs, b.inputs));
  ASSERT_EQ(a.targets.defined(), b.targets.defined());
  ASSERT_EQ(a.labels.defined(), b.labels.defined());
  EXPECT_TRUE(!a.targets.defined() || at::equal(a.targets, b.targets));
  EXPECT_TRUE(!a.labels.defined() || at::equal(a.labels, b.labels));
}

class Generators : public testing::TestWithParam<Generator> {
 protected:
  Dataset generate(const GeneratorOptions& options) const { return GetParam().generate(options); }
};

TEST_P(Generators, DependOnOptionsAndSeedAlone) {
  const GeneratorOptions options{.num_samples = 40, .num_test_samples = 15, .seed = 5};
  const Dataset first = generate(options);
  const Dataset again = generate(options);
  expect_same(first.train, again.train);
  expect_same(*first.test, *again.test);
  {
    const base::ThreadGuard one(1);
    expect_same(first.train, generate(options).train);
  }
  const Dataset other = generate({.num_samples = 40, .num_test_samples = 15, .seed = 6});
  const bool same_inputs = at::equal(first.train.inputs, other.train.inputs);
  const bool same_targets = first.train.targets.defined()
                                ? at::equal(first.train.targets, other.train.targets)
                                : at::equal(first.train.labels, other.train.labels);
  EXPECT_FALSE(same_inputs && same_targets);
  EXPECT_FALSE(same_targets);
  EXPECT_FALSE(at::equal(first.test->inputs, other.test->inputs));
}

TEST_P(Generators, HaveTheShapesTheyPromise) {
  const Dataset dataset = generate({.num_samples = 33, .num_test_samples = 12, .seed = 1});
  EXPECT_EQ(dataset.name, GetParam().name);
  EXPECT_FALSE(dataset.source.empty());
  const std::int64_t size = std::accumulate(
      dataset.shape.begin(), dataset.shape.end(), std::int64_t{1}, std::multiplies<>());
  ASSERT_TRUE(dataset.test.has_value());
  for (const auto& [part, count] : {std::pair{&dataset.train, 33}, {&*dataset.test, 12}}) {
    EXPECT_EQ(part->inputs.sizes(), (std::vector<std::int64_t>{count, size}));
    EXPECT_TRUE(part->targets.defined() || part->labels.defined());
    if (part->targets.defined()) {
      EXPECT_EQ(part->targets.sizes(), (std::vector<std::int64_t>{count, 1}));
      EXPECT_EQ(part->targets.scalar_type(), part->inputs.scalar_type());
    }
    if (part->labels.defined()) {
      EXPECT_EQ(part->labels.sizes(), std::vector<std::int64_t>{count});
      EXPECT_GE(part->labels.min().item<std::int64_t>(), 0);
      EXPECT_LT(part->labels.max().item<std::int64_t>(), dataset.num_classes);
    }
  }
  EXPECT_NO_THROW(check_finite(dataset));
}

TEST_P(Generators, TestSamplesAreOtherSamples) {
  const Dataset dataset = generate({.num_samples = 60, .num_test_samples = 60, .seed = 2});
  const at::Tensor both = at::cat({dataset.train.inputs, dataset.test->inputs});
  const Samples all{.inputs = both, .targets = at::zeros({both.size(0), 1}, both.scalar_type())};
  for (const auto& group : find_duplicates(all).groups) {
    EXPECT_LT(group.members.back(), 60) << "a training sample is a test sample, too";
  }
  // And the training samples do not change when a test part is asked for.
  expect_same(dataset.train, generate({.num_samples = 60, .seed = 2}).train);
}

TEST_P(Generators, CanBeEncodedAndNormalised) {
  Dataset dataset = generate({.num_samples = 20, .num_test_samples = 5, .seed = 3});
  encode_targets(dataset, 0);
  normalise(dataset, dataset.default_normalisation, at::kDouble);
  EXPECT_LT((dataset.train.inputs.norm(2, 1) - 1).abs().max().item<double>(), 1e-15);
}

TEST_P(Generators, RefuseNumbersThatMakeNoSense) {
  const std::string& name = GetParam().name;
  expect_error(
      ErrorKind::usage, {name, "num_samples", "found 0"}, [&] { generate({.num_samples = 0}); });
  expect_error(ErrorKind::usage, {name, "num_test_samples", "found -1"}, [&] {
    generate({.num_test_samples = -1});
  });
  expect_error(
      ErrorKind::usage, {name, "dimension", "found -3"}, [&] { generate({.dimension = -3}); });
  expect_error(ErrorKind::usage, {name, "num_outputs"}, [&] { generate({.num_outputs = 0}); });
  expect_error(
      ErrorKind::usage, {name, "num_classes", "found -1"}, [&] { generate({.num_classes = -1}); });
  expect_error(
      ErrorKind::usage, {name, "separation", "found -1"}, [&] { generate({.separation = -1}); });
}

TEST_P(Generators, SayWhatTheyDo) { EXPECT_GT(GetParam().description.size(), 20u); }

INSTANTIATE_TEST_SUITE_P(Catalogue,
                         Generators,
                         testing::ValuesIn(generators()),
                         [](const auto& test) { return test.param.name; });

TEST(FindGenerator, AWrongNameIsAnsweredWithTheRightOnes) {
  expect_error(ErrorKind::usage,
               {"digits, sphere", "no generator \"digit\"", "did you mean \"digits\""},
               [] { find_generator("digit"); });
}

TEST(Generators, MoreThanFitsIsRefusedBeforeItIsTaken) {
  constexpr std::int64_t kAbsurd = 8'000'000'000'000'000;
  const auto refuse = [](const std::string& name, const GeneratorOptions& options) {
    expect_error(ErrorKind::capacity, {name, "would not fit"}, [&] { generate(name, options); });
  };
  for (const auto& generator : generators()) {
    refuse(generator.name, {.num_samples = kAbsurd});
    refuse(generator.name, {.num_test_samples = kAbsurd});
    refuse(generator.name, {.num_outputs = kAbsurd});
  }
  refuse("sphere", {.num_samples = 1'000'000'000, .dimension = kAbsurd});
  refuse("clusters", {.num_classes = kAbsurd});
}

TEST(UnheededOptions, AreRefused) {
  const auto refused = [](const char* name, const char* option, const GeneratorOptions& options) {
    expect_error(ErrorKind::usage, {name, option, "left alone"}, [&] { generate(name, options); });
  };
  refused("digits", "dimension", {.dimension = 20});
  refused("digits", "separation", {.separation = 0.1});
  refused("circle", "dimension", {.dimension = 2});
  refused("circle", "separation", {.separation = 0.1});
  refused("clusters", "separation", {.separation = 0.1});
  refused("duplicates", "separation", {.separation = 0.1});
  refused("teacher", "num_classes", {.num_classes = 2});
}

TEST(Sphere, PointsLieOnTheSphereAndPointEverywhere) {
  const Dataset dataset = generate("sphere", {.num_samples = 4000, .num_outputs = 3, .seed = 1});
  const at::Tensor& x = dataset.train.inputs;
  EXPECT_EQ(x.sizes(), (std::vector<std::int64_t>{4000, 20}));
  EXPECT_LT((x.norm(2, 1) - 1 / std::numbers::sqrt2).abs().max().item<double>(), 1e-15);
  // Each coordinate has mean 0 and variance 1/40; five standard errors over 20 coordinates.
  EXPECT_LT(x.mean(0).abs().max().item<double>(), 5 * std::sqrt(1.0 / 40 / 4000));
  EXPECT_LT((x.square().mean(0) - 1.0 / 40).abs().max().item<double>(),
            5 * std::sqrt(2.0 / 1600 / 4000));
  EXPECT_EQ(dataset.train.targets.size(1), 3);
  EXPECT_NEAR(dataset.train.targets.square().mean().item<double>(), 1, 5 * std::sqrt(2.0 / 12000));
  EXPECT_FALSE(dataset.train.labels.defined());
  EXPECT_TRUE(generate("sphere", {.num_classes = 4}).train.labels.defined());
}

class SeparatedSphere : public testing::TestWithParam<double> {};

TEST_P(SeparatedSphere, TheSeparationIsExactAfterNormalisation) {
  const double wanted = GetParam();
  for (const auto& [count, dimension] : {std::pair{2, 2}, {30, 10}, {200, 20}}) {
    for (const char* generator : {"sphere", "teacher"}) {
      if (wanted > 0.4 && count > 2 && dimension < 20) continue;
      Dataset dataset =
          generate(generator,
                   {.num_samples = count, .dimension = dimension, .separation = wanted, .seed = 4});
      const at::Tensor raw = dataset.train.inputs;
      normalise(dataset, dataset.default_normalisation, at::kDouble);
      const Separation found = separation(dataset.train.inputs);
      // Coordinates are multiples of 1e-17: no pair is closer to the wanted distance than that.
      EXPECT_NEAR(found.distance, wanted, std::max(1e-12 * wanted, 1e-16));
      EXPECT_EQ(found.first, 0);
      EXPECT_EQ(found.second, 1);
      if (count == 2) continue;
      // Only this pair is at the separation.
      const at::Tensor others = at::cat({raw.narrow(0, 0, 1), raw.narrow(0, 2, count - 2)});
      EXPECT_GT(separation(others).distance, wanted * (1 + 1e-10));
      EXPECT_GT(separation(raw.narrow(0, 1, count - 1)).distance, wanted * (1 + 1e-10));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(FromTinyToLarge,
                         SeparatedSphere,
                         testing::Values(1e-9, 1e-6, 1e-3, 0.1, 0.35, 0.5),
                         [](const auto& test) { return "Case" + std::to_string(test.index); });

TEST(Sphere, ASmallSeparationMovesOnlyThePartner) {
  const at::Tensor free = generate("sphere", {.num_samples = 50, .seed = 4}).train.inputs;
  const at::Tensor separated =
      generate("sphere", {.num_samples = 50, .separation = 0.01, .seed = 4}).train.inputs;
  const at::Tensor moved = free.ne(separated).any(1);
  EXPECT_EQ(moved.sum().item<int>(), 1);
  EXPECT_TRUE(moved[1].item<bool>());
}

TEST(Sphere, ASeparationOutOfReachIsAnsweredWithOneThatIsNot) {
  const auto reachable = [](const GeneratorOptions& options) {
    try {
      generate("sphere", options);
    } catch (const Error& error) {
      const std::string message = error.what();
      const auto end = message.find(" can be reached");
      const auto begin = message.rfind(' ', end - 1) + 1;
      return base::parse_number(message.substr(begin, end - begin));
    }
    return std::optional<double>();
  };
  GeneratorOptions options{.num_samples = 40, .dimension = 3, .separation = 0.9, .seed = 2};
  const auto reached = reachable(options);
  ASSERT_TRUE(reached.has_value());
  EXPECT_LT(*reached, 0.9);
  EXPECT_GT(*reached, 0.1);
  options.separation = *reached;
  EXPECT_NEAR(separation(generate("sphere", options).train.inputs).distance, *reached, 1e-12);

  expect_error(ErrorKind::usage, {"2 points", "do not stay 1.5 apart"}, [] {
    generate("sphere", {.num_samples = 2, .separation = 1.5});
  });
  expect_error(ErrorKind::usage, {"at least two samples"}, [] {
    generate("sphere", {.num_samples = 1, .separation = 0.5});
  });
}

TEST(Circle, ItsSeparationIsKnown) {
  for (const std::int64_t count : {2, 3, 10, 1000}) {
    const Dataset dataset = generate("circle", {.num_samples = count});
    EXPECT_NEAR(separation(dataset.train.inputs).distance,
                std::numbers::sqrt2 * std::sin(std::numbers::pi / static_cast<double>(count)),
                1e-15);
  }
}

TEST(Duplicated, ATenthConflicts) {
  const Dataset dataset = generate("duplicates", {.num_samples = 50, .num_classes = 3, .seed = 1});
  const Duplicates found = find_duplicates(dataset.train);
  EXPECT_EQ(found.groups.size(), 5u);
  EXPECT_EQ(found.num_conflicting, 10);
  EXPECT_GT(found.irreducible_squared, 0);
  // Two samples of two classes each: 5 groups of 2 ln 2.
  EXPECT_NEAR(found.irreducible_cross_entropy, 5 * 2 * std::log(2.0), 1e-13);
  // The smallest set still holds a pair.
  EXPECT_EQ(separation(generate("duplicates", {.num_samples = 2}).train.inputs).distance, 0);
  expect_error(
      ErrorKind::usage, {"at least 2"}, [] { generate("duplicates", {.num_samples = 1}); });
}

TEST(Teacher, TargetsAreAFunctionOfTheInputs) {
  const GeneratorOptions options{.num_samples = 30, .num_outputs = 2, .seed = 1};
  GeneratorOptions fewer = options;
  fewer.num_samples = 10;
  EXPECT_TRUE(at::equal(generate("teacher", fewer).train.targets,
                        generate("teacher", options).train.targets.narrow(0, 0, 10)));
  // Near inputs have near targets: a network of width 16 is a few units steep.
  GeneratorOptions close = options;
  close.separation = 1e-6;
  const at::Tensor targets = generate("teacher", close).train.targets;
  const double change = (targets[0] - targets[1]).abs().max().item<double>();
  EXPECT_GT(change, 0);
  EXPECT_LT(change, 2e-5);
}

TEST(Teacher, TargetsHaveUnitSecondMoment) {
  // Over inputs and teachers together. The moment of one teacher varies by less than 0.7.
  double sum = 0;
  constexpr int kTeachers = 200;
  for (int seed = 0; seed < kTeachers; ++seed) {
    const Dataset dataset =
        generate("teacher", {.num_samples = 50, .seed = static_cast<std::uint64_t>(seed)});
    sum += dataset.train.targets.square().mean().item<double>();
  }
  EXPECT_NEAR(sum / kTeachers, 1, 5 * std::sqrt(0.7 / kTeachers));
}

TEST(Clusters, ClassesAreFarApartAndTight) {
  const Dataset dataset = generate(
      "clusters", {.num_samples = 400, .num_test_samples = 100, .num_classes = 4, .seed = 1});
  EXPECT_EQ(dataset.shape, std::vector<std::int64_t>{1000});
  EXPECT_TRUE(at::equal(at::bincount(dataset.train.labels), at::full({4}, 100, at::kLong)));
  // Nearest neighbours in training agree with every test label: points are about sqrt 2 apart
  // within a cluster and 5 sqrt 2 between clusters.
  const at::Tensor distances = at::cdist(dataset.test->inputs, dataset.train.inputs);
  const auto [nearest, index] = distances.min(1);
  EXPECT_TRUE(at::equal(dataset.train.labels.index_select(0, index), dataset.test->labels));
  EXPECT_NEAR(nearest.mean().item<double>(), std::numbers::sqrt2, 0.2);
  EXPECT_GT(distances.max().item<double>(), 5);
}

}  // namespace
}  // namespace overparam::data
