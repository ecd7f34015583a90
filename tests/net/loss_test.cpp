// SPDX-License-Identifier: Apache-2.0
#include "overparam/net/loss.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "overparam/base/random.hpp"
#include "support/files.hpp"
#include "support/tolerance.hpp"

namespace overparam::net {
namespace {

constexpr std::size_t kOutputs = 4;

using Point = std::vector<double>;

Point random_point(base::Random& random, double scale) {
  Point point(kOutputs);
  for (double& value : point) value = scale * random.normal();
  return point;
}

/// A target this loss accepts.
Point random_target(const Loss& loss, base::Random& random) {
  if (loss.targets == TargetKind::any) return random_point(random, 1);
  Point target(kOutputs);
  double sum = 0;
  for (double& value : target) sum += value = random.uniform();
  if (loss.targets == TargetKind::within_one) return target;
  for (double& value : target) value /= sum;
  return target;
}

Point moved(Point point, const Point& direction, double step) {
  for (std::size_t a = 0; a < point.size(); ++a) point[a] += step * direction[a];
  return point;
}

double inner(const Point& a, const Point& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// Whether a residual lies so near a kink that differences would see both its sides.
bool is_near_kink(const Loss& loss, const Point& output, const Point& target) {
  for (const double kink : loss.kinks) {
    for (std::size_t a = 0; a < kOutputs; ++a) {
      if (std::abs(output[a] - target[a] - kink) < 1e-3) return true;
    }
  }
  return false;
}

class LossSweep : public testing::TestWithParam<Loss> {};

TEST_P(LossSweep, DerivativesEqualDifferences) {
  const Loss& loss = GetParam();
  base::Random random(base::Stream(1, "loss sweep"));
  for (int trial = 0; trial < 50; ++trial) {
    const Point output = random_point(random, 2);
    const Point target = random_target(loss, random);
    const Point direction = random_point(random, 1);
    if (is_near_kink(loss, output, target)) continue;
    constexpr double kStep = 1e-5;
    const Point up = moved(output, direction, kStep);
    const Point down = moved(output, direction, -kStep);

    Point gradient(kOutputs);
    loss.gradient(output, target, gradient);
    const double slope = (loss.value(up, target) - loss.value(down, target)) / (2 * kStep);
    EXPECT_NEAR(inner(gradient, direction), slope, tests::kFirstDifference * (1 + std::abs(slope)));

    Point at_up(kOutputs);
    Point at_down(kOutputs);
    Point product(kOutputs);
    loss.gradient(up, target, at_up);
    loss.gradient(down, target, at_down);
    loss.hessian_product(output, target, direction, product);
    for (std::size_t a = 0; a < kOutputs; ++a) {
      const double difference = (at_up[a] - at_down[a]) / (2 * kStep);
      EXPECT_NEAR(product[a], difference, tests::kFirstDifference * (1 + std::abs(difference)));
    }
  }
}

TEST_P(LossSweep, TheLipschitzConstantHoldsAndIsAlmostReached) {
  const Loss& loss = GetParam();
  base::Random random(base::Stream(2, "loss sweep"));
  double largest = 0;
  double least = 0;
  for (int trial = 0; trial < 20000; ++trial) {
    // Two equal largest outputs are where softmax bends most, one residual near zero the others.
    Point output = random_point(random, 3);
    if (trial % 2 == 0) output[0] = output[1] = 8;
    const Point target = random_target(loss, random);
    Point direction = random_point(random, 1);
    if (trial % 4 == 0) direction = {1, -1, 0, 0};
    if (trial % 4 == 1) direction = {0, 0, 1, 0};
    Point product(kOutputs);
    loss.hessian_product(output, target, direction, product);
    const double bend = inner(product, direction) / inner(direction, direction);
    largest = std::max(largest, bend);
    least = std::min(least, bend);
  }
  EXPECT_GE(least, -loss.lipschitz);
  EXPECT_LE(largest, loss.lipschitz * (1 + 1e-12));
  EXPECT_GE(largest, loss.lipschitz * 0.98);
}

TEST_P(LossSweep, GradientDominanceHolds) {
  const Loss& loss = GetParam();
  if (loss.gradient_dominance == 0) return;
  base::Random random(base::Stream(3, "loss sweep"));
  for (int trial = 0; trial < 1000; ++trial) {
    const Point output = random_point(random, 3);
    const Point target = random_target(loss, random);
    Point gradient(kOutputs);
    loss.gradient(output, target, gradient);
    EXPECT_GE(inner(gradient, gradient) * (1 + 1e-12),
              2 * loss.gradient_dominance * loss.value(output, target));
  }
}

TEST_P(LossSweep, ValuesAreNotNegativeAndFiniteFarAway) {
  const Loss& loss = GetParam();
  const Point target{1, 0, 0, 0};
  for (const double far : {0.0, 1e3, -1e3, 1e8, -1e8}) {
    const Point output{far, -far, 0, far};
    Point gradient(kOutputs);
    loss.gradient(output, target, gradient);
    EXPECT_GE(loss.value(output, target), 0) << far;
    EXPECT_TRUE(std::isfinite(loss.value(output, target))) << far;
    for (const double slope : gradient) EXPECT_TRUE(std::isfinite(slope)) << far;
  }
}

INSTANTIATE_TEST_SUITE_P(All, LossSweep, testing::ValuesIn(losses()), [](const auto& tested) {
  std::string name = tested.param.name;
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(Loss, LogisticOfSignsIsTheMarginForm) {
  const Loss& loss = find_loss("logistic");
  for (const double sign : {-1.0, 1.0}) {
    for (const double y : {-30.0, -1.5, 0.0, 2.0, 40.0}) {
      EXPECT_NEAR(loss.value(Point{y}, Point{sign}), std::log1p(std::exp(-sign * y)), 1e-12);
    }
  }
  check_targets(loss, at::tensor({-1.0, 1.0}, at::kDouble).view({2, 1}));
  tests::expect_error(ErrorKind::data, {"logistic", "[0, 1]", "-1", "sample 1"}, [&] {
    check_targets(loss, at::tensor({0.0, 1.0, 1.0, -1.0}, at::kDouble).view({2, 2}));
  });
}

TEST(Loss, LogCoshKeepsItsDigitsNearZero) {
  // r^2 / 2 - r^4 / 12 + O(r^6)
  const Loss& loss = find_loss("log-cosh");
  for (const double r : {1e-3, -1e-5, 1e-9, 1e-150}) {
    const double expected = r * r / 2 * (1 - r * r / 6);
    EXPECT_NEAR(loss.value(Point{r}, Point{0}) / expected, 1, 1e-12) << r;
  }
  for (const double r : {0.5, 0.999, 1.0, 1.001, 3.0}) {
    EXPECT_NEAR(loss.value(Point{0}, Point{r}), std::log(std::cosh(r)), 4e-15) << r;
  }
}

TEST(Loss, SquaredIsHalfTheSquaredDistanceSummedOverSamples) {
  const at::Tensor outputs = at::tensor({1.0, 2.0, 3.0, 4.0}, at::kDouble).view({2, 2});
  const at::Tensor targets = at::tensor({0.0, 2.0, 3.0, 6.0}, at::kDouble).view({2, 2});
  at::Tensor cotangent = at::empty_like(outputs);
  const auto result = evaluate(find_loss("squared"), outputs, targets, {}, 0, &cotangent);
  EXPECT_EQ(result.objective, 0.5 * 1 + 0.5 * 4);
  EXPECT_EQ(result.largest_loss, 2);
  EXPECT_TRUE(std::isnan(result.accuracy));
  EXPECT_TRUE(at::equal(cotangent, outputs - targets));
}

TEST(Loss, CrossEntropyIsThatOfAten) {
  const at::Tensor outputs = at::randn({6, 5}, at::kDouble) * 30;
  const at::Tensor labels = at::randint(0, 5, {6}, at::kLong);
  const at::Tensor targets = at::one_hot(labels, 5).to(at::kDouble);
  const auto result = evaluate(find_loss("cross-entropy"), outputs, targets, labels, 5);
  const double expected =
      at::cross_entropy_loss(outputs, labels, {}, at::Reduction::Sum).item<double>();
  EXPECT_NEAR(result.objective, expected, 1e-12 * std::abs(expected));
  const double right = (outputs.argmax(1) == labels).sum().item<double>();
  EXPECT_EQ(result.accuracy, right / 6);
}

TEST(Loss, CrossEntropyDoesNotOverflow) {
  const at::Tensor outputs = at::tensor({1000.0, -1000.0}, at::kDouble).view({1, 2});
  const at::Tensor targets = at::tensor({0.0, 1.0}, at::kDouble).view({1, 2});
  EXPECT_EQ(evaluate(find_loss("cross-entropy"), outputs, targets).objective, 2000);
}

TEST(Loss, OneOutputStandsForTheNearestClass) {
  const at::Tensor outputs = at::tensor({-7.0f, -0.4f, 0.2f, 0.6f, 3.0f}).view({5, 1});
  const at::Tensor labels = at::tensor({0, 0, 1, 2, 2}, at::kLong);
  const auto result = evaluate(find_loss("squared"), outputs, at::zeros({5, 1}), labels, 3);
  EXPECT_EQ(result.correct, 4);  // -0.4 lies nearest to class 1, at 0
}

TEST(Loss, TargetsThatALossCannotTakeAreNamed) {
  check_targets(find_loss("squared"), at::tensor({-3.0}).view({1, 1}));
  tests::expect_error(ErrorKind::data, {"cross-entropy", "sample 1", "sum to 2"}, [] {
    check_targets(find_loss("cross-entropy"), at::tensor({0.5, 0.5, 1.0, 1.0}).view({2, 2}));
  });
  tests::expect_error(
      ErrorKind::usage, {"no loss \"squard\"", "squared"}, [] { find_loss("squard"); });
}

}  // namespace
}  // namespace overparam::net
