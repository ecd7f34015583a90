// SPDX-License-Identifier: Apache-2.0
// SGD on images: one step by hand, what augmentation shows, and that a run can be repeated.
#include "overparam/train/vision.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <numeric>
#include <set>

#include "overparam/base/threads.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::train {
namespace {

using net::VisionArchitecture;
using tests::expect_error;
using tests::normal;
using tests::relative_difference;

constexpr std::int64_t kSide = 8;

VisionArchitecture small_resnet() {
  return net::make_vision_architecture(
      "resnet8", {.num_classes = 4, .channels = 2, .side = kSide, .width = 4});
}

VisionData small_data(std::int64_t n) {
  return {.images = normal({n, 2 * kSide * kSide}, "images", at::kFloat)
                        .view({n, 2, kSide, kSide})
                        .contiguous(at::MemoryFormat::ChannelsLast),
          .labels = at::arange(n, at::kLong).remainder(4),
          .outside = at::tensor({-7.0f, -9.0f})};
}

/// grad of the mean loss with the batch's own means and variances.
at::Tensor gradient_at(const VisionArchitecture& architecture,
                       const at::Tensor& weights,
                       const VisionData& data) {
  const at::Tensor leaf = weights.detach().clone().requires_grad_(true);
  const at::Tensor logits = net::vision_outputs(
      architecture, net::parts_of(architecture, leaf), data.images.to(weights.options()), {});
  return torch::autograd::grad({at::cross_entropy_loss(logits, data.labels)}, {leaf})[0];
}

TEST(VisionStep, IsTheFormula) {
  const auto architecture = small_resnet();
  const auto data = small_data(6);
  // All images in one batch: the order of a sum is all that a shuffle changes.
  const VisionTrainOptions options{.epochs = 3,
                                   .batch_size = 6,
                                   .step_size = 0.2,
                                   .momentum = 0.8,
                                   .weight_decay = 0.03,
                                   .schedule = {{2, 0.5}},
                                   .augment = false};
  auto state = initial_state(architecture, 1, at::kDouble);
  at::Tensor weights = state.weights.clone();
  at::Tensor velocity = at::zeros_like(weights);
  for (const double eta : {0.2, 0.2, 0.1}) {
    const at::Tensor gradient = gradient_at(architecture, weights, data);
    velocity = 0.8 * velocity + gradient + 0.03 * weights;
    weights = weights - eta * velocity;
    const auto report = train_epoch(architecture, data, options, state);
    EXPECT_EQ(report.step_size, eta);
    EXPECT_LT(relative_difference(state.velocity, velocity), tests::kAutograd);
    EXPECT_LT(relative_difference(state.weights, weights), tests::kAutograd);
    EXPECT_NEAR(report.step_linear,
                -eta * gradient.dot(velocity).item<double>(),
                tests::kAutograd * std::abs(report.step_linear));
    EXPECT_NEAR(report.step_length, eta * velocity.norm().item<double>(), tests::kAutograd);
  }
  EXPECT_EQ(state.epoch, 3);
}

TEST(VisionStep, MovesTheStatistics) {
  const auto architecture = small_resnet();
  const auto data = small_data(6);
  auto state = initial_state(architecture, 1, at::kDouble);
  const at::Tensor before = state.weights.clone();
  train_epoch(architecture, data, {.batch_size = 6, .augment = false}, state);
  const at::Tensor batch = net::estimate_statistics(
      architecture, net::parts_of(architecture, before), data.images.to(at::kDouble), 6);
  const at::Tensor expected =
      0.9 * net::initial_statistics(architecture, at::kDouble) + 0.1 * batch;
  EXPECT_LT(relative_difference(state.statistics, expected), tests::kAutograd);
}

TEST(VisionStep, ItsGapAddsUp) {
  const auto architecture = small_resnet();
  const auto data = small_data(8);
  const VisionTrainOptions options{.batch_size = 8, .augment = false};
  auto state = initial_state(architecture, 1, at::kDouble);
  const auto first = train_epoch(architecture, data, options, state);
  const auto second = train_epoch(architecture, data, options, state);
  // The second step begins where the first ended, on the same batch in another order.
  EXPECT_NEAR(first.step_objective + first.step_linear + first.step_gap,
              second.step_objective,
              tests::kAutograd);
  EXPECT_EQ(first.objective, first.step_objective);
  EXPECT_LT(first.step_linear, 0) << "the first step has no momentum but its own";
}

TEST(VisionSchedule, DropsFromItsEpochsOn) {
  const VisionTrainOptions options;
  for (const auto& [epoch, eta] :
       {std::pair{0, 0.1}, {80, 0.1}, {81, 0.01}, {121, 0.01}, {122, 0.001}}) {
    EXPECT_DOUBLE_EQ(options.step_size_of(epoch), eta) << epoch;
  }
}

/// Images of one batch in one epoch.
at::Tensor batch_of(const VisionData& data,
                    const std::vector<std::int64_t>& indices,
                    bool augment,
                    std::uint64_t seed,
                    std::int64_t epoch = 0,
                    std::int64_t batch = 0) {
  at::Tensor out = at::empty({std::ssize(indices), data.images.size(1), kSide, kSide},
                             at::kFloat,
                             at::MemoryFormat::ChannelsLast);
  augment_images(data, indices, augment, seed, epoch, batch, out);
  return out;
}

std::vector<std::int64_t> counting(std::int64_t n) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(n));
  std::iota(indices.begin(), indices.end(), std::int64_t{0});
  return indices;
}

