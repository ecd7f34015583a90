// SPDX-License-Identifier: Apache-2.0
#include "output_curvature.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "overparam/net/loss.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"
#include "train/problems.hpp"

namespace overparam::train {
namespace {

using tests::relative_difference;

class EveryCurvature : public testing::TestWithParam<net::Loss> {
 protected:
  EveryCurvature() : problem_(tests::small_problem(8, 3, at::kDouble, GetParam().name.c_str())) {}

  Problem problem_;
  at::Tensor outputs_ = tests::normal({8, 3}, "outputs");
};

TEST_P(EveryCurvature, RootTimesWhitenedGradientIsTheGradient) {
  const OutputCurvature curvature(problem_.loss, outputs_, problem_.targets);
  at::Tensor gradient = at::empty_like(outputs_);
  net::evaluate(problem_.loss, outputs_, problem_.targets, {}, 0, &gradient);
  EXPECT_LT(
      relative_difference(curvature.apply(curvature.whitened_gradient()), gradient.view({-1})),
      tests::kAutograd);
}

TEST_P(EveryCurvature, InversesAreInverse) {
  const OutputCurvature curvature(problem_.loss, outputs_, problem_.targets);
  const at::Tensor v = tests::normal({24}, "v");
  EXPECT_LT(relative_difference(curvature.apply_inverse(curvature.apply(v)), v), tests::kAutograd);
  EXPECT_LT(
      relative_difference(curvature.apply_inverse_transposed(curvature.apply_transposed(v)), v),
      tests::kAutograd);
  if (curvature.is_identity()) return;
  const at::Tensor squared = curvature.apply(curvature.apply_transposed(v)).view({8, 3, 1});
  EXPECT_LT(relative_difference(at::matmul(curvature.inverses(), squared).view({-1}), v), 1e-8);
}

TEST_P(EveryCurvature, IsTheHessianWhereThatIsPositiveAndCurved) {
  // Near the target, and near 0 for the losses of classes, all are convex and curved.
  const bool any = problem_.loss.targets == net::TargetKind::any;
  const at::Tensor outputs = 0.01 * outputs_ + (any ? problem_.targets : 0 * problem_.targets);
  const OutputCurvature curvature(problem_.loss, outputs, problem_.targets);
  at::Tensor direction = tests::normal({8, 3}, "direction");
  // A softmax is flat along (1, .., 1), where the curvature is raised.
  if (problem_.loss.name == "cross-entropy") direction -= direction.mean(1, true);
  at::Tensor expected = at::empty_like(direction);
  for (std::int64_t i = 0; i < 8; ++i) {
    const auto row = [&](const at::Tensor& t) {
      return net::Loss::Vector(t.data_ptr<double>() + i * 3, 3);
    };
    problem_.loss.hessian_product(row(outputs),
                                  row(problem_.targets),
                                  row(direction),
                                  {expected.data_ptr<double>() + i * 3, 3});
  }
  const at::Tensor found = curvature.apply(curvature.apply_transposed(direction.view({-1})));
  EXPECT_LT(relative_difference(found, expected.view({-1})), 1e-3);
}

INSTANTIATE_TEST_SUITE_P(Catalogue,
                         EveryCurvature,
                         testing::ValuesIn(net::losses()),
                         [](const auto& test) {
                           std::string name = test.param.name;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(OutputCurvature, StepsOverWhatIsLinear) {
  // Far out Huber's loss is |r| - 1/2: its Hessian is 0, and the step of the quadratic model goes
  // to where the tangent meets 0.
  const at::Tensor outputs = at::full({1, 1}, 10.0, at::kDouble);
  const at::Tensor targets = at::zeros({1, 1}, at::kDouble);
  const OutputCurvature curvature(net::find_loss("huber"), outputs, targets);
  const at::Tensor step =
      curvature.apply_inverse_transposed(curvature.whitened_gradient());  // H^-1 g
  EXPECT_NEAR(step.item<double>(), 9.5, 1e-9);
}

}  // namespace
}  // namespace overparam::train
