// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "overparam/kernel/dynamics.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::kernel {
namespace {

using tests::normal;
using tests::relative_difference;

constexpr std::int64_t kSamples = 12;
constexpr std::int64_t kOthers = 5;

struct Setting {
  std::int64_t outputs;
  at::Tensor features = normal({kSamples, 20}, "features") / std::sqrt(20.0);
  at::Tensor others = normal({kOthers, 20}, "others") / std::sqrt(20.0);
  at::Tensor weights = normal({20, outputs}, "weights");
  at::Tensor targets;

  explicit Setting(const net::Loss& loss)
      : outputs(loss.targets == net::TargetKind::within_one ? 1 : 3),
        targets(loss.targets == net::TargetKind::probabilities
                    ? at::softmax(normal({kSamples, outputs}, "targets"), 1)
                    : normal({kSamples, outputs}, "targets").clamp(-1, 1)) {}

  [[nodiscard]] at::Tensor kernel() const { return at::matmul(features, features.t()); }
  [[nodiscard]] at::Tensor cross() const { return at::matmul(others, features.t()); }
  [[nodiscard]] at::Tensor initial() const { return at::matmul(features, weights); }
  [[nodiscard]] at::Tensor test_initial() const { return at::matmul(others, weights); }
  [[nodiscard]] FunctionSpacePath descend(const net::Loss& loss,
                                          const FunctionSpaceOptions& options) const {
    return function_space_descent(
        loss, kernel(), targets, initial(), options, cross(), test_initial());
  }
};

class FunctionSpace : public testing::TestWithParam<net::Loss> {};
INSTANTIATE_TEST_SUITE_P(Losses,
                         FunctionSpace,
                         testing::ValuesIn(net::losses()),
                         [](const auto& loss) {
                           std::string name = loss.param.name;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_P(FunctionSpace, EqualsTrainingTheWeights) {
  const net::Loss& loss = GetParam();
  const Setting setting(loss);
  for (const double momentum : {0.0, 0.7}) {
    const auto path = setting.descend(
        loss, {.step_size = 0.02, .momentum = momentum, .steps = 60, .record = {0, 1, 2, 60}});
    at::Tensor w = setting.weights.clone();
    at::Tensor velocity = at::zeros_like(w);
    at::Tensor gradient = at::empty_like(setting.targets);
    for (std::int64_t t = 0, recorded = 0; t <= 60; ++t) {
      const at::Tensor f = at::matmul(setting.features, w);
      const double objective = net::evaluate(loss, f, setting.targets, {}, 0, &gradient).objective;
      if (t == path.steps[static_cast<std::size_t>(recorded)]) {
        EXPECT_LT(relative_difference(path.train[recorded], f), tests::kRounding) << t;
        EXPECT_LT(relative_difference(path.test[recorded], at::matmul(setting.others, w)),
                  tests::kRounding);
        EXPECT_NEAR(path.objectives[static_cast<std::size_t>(recorded)] / objective, 1, 1e-11);
        ++recorded;
      }
      velocity = momentum * velocity + at::matmul(setting.features.t(), gradient);
      w = w - 0.02 * velocity;
    }
    EXPECT_LT(path.objectives.back(), path.objectives.front());
  }
}

TEST(FunctionSpaceDescent, EqualsTheClosedFormForTheSquaredLoss) {
  const net::Loss& squared = net::find_loss("squared");
  const Setting setting(squared);
  const LinearDynamics dynamics(setting.kernel(), setting.targets, setting.initial());
  for (const double momentum : {0.0, 0.9}) {
    const auto path = setting.descend(
        squared, {.step_size = 0.1, .momentum = momentum, .steps = 100, .record = {0, 7, 100}});
    const auto method = LinearMethod::descent(0.1, momentum);
    const std::vector<double> times{0, 7, 100};
    EXPECT_LT(relative_difference(path.train, dynamics.outputs(method, times)), tests::kRounding);
    EXPECT_LT(relative_difference(
                  path.test,
                  dynamics.test_outputs(method, times, setting.cross(), setting.test_initial())),
              tests::kRounding);
    EXPECT_NEAR(path.objectives[1] / dynamics.objective(method, 7), 1, 1e-11);
  }
}

TEST(FunctionSpaceDescent, KernelOfOutputsIsTheKroneckerProduct) {
  const net::Loss& loss = net::find_loss("cross-entropy");
  const Setting setting(loss);
  const at::Tensor one = at::eye(3, at::kDouble);
  const FunctionSpaceOptions options{.step_size = 0.1, .steps = 20};
  const auto parts = setting.descend(loss, options);
  const auto whole = function_space_descent(loss,
                                            at::kron(setting.kernel(), one),
                                            setting.targets,
                                            setting.initial(),
                                            options,
                                            at::kron(setting.cross(), one),
                                            setting.test_initial());
  EXPECT_EQ(whole.steps, (std::vector<std::int64_t>{0, 20}));
  EXPECT_LT(relative_difference(whole.train, parts.train), tests::kRounding);
  EXPECT_LT(relative_difference(whole.test, parts.test), tests::kRounding);
}

TEST(FunctionSpaceDescent, BadInputIsNamed) {
  const net::Loss& loss = net::find_loss("squared");
  const Setting setting(loss);
  const auto usage = ErrorKind::usage;
  tests::expect_error(ErrorKind::numeric, {"diverged at step", "100"}, [&] {
    (void)setting.descend(loss, {.step_size = 100, .steps = 1000});
  });
  tests::expect_error(usage, {"ascend", "0 to 3"}, [&] {
    (void)setting.descend(loss, {.step_size = 1, .steps = 3, .record = {4}});
  });
  tests::expect_error(usage, {"step size"}, [&] { (void)setting.descend(loss, {.steps = 3}); });
  tests::expect_error(
      usage, {"steps", "-1"}, [&] { (void)setting.descend(loss, {.step_size = 1, .steps = -1}); });
  tests::expect_error(usage, {"both"}, [&] {
    function_space_descent(loss,
                           setting.kernel(),
                           setting.targets,
                           setting.initial(),
                           {.step_size = 1},
                           setting.cross());
  });
  tests::expect_error(ErrorKind::data, {"probabilities"}, [&] {
    (void)setting.descend(net::find_loss("cross-entropy"), {.step_size = 1});
  });
}

}  // namespace
}  // namespace overparam::kernel
