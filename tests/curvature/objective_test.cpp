// SPDX-License-Identifier: Apache-2.0
// One contract, kept by networks of images and by the paper's.
#include "overparam/curvature/objective.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "overparam/base/threads.hpp"
#include "overparam/curvature/hessian.hpp"
#include "overparam/curvature/network_objective.hpp"
#include "overparam/net/catalogue.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::curvature {
namespace {

using tests::normal;
using tests::relative_difference;

std::unique_ptr<Objective> vision(NormMode norms,
                                  at::ScalarType type = at::kDouble,
                                  const std::string& activation = "softplus",
                                  std::int64_t n = 10) {
  const auto architecture = net::make_vision_architecture(
      "resnet8", {.num_classes = 4, .side = 8, .width = 3, .activation = activation});
  at::Tensor statistics = net::initial_statistics(architecture, type);
  statistics.add_(normal({statistics.size(0)}, "statistics", type).abs_(), 0.3);
  return vision_objective(architecture,
                          net::initial_weights(architecture, 2, type),
                          statistics,
                          normal({n, 3 * 64}, "images", type).view({n, 3, 8, 8}),
                          at::arange(n, at::kLong).remainder(4),
                          {.norms = norms, .batch_size = 4});
}

std::unique_ptr<Objective> paper(const char* loss, std::int64_t batch_size) {
  auto shape = net::find_network("fc").build(
      {.input_size = 6, .num_outputs = 3, .width = 20, .depth = 2, .activation = "softplus"});
  net::select_trained(shape, "hidden");
  const at::Tensor labels = at::arange(11, at::kLong).remainder(3);
  return network_objective(net::Network(shape, 3, at::kDouble),
                           {.inputs = normal({11, 6}, "inputs"),
                            .targets = at::one_hot(labels, 3).to(at::kDouble),
                            .labels = labels,
                            .num_classes = 3},
                           net::find_loss(loss),
                           batch_size);
}

struct Case {
  std::string name;
  std::function<std::unique_ptr<Objective>()> make;
  bool constant_norms = true;  ///< whether the gradient is that of `value`
};

class EveryObjective : public testing::TestWithParam<Case> {};

TEST_P(EveryObjective, GradientIsThatOfDifferences) {
  const auto objective = GetParam().make();
  at::Tensor gradient = at::empty_like(objective->weights());
  const Value value = objective->gradient(objective->weights(), gradient);
  EXPECT_NEAR(value.objective, objective->value(objective->weights()).objective, 1e-12);
  EXPECT_EQ(value.accuracy, objective->value(objective->weights()).accuracy);
  if (!GetParam().constant_norms) return;
  const at::Tensor direction = normal({objective->size()}, "direction");
  constexpr double kStep = 1e-6;
  const double difference =
      (objective->value(objective->weights() + kStep * direction).objective -
       objective->value(objective->weights() - kStep * direction).objective) /
      (2 * kStep);
  EXPECT_NEAR(at::dot(gradient, direction).item<double>() / difference, 1, tests::kFirstDifference);
}

TEST_P(EveryObjective, BatchesAddUpToTheWhole) {
  const auto objective = GetParam().make();
  at::Tensor whole = at::empty_like(objective->weights());
  objective->gradient(objective->weights(), whole);
  at::Tensor sum = at::zeros_like(whole);
  at::Tensor part = at::empty_like(whole);
  std::int64_t samples = 0;
  for (std::int64_t batch = 0; batch < objective->num_batches(); ++batch) {
    objective->batch_gradient(objective->weights(), batch, part);
    sum.add_(part, static_cast<double>(objective->batch_samples(batch)));
    samples += objective->batch_samples(batch);
  }
  EXPECT_EQ(samples, objective->num_samples());
  EXPECT_LT(relative_difference(sum / static_cast<double>(samples), whole), tests::kRounding);
}

TEST_P(EveryObjective, TensorsCoverTheWeights) {
  const auto objective = GetParam().make();
  std::int64_t next = 0;
  for (const auto& tensor : objective->tensors()) {
    EXPECT_EQ(tensor.begin, next) << tensor.name;
    next += tensor.numel();
  }
  EXPECT_EQ(next, objective->size());
}

TEST_P(EveryObjective, SameThreadsGiveTheSameBits) {
  const auto objective = GetParam().make();
  at::Tensor once = at::empty_like(objective->weights());
  at::Tensor again = at::empty_like(once);
  objective->gradient(objective->weights(), once);
  objective->gradient(objective->weights(), again);
  EXPECT_TRUE(at::equal(once, again));
  const base::ThreadGuard one(1);
  objective->gradient(objective->weights(), again);
  EXPECT_LT(relative_difference(once, again), tests::kRounding);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds,
    EveryObjective,
    testing::Values(Case{"vision_running", [] { return vision(NormMode::running); }},
                    Case{"vision_batch", [] { return vision(NormMode::batch); }},
                    Case{"vision_reestimated", [] { return vision(NormMode::reestimated); }, false},
                    Case{"paper_squared", [] { return paper("squared", 4); }},
                    Case{"paper_cross_entropy", [] { return paper("cross-entropy", 100); }}),
    [](const auto& kind) { return kind.param.name; });

/// On a smooth network the difference of gradients and differentiating twice are one thing, with
/// folded normalisations and with those of the batch.
TEST(VisionObjective, SecondDerivativeIsTheDifference) {
  for (const auto mode : {NormMode::running, NormMode::batch}) {
    const auto objective = vision(mode);
    const at::Tensor v = normal({objective->size()}, "v");
    at::Tensor twice = at::empty_like(v);
    at::Tensor difference = at::empty_like(v);
    HessianProduct(*objective, objective->weights(), {.kind = ProductKind::autograd})(v, twice);
    HessianProduct(*objective, objective->weights(), {.step = 1e-5})(v, difference);
    EXPECT_LT(relative_difference(difference, twice), 1e-3) << to_string(mode);
  }
}

TEST(VisionObjective, ScaleOfNormalisedFiltersDoesNotMatterInTheBatchMode) {
  const auto objective = vision(NormMode::batch, at::kDouble, "relu");
  at::Tensor gradient = at::empty_like(objective->weights());
  objective->gradient(objective->weights(), gradient);
  const auto& filter = objective->tensors().front();
  const auto part = [&](const at::Tensor& flat) { return flat.narrow(0, filter.begin, filter.numel()); };
  const double along = at::dot(part(gradient), part(objective->weights())).item<double>();
  EXPECT_LT(std::abs(along), 1e-3 * (part(gradient).norm() * part(objective->weights()).norm()).item<double>());
}

TEST(VisionObjective, Float32IsNearFloat64) {
  const auto exact = vision(NormMode::running);
  const auto single = vision(NormMode::running, at::kFloat);
  EXPECT_NEAR(single->value(single->weights()).objective / exact->value(exact->weights()).objective,
              1,
              tests::kRoundingSingle);
}

TEST(VisionObjective, WeightsOfAnotherNetworkAreRefused) {
  const auto architecture = net::make_vision_architecture("resnet8", {.side = 8, .width = 3});
  const auto other = net::make_vision_architecture("resnet20", {.side = 8, .width = 3});
  tests::expect_error(ErrorKind::usage, {"resnet8", "one vector"}, [&] {
    vision_objective(architecture,
                     net::initial_weights(other, 1, at::kFloat),
                     net::initial_statistics(architecture, at::kFloat),
                     at::zeros({2, 3, 8, 8}),
                     at::zeros({2}, at::kLong));
  });
}

}  // namespace
}  // namespace overparam::curvature
