// SPDX-License-Identifier: Apache-2.0
#include "overparam/kernel/linear_model.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/tensors.hpp"

namespace overparam::kernel {
namespace {

/// A positive definite kernel and a residual, with the residual's evolution done in full.
struct Problem {
  at::Tensor kernel;
  at::Tensor residual;
  double step_size = 0;

  Problem(std::int64_t size, double smallest) : residual(tests::normal({size}, "residual")) {
    const auto [basis, upper] = at::linalg_qr(tests::normal({size, size}, "basis"));
    const at::Tensor spectrum = at::logspace(std::log10(smallest), 1, size, 10, at::kDouble);
    kernel = at::matmul(basis * spectrum, basis.t());
    step_size = 1 / spectrum[-1].item<double>();
  }

  [[nodiscard]] linalg::Lanczos lanczos(int capacity) const {
    return {[this](const at::Tensor& v, at::Tensor& out) { out.copy_(at::mv(kernel, v)); },
            residual,
            capacity};
  }

  [[nodiscard]] LinearModel model(int products) const {
    linalg::Lanczos process = lanczos(products);
    process.extend(products);
    return {linalg::spectral_measure(process), step_size};
  }

  [[nodiscard]] double objective_after(int steps) const {
    at::Tensor r = residual.clone();
    for (int t = 0; t < steps; ++t) r -= step_size * at::mv(kernel, r);
    return r.pow(2).sum().item<double>() / 2;
  }
};

TEST(LinearModel, EqualsTheRecursionItSums) {
  const Problem problem(30, 0.1);
  const auto model = problem.model(30);
  for (const int steps : {0, 1, 10, 300}) {
    EXPECT_NEAR(model.objective(steps) / problem.objective_after(steps), 1, 1e-8) << steps;
  }
}

TEST(LinearModel, CountsStepsAsFarAsADoubleCounts) {
  // One eigenvalue: log(1000) / (2 eta lambda) steps.
  const auto steps = [](double shrink) {
    return LinearModel({.nodes = {shrink}, .weights = {1}}, 1).steps_to(1e-3);
  };
  const double expected = std::log(1e3) / 2 / 1e-15;
  ASSERT_TRUE(steps(1e-15));
  EXPECT_NEAR(static_cast<double>(*steps(1e-15)) / expected, 1, 1e-12);
  EXPECT_FALSE(steps(1e-16));
  EXPECT_FALSE(steps(0));
}

TEST(LinearModel, PredictsTheFirstStepBelowARatio) {
  const Problem problem(30, 0.01);
  const auto steps = problem.model(30).steps_to(1e-3);
  ASSERT_TRUE(steps);
  const double wanted = 1e-3 * problem.objective_after(0);
  EXPECT_LE(problem.objective_after(static_cast<int>(*steps)), wanted);
  EXPECT_GT(problem.objective_after(static_cast<int>(*steps) - 1), wanted);
}

TEST(LinearModel, PredictionSettlesWithFewProducts) {
  const Problem problem(400, 1e-3);
  linalg::Lanczos process = problem.lanczos(400);
  const auto quick = predict_steps(process, problem.step_size, 0.1);
  const auto exact = problem.model(400).steps_to(0.1);
  ASSERT_TRUE(exact && quick.steps);
  EXPECT_GT(*exact, 1000);
  EXPECT_LE(quick.products, 160);
  EXPECT_NEAR(static_cast<double>(*quick.steps) / static_cast<double>(*exact), 1, 5e-3);
}

TEST(LinearModel, SaysNeverWhereItNeverGetsThere) {
  EXPECT_FALSE(LinearModel({.nodes = {0, 1}, .weights = {1, 1}}, 0.5).steps_to(0.1));
  EXPECT_FALSE(LinearModel({.nodes = {1, 5}, .weights = {1, 1}}, 0.5).steps_to(0.1));
  EXPECT_EQ(LinearModel({.nodes = {1}, .weights = {1}}, 1).steps_to(0.1), 1);
}

}  // namespace
}  // namespace overparam::kernel
