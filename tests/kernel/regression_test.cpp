// SPDX-License-Identifier: Apache-2.0
#include "overparam/kernel/regression.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "overparam/kernel/dynamics.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::kernel {
namespace {

using tests::normal;
using tests::relative_difference;

/// exp(-|x - x'|) on random points of the plane.
struct Problem {
  at::Tensor points;
  at::Tensor others = normal({9, 2}, "others");
  at::Tensor targets;

  explicit Problem(std::int64_t n)
      : points(normal({n, 2}, "points")), targets(normal({n, 2}, "targets")) {}

  [[nodiscard]] at::Tensor kernel() const { return between(points); }
  [[nodiscard]] at::Tensor cross() const { return between(others); }

 private:
  [[nodiscard]] at::Tensor between(const at::Tensor& rows) const {
    return (-(rows.unsqueeze(1) - points).norm(2, {2})).exp();
  }
};

TEST(KernelRegression, InterpolatesWithoutARidge) {
  const Problem problem(60);
  const KernelRegression regression(problem.kernel(), problem.targets);
  EXPECT_EQ(regression.factor()->jitter(), 0);
  EXPECT_LT(relative_difference(regression.predict(problem.kernel()), problem.targets),
            tests::kRounding);
  const LinearDynamics dynamics(problem.kernel(), problem.targets, at::zeros_like(problem.targets));
  const at::Tensor end = dynamics.test_outputs(LinearMethod::flow(),
                                               std::numeric_limits<double>::infinity(),
                                               problem.cross(),
                                               at::zeros({9, 2}, at::kDouble));
  EXPECT_LT(relative_difference(regression.predict(problem.cross()), end), 1e-10);
}

TEST(KernelRegression, RidgeIsRelativeToTheMeanDiagonal) {
  const Problem problem(60);
  const at::Tensor kernel = 5 * problem.kernel();
  const at::Tensor ridged = kernel + 0.5 * at::eye(60, at::kDouble);
  const at::Tensor expected = at::linalg_solve(ridged, problem.targets);
  const KernelRegression relative(kernel, problem.targets, {.ridge = 0.1});
  const KernelRegression absolute(
      kernel, problem.targets, {.ridge = 0.5, .ridge_scale = RidgeScale::absolute});
  EXPECT_NEAR(relative.ridge(), 0.5, tests::kRounding);
  for (const auto& regression : {relative, absolute}) {
    EXPECT_LT(relative_difference(regression.coefficients(), expected), tests::kRounding);
  }
}

TEST(KernelRegression, KernelOfOutputsIsTheKroneckerProduct) {
  const Problem problem(40);
  const at::Tensor one = at::eye(2, at::kDouble);
  const KernelRegression parts(problem.kernel(), problem.targets, {.ridge = 0.1});
  const KernelRegression whole(at::kron(problem.kernel(), one), problem.targets, {.ridge = 0.1});
  EXPECT_LT(relative_difference(parts.predict(problem.cross()),
                                whole.predict(at::kron(problem.cross(), one))),
            tests::kRounding);
}

TEST(KernelRegression, InPlaceGivesTheSame) {
  const Problem problem(300);
  at::Tensor overwritten = problem.kernel();
  const KernelRegression regression(overwritten, problem.targets, {.ridge = 0.1, .in_place = true});
  const KernelRegression expected(problem.kernel(), problem.targets, {.ridge = 0.1});
  EXPECT_TRUE(at::equal(regression.coefficients(), expected.coefficients()));
  EXPECT_FALSE(at::equal(overwritten, problem.kernel()));
}

TEST(KernelRegression, ConjugateGradientsAgreeWithCholesky) {
  const Problem problem(400);
  const KernelRegression factored(problem.kernel(), problem.targets, {.ridge = 1e-3});
  RegressionOptions options{.ridge = 1e-3, .cholesky_up_to = 399};
  const KernelRegression iterated(problem.kernel(), problem.targets, options);
  EXPECT_EQ(iterated.factor(), nullptr);
  EXPECT_TRUE(iterated.converged());
  EXPECT_LE(iterated.residual(), options.tolerance);
  EXPECT_LT(relative_difference(factored.coefficients(), iterated.coefficients()), 1e-7);
  options.preconditioner_rank = 10;
  const KernelRegression poorer(problem.kernel(), problem.targets, options);
  EXPECT_LT(iterated.products(), poorer.products());
  EXPECT_NE(iterated.describe().find("conjugate gradients"), std::string::npos);
  EXPECT_NE(factored.describe().find("Cholesky with ridge 0.001"), std::string::npos);
}

TEST(KernelRegression, MemoryDecides) {
  const Problem problem(300);
  const KernelRegression iterated(
      problem.kernel(), problem.targets, {.ridge = 1e-2, .memory_limit = 1000});
  EXPECT_EQ(iterated.factor(), nullptr);
  tests::expect_error(ErrorKind::capacity, {"Cholesky"}, [&] {
    KernelRegression(problem.kernel(),
                     problem.targets,
                     {.solver = RegressionSolver::cholesky, .memory_limit = 1000});
  });
}

TEST(KernelRegression, LeavingOneOutEqualsFittingWithoutIt) {
  const Problem problem(30);
  const at::Tensor kernel = problem.kernel();
  constexpr RegressionOptions kOptions{.ridge = 0.05, .ridge_scale = RidgeScale::absolute};
  const KernelRegression regression(kernel, problem.targets, kOptions);
  const at::Tensor residuals = regression.leave_one_out_residuals();
  for (const std::int64_t left_out : {0, 13, 29}) {
    const at::Tensor others = at::nonzero(at::arange(30) != left_out).squeeze(1);
    const at::Tensor rows = kernel.index_select(0, others);
    const KernelRegression without(
        rows.index_select(1, others), problem.targets.index_select(0, others), kOptions);
    const at::Tensor prediction =
        without.predict(kernel[left_out].index_select(0, others).unsqueeze(0))[0];
    EXPECT_LT(relative_difference(residuals[left_out], problem.targets[left_out] - prediction),
              1e-11);
  }
}

TEST(KernelRegression, DuplicatesAreServedWithANamedJitter) {
  Problem problem(40);
  problem.points = problem.points.repeat({2, 1});
  problem.targets = problem.targets.repeat({2, 1});
  const KernelRegression regression(problem.kernel(), problem.targets);
  EXPECT_GT(regression.factor()->jitter(), 0);
  EXPECT_NE(regression.describe().find("of the mean diagonal"), std::string::npos);
  EXPECT_LT(relative_difference(regression.predict(problem.kernel()), problem.targets), 1e-8);
}

TEST(KernelRegression, BadInputIsNamed) {
  const Problem problem(10);
  const auto usage = ErrorKind::usage;
  tests::expect_error(usage, {"ridge", "negative", "-0.1"}, [&] {
    KernelRegression(problem.kernel(), problem.targets, {.ridge = -0.1});
  });
  tests::expect_error(usage, {"(11, 11)", "(22, 22)", "(10, 10)"}, [&] {
    KernelRegression(problem.kernel(), at::ones({11, 2}));
  });
  const KernelRegression regression(problem.kernel(), problem.targets);
  tests::expect_error(usage, {"10 or 20 columns", "(9, 11)"}, [&] {
    (void)regression.predict(at::ones({9, 11}));
  });
  const KernelRegression iterated(
      problem.kernel(), problem.targets, {.solver = RegressionSolver::conjugate_gradients});
  tests::expect_error(
      usage, {"Cholesky factor"}, [&] { (void)iterated.leave_one_out_residuals(); });
}

TEST(ClassificationAccuracy, LargestOutputOrNearestClass) {
  const at::Tensor three = at::tensor({0.1, 0.9, 0.0, 0.5, 0.2, 0.3}, at::kDouble).view({2, 3});
  const auto labels = [](std::vector<std::int64_t> values) {
    return at::tensor(values, at::kLong);
  };
  EXPECT_EQ(classification_accuracy(three, labels({1, 2})), 0.5);
  const at::Tensor one = at::tensor({0.1, -3.0, 0.0, -1e-9}, at::kDouble).view({4, 1});
  EXPECT_EQ(classification_accuracy(one, labels({1, 0, 1, 1})), 0.75);
  EXPECT_EQ(classification_accuracy(one, labels({1, -1, 1, -1})), 1);
  // Three classes at -1, 0 and 1; of four the second lies at -1/3.
  const at::Tensor places = at::tensor({-0.9, -0.3, 0.6, 2.0}, at::kDouble).view({4, 1});
  EXPECT_EQ(classification_accuracy(places, labels({0, 1, 2, 2}), 3), 1);
  EXPECT_EQ(classification_accuracy(places, labels({0, 1, 2, 2})), 1);
  EXPECT_EQ(classification_accuracy(places, labels({0, 1, 2, 2}), 4), 0.75);
  tests::expect_error(ErrorKind::usage, {"(2, 3)", "(4)"}, [&] {
    classification_accuracy(three, labels({0, 0, 0, 0}));
  });
}

}  // namespace
}  // namespace overparam::kernel