TEST(Augmentation, WithoutItImagesAreAsTheyAre) {
  const auto data = small_data(5);
  const at::Tensor batch = batch_of(data, {3, 1, 3}, false, 0);
  for (const auto& [row, index] : {std::pair{0, 3}, {1, 1}, {2, 3}}) {
    EXPECT_TRUE(at::equal(batch[row], data.images[index]));
  }
}

/// (down, right, mirrored) of a shifted image of which every pixel is another number.
struct Shift {
  std::int64_t down, right;
  bool mirrored;
  auto operator<=>(const Shift&) const = default;
};

/// The image moved as `shift` says, by padding and cropping.
at::Tensor moved(const VisionData& data, std::int64_t index, const Shift& shift) {
  constexpr std::int64_t kMargin = 4;
  at::Tensor padded = data.outside.view({-1, 1, 1}).expand({-1, kSide + 8, kSide + 8}).clone();
  padded.narrow(1, kMargin, kSide).narrow(2, kMargin, kSide).copy_(data.images[index]);
  const at::Tensor cropped =
      padded.narrow(1, kMargin + shift.down, kSide).narrow(2, kMargin + shift.right, kSide);
  return shift.mirrored ? cropped.flip({2}) : cropped;
}

TEST(Augmentation, MakesEveryShiftAndMirrorAndNothingElse) {
  const auto data = small_data(1);
  constexpr std::int64_t kDraws = 3000;  // a shift is missed with probability 162 exp(-18.5)
  const at::Tensor batch = batch_of(data, std::vector<std::int64_t>(kDraws, 0), true, 5);
  std::vector<std::pair<Shift, at::Tensor>> all;
  for (std::int64_t down = -4; down <= 4; ++down) {
    for (std::int64_t right = -4; right <= 4; ++right) {
      for (const bool mirrored : {false, true}) {
        const Shift shift{down, right, mirrored};
        all.emplace_back(shift, moved(data, 0, shift));
      }
    }
  }
  std::set<Shift> seen;
  for (std::int64_t i = 0; i < kDraws; ++i) {
    const at::Tensor image = batch[i];
    const auto found = std::ranges::find_if(
        all, [&](const auto& candidate) { return at::equal(candidate.second, image); });
    ASSERT_NE(found, all.end()) << "draw " << i << " is no shifted image";
    seen.insert(found->first);
  }
  EXPECT_EQ(seen.size(), 162u);
}

TEST(Augmentation, DependsOnSeedEpochAndBatchAlone) {
  const auto data = small_data(40);
  const auto indices = counting(40);
  const at::Tensor batch = batch_of(data, indices, true, 1, 2, 3);
  EXPECT_TRUE(at::equal(batch, batch_of(data, indices, true, 1, 2, 3)));
  EXPECT_FALSE(at::equal(batch, batch_of(data, indices, true, 2, 2, 3)));
  EXPECT_FALSE(at::equal(batch, batch_of(data, indices, true, 1, 3, 3)));
  EXPECT_FALSE(at::equal(batch, batch_of(data, indices, true, 1, 2, 4)));
}

/// Convolutions of two threads wait for each other at full speed: beside other work that takes a
/// hundred times as long.
class VisionTraining : public testing::Test {
 protected:
  base::ThreadGuard one_thread_{1};
};

VisionState trained(const VisionArchitecture& architecture,
                    const VisionData& data,
                    const VisionTrainOptions& options) {
  auto state = initial_state(architecture, options.seed, at::kFloat);
  while (state.epoch < options.epochs) train_epoch(architecture, data, options, state);
  return state;
}

TEST_F(VisionTraining, TheSameSeedGivesTheSameBits) {
  const auto architecture = small_resnet();
  const auto data = small_data(30);
  VisionTrainOptions options{.epochs = 2, .batch_size = 8};
  const auto first = trained(architecture, data, options);
  const auto second = trained(architecture, data, options);
  EXPECT_TRUE(at::equal(first.weights, second.weights));
  EXPECT_TRUE(at::equal(first.statistics, second.statistics));
  options.seed = 1;
  EXPECT_FALSE(at::equal(first.weights, trained(architecture, data, options).weights));
}

TEST_F(VisionTraining, AStoppedEpochLeavesTheStateBeforeIt) {
  const auto architecture = small_resnet();
  const auto data = small_data(30);
  const VisionTrainOptions options{.epochs = 2, .batch_size = 8};
  auto state = initial_state(architecture, 0, at::kFloat);
  train_epoch(architecture, data, options, state);
  const VisionState before{.weights = state.weights.clone(),
                           .velocity = state.velocity.clone(),
                           .statistics = state.statistics.clone()};
  int steps = 0;
  const auto report = train_epoch(architecture, data, options, state, [&] { return ++steps <= 2; });
  EXPECT_FALSE(report.complete);
  EXPECT_EQ(state.epoch, 1);
  EXPECT_TRUE(at::equal(state.weights, before.weights));
  EXPECT_TRUE(at::equal(state.velocity, before.velocity));
  EXPECT_TRUE(at::equal(state.statistics, before.statistics));
  train_epoch(architecture, data, options, state);
  EXPECT_TRUE(at::equal(state.weights, trained(architecture, data, options).weights));
}

TEST_F(VisionTraining, FitsThirtyTwoImages) {
  const auto architecture = small_resnet();
  const auto data = small_data(32);
  const VisionTrainOptions options{
      .epochs = 60, .batch_size = 16, .step_size = 0.05, .schedule = {}, .augment = false};
  const auto state = trained(architecture, data, options);
  const auto end = score(architecture, state, data.images, data.labels, 10);
  EXPECT_EQ(end.accuracy, 1);
  EXPECT_LT(end.objective, 0.05);
  const auto start = initial_state(architecture, 0, at::kFloat);
  EXPECT_GT(vision_radius(architecture, state.weights, start.weights), 0.1);
  EXPECT_EQ(vision_radius(architecture, start.weights, start.weights), 0);
}

TEST_F(VisionTraining, EndsAtALossThatIsNotFinite) {
  const auto architecture = small_resnet();
  const auto data = small_data(16);
  const VisionTrainOptions options{.batch_size = 4, .step_size = 1e30};
  auto state = initial_state(architecture, 0, at::kFloat);
  const auto report = train_epoch(architecture, data, options, state);
  EXPECT_FALSE(report.finite);
  EXPECT_FALSE(std::isfinite(report.objective));
}

TEST_F(VisionTraining, TheScoreIsTheMeanOverAllImages) {
  const auto architecture = small_resnet();
  const auto data = small_data(11);
  auto state = initial_state(architecture, 0, at::kFloat);
  train_epoch(architecture, data, {.batch_size = 11}, state);
  const at::Tensor logits = net::vision_outputs(architecture,
                                                net::parts_of(architecture, state.weights),
                                                data.images,
                                                {.statistics = state.statistics});
  const auto pieces = score(architecture, state, data.images, data.labels, 4);
  EXPECT_NEAR(pieces.objective,
              at::cross_entropy_loss(logits, data.labels).item<double>(),
              10 * tests::kRoundingSingle);
  EXPECT_NEAR(pieces.accuracy,
              (logits.argmax(1) == data.labels).to(at::kDouble).mean().item<double>(),
              1e-12);
}

TEST(VisionOptions, ThatCannotWorkAreNamed) {
  const auto refuse = [](const VisionTrainOptions& options,
                         const std::initializer_list<std::string_view>& parts) {
    expect_error(ErrorKind::usage, parts, [&] { options.validate(100); });
  };
  refuse({.epochs = -1}, {"epochs", "-1"});
  refuse({.batch_size = 128}, {"1 to 100 samples", "128"});
  refuse({.batch_size = 10, .step_size = 0}, {"step size", "0"});
  refuse({.batch_size = 10, .momentum = 1}, {"momentum", "1"});
  refuse({.batch_size = 10, .weight_decay = -1}, {"weight decay", "-1"});
}

}  // namespace
}  // namespace overparam::train
