// SPDX-License-Identifier: Apache-2.0
#include "overparam/kernel/dynamics.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/allocations.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::kernel {
namespace {

using tests::normal;
using tests::relative_difference;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kSamples = 25;
constexpr std::int64_t kOthers = 7;
constexpr std::int64_t kOutputs = 3;

/// A network linear in its weights: y = features w, so that kernels are Grams of the features.
struct LinearNetwork {
  at::Tensor features = normal({kSamples, 40}, "features") / std::sqrt(40.0);  // (n, P)
  at::Tensor others = normal({kOthers, 40}, "others") / std::sqrt(40.0);       // (p, P)
  at::Tensor targets = normal({kSamples, kOutputs}, "targets");
  at::Tensor weights = normal({40, kOutputs}, "weights");

  [[nodiscard]] at::Tensor kernel() const { return at::matmul(features, features.t()); }
  [[nodiscard]] at::Tensor cross() const { return at::matmul(others, features.t()); }
  [[nodiscard]] at::Tensor initial() const { return at::matmul(features, weights); }
  [[nodiscard]] at::Tensor test_initial() const { return at::matmul(others, weights); }
  [[nodiscard]] LinearDynamics dynamics() const { return {kernel(), targets, initial()}; }

  /// Its weights after training step by step.
  [[nodiscard]] at::Tensor trained(const LinearMethod& method, int steps) const {
    at::Tensor w = weights.clone();
    at::Tensor velocity = at::zeros_like(w);
    for (int t = 0; t < steps; ++t) {
      velocity =
          method.momentum * velocity + at::matmul(features.t(), at::matmul(features, w) - targets);
      w = w - method.step_size * velocity;
    }
    return w;
  }
};

const auto kPlain = LinearMethod::descent(0.2);
const auto kHeavy = LinearMethod::descent(0.2, 0.8);

TEST(LinearDynamics, EqualsTrainingTheWeights) {
  const LinearNetwork network;
  const auto dynamics = network.dynamics();
  for (const auto& method : {kPlain, kHeavy, LinearMethod::descent(0.45)}) {
    ASSERT_LT(method.step_size, dynamics.largest_step(method.momentum));
    for (const int t : {0, 1, 2, 17, 200}) {
      const at::Tensor w = network.trained(method, t);
      const at::Tensor train = at::matmul(network.features, w);
      EXPECT_LT(relative_difference(dynamics.outputs(method, t), train), tests::kRounding) << t;
      const at::Tensor test =
          dynamics.test_outputs(method, t, network.cross(), network.test_initial());
      EXPECT_LT(relative_difference(test, at::matmul(network.others, w)), tests::kRounding) << t;
      const double objective = (train - network.targets).square().sum().item<double>() / 2;
      EXPECT_NEAR(dynamics.objective(method, t) / objective, 1, 1e-10) << t;
    }
  }
}

TEST(LinearDynamics, SignedWhereAStepOvershoots) {
  // eta lambda_max = 1.9: the largest mode changes sign every step.
  const LinearNetwork network;
  const auto dynamics = network.dynamics();
  const auto method = LinearMethod::descent(0.95 * dynamics.largest_step());
  for (const int t : {1, 2, 31}) {
    const at::Tensor train = at::matmul(network.features, network.trained(method, t));
    EXPECT_LT(relative_difference(dynamics.outputs(method, t), train), tests::kRounding);
  }
}

TEST(LinearDynamics, KernelOfOutputsIsTheKroneckerProduct) {
  const LinearNetwork network;
  const at::Tensor one = at::eye(kOutputs, at::kDouble);
  const LinearDynamics whole(at::kron(network.kernel(), one), network.targets, network.initial());
  const auto parts = network.dynamics();
  EXPECT_LT(relative_difference(whole.outputs(kHeavy, 30), parts.outputs(kHeavy, 30)), 1e-11);
  const at::Tensor whole_test =
      whole.test_outputs(kHeavy, 30, at::kron(network.cross(), one), network.test_initial());
  const at::Tensor parts_test =
      parts.test_outputs(kHeavy, 30, network.cross(), network.test_initial());
  EXPECT_LT(relative_difference(whole_test, parts_test), 1e-11);
  EXPECT_NEAR(whole.objective(kPlain, 30) / parts.objective(kPlain, 30), 1, 1e-11);
}

TEST(LinearDynamics, BeginsAtTheStartAndEndsAtTheSolution) {
  const LinearNetwork network;
  const auto dynamics = network.dynamics();
  const at::Tensor change = at::linalg_solve(network.kernel(), network.targets - network.initial());
  const at::Tensor expected = network.test_initial() + at::matmul(network.cross(), change);
  for (const auto& method : {kPlain, kHeavy, LinearMethod::flow()}) {
    const auto test = [&](double t) {
      return dynamics.test_outputs(method, t, network.cross(), network.test_initial());
    };
    EXPECT_LT(relative_difference(dynamics.outputs(method, 0), network.initial()),
              tests::kRounding);
    EXPECT_TRUE(at::equal(test(0), network.test_initial()));
    EXPECT_LT(relative_difference(dynamics.outputs(method, kInfinity), network.targets),
              tests::kRounding);
    EXPECT_LT(relative_difference(test(kInfinity), expected), 1e-10);
    EXPECT_LT(relative_difference(test(1e6), expected), 1e-10);
    EXPECT_EQ(dynamics.objective(method, kInfinity), 0);
  }
}

TEST(LinearDynamics, TimesTogetherEqualTimesApart) {
  const LinearNetwork network;
  const auto dynamics = network.dynamics();
  const std::vector<double> times{0, 1, 5, 100, kInfinity};
  const at::Tensor train = dynamics.outputs(kHeavy, times);
  const at::Tensor test =
      dynamics.test_outputs(kHeavy, times, network.cross(), network.test_initial());
  ASSERT_EQ(train.sizes(), (at::IntArrayRef{5, kSamples, kOutputs}));
  ASSERT_EQ(test.sizes(), (at::IntArrayRef{5, kOthers, kOutputs}));
  for (std::int64_t i = 0; i < 5; ++i) {
    const double t = times[static_cast<std::size_t>(i)];
    EXPECT_LT(relative_difference(train[i], dynamics.outputs(kHeavy, t)), tests::kRounding);
    EXPECT_LT(
        relative_difference(
            test[i], dynamics.test_outputs(kHeavy, t, network.cross(), network.test_initial())),
        tests::kRounding);
  }
}

TEST(LinearDynamics, FlowIsTheLimitOfSmallSteps) {
  const LinearNetwork network;
  const auto dynamics = network.dynamics();
  const at::Tensor flow = dynamics.outputs(LinearMethod::flow(), 1.5);
  const auto error = [&](double steps) {
    return relative_difference(dynamics.outputs(LinearMethod::descent(1.5 / steps), steps), flow);
  };
  EXPECT_LT(error(1e6), 1e-5);
  EXPECT_NEAR(error(1e4) / error(1e5), 10, 0.1);
}

TEST(LinearDynamics, DuplicatesKeepTheirMeanResidual) {
  // The same sample twice with other targets: they end between them, and K is singular.
  LinearNetwork network;
  network.features[1] = network.features[0];
  const auto dynamics = network.dynamics();
  const at::Tensor end = dynamics.outputs(LinearMethod::flow(), kInfinity);
  const at::Tensor middle = (network.targets[0] + network.targets[1]) / 2;
  EXPECT_LT(relative_difference(end[0], middle), 1e-10);
  EXPECT_LT(relative_difference(end[1], middle), 1e-10);
  const at::Tensor test =
      dynamics.test_outputs(kPlain, kInfinity, network.cross(), network.test_initial());
  const at::Tensor at_last = at::matmul(network.others, network.trained(kPlain, 20000));
  EXPECT_LT(relative_difference(test, at_last), 1e-8);
}

TEST(LinearDynamics, StepsToAShareAreTheFirst) {
  const auto dynamics = LinearNetwork().dynamics();
  for (const auto& method : {kPlain, kHeavy, LinearMethod::descent(0.3, 0.97)}) {
    for (const double ratio : {0.5, 1e-2, 1e-6}) {
      const auto steps = dynamics.steps_to(method, ratio);
      ASSERT_TRUE(steps);
      const double wanted = ratio * dynamics.objective(method, 0);
      EXPECT_LE(dynamics.objective(method, static_cast<double>(*steps)), wanted);
      for (double t = 0; t < static_cast<double>(*steps); ++t) {
        ASSERT_GT(dynamics.objective(method, t), wanted) << t;
      }
    }
  }
}

TEST(LinearDynamics, MomentumCountsItsSlowStepsByBisection) {
  // One slow mode, rho_t ~ e^{-t eta lambda / (1 - beta)}: long after the fast one has swung out.
  const at::Tensor kernel = at::diag(at::tensor({1.0, 1e-6}, at::kDouble));
  const LinearDynamics dynamics(
      kernel, at::zeros({2, 1}, at::kDouble), at::ones({2, 1}, at::kDouble));
  const auto steps = dynamics.steps_to(LinearMethod::descent(1, 0.9), 1e-4);
  ASSERT_TRUE(steps);
  EXPECT_NEAR(static_cast<double>(*steps) / (std::log(0.5 / 1e-4) / 2 * 1e5), 1, 1e-3);
}

TEST(LinearDynamics, KeepsToItsMemoryPlan) {
  const at::Tensor root = normal({300, 300}, "root");
  const at::Tensor kernel = at::matmul(root, root.t());
  const at::Tensor targets = at::ones({300, 1}, at::kDouble);
  const at::Tensor initial = at::zeros({300, 1}, at::kDouble);
  const tests::AllocationCounter counter;
  const LinearDynamics dynamics(kernel, targets, initial);
  EXPECT_LE(counter.peak_bytes(), static_cast<std::int64_t>(plan_linear_dynamics(300).total()));
}

TEST(LinearDynamics, DivergenceAndBadInputAreNamed) {
  const LinearNetwork network;
  const auto dynamics = network.dynamics();
  const auto tall = LinearMethod::descent(1.1 * dynamics.largest_step());
  tests::expect_error(ErrorKind::numeric, {"diverged", "largest stable"}, [&] {
    (void)dynamics.outputs(tall, kInfinity);
  });
  tests::expect_error(ErrorKind::numeric, {"diverged"}, [&] { (void)dynamics.outputs(tall, 1e6); });
  EXPECT_GT(dynamics.objective(tall, 100), dynamics.objective(tall, 50));
  EXPECT_FALSE(dynamics.steps_to(tall, 1e-3));
  const auto usage = ErrorKind::usage;
  tests::expect_error(usage, {"whole", "2.5"}, [&] { (void)dynamics.outputs(kPlain, 2.5); });
  tests::expect_error(usage, {"time", "-1"}, [&] { (void)dynamics.outputs(kPlain, -1); });
  tests::expect_error(usage, {"time"}, [&] { (void)dynamics.steps_to(LinearMethod::flow(), 0.1); });
  tests::expect_error(usage, {"(25, 25)", "(75, 75)", "(24, 24)"}, [&] {
    LinearDynamics(at::eye(24, at::kDouble), network.targets, network.initial());
  });
  tests::expect_error(usage, {"shaped as the targets", "(7, 3)"}, [&] {
    LinearDynamics(network.kernel(), network.targets, network.test_initial());
  });
  tests::expect_error(usage, {"(7, 25)", "(6, 25)"}, [&] {
    (void)dynamics.test_outputs(kPlain, 1, network.cross().narrow(0, 0, 6), network.test_initial());
  });
}

/// A tangent kernel and another covariance of the outputs at initialisation.
struct InfiniteNetwork : LinearNetwork {
  at::Tensor root = normal({kSamples + kOthers, 50}, "root") / std::sqrt(50.0);

  [[nodiscard]] at::Tensor covariance() const { return at::matmul(root, root.t()); }
  [[nodiscard]] ConjugateKernel conjugate() const {
    const at::Tensor all = covariance();
    return {.train = all.narrow(0, 0, kSamples).narrow(1, 0, kSamples),
            .cross = all.narrow(0, kSamples, kOthers).narrow(1, 0, kSamples),
            .test = all.narrow(0, kSamples, kOthers).narrow(1, kSamples, kOthers)};
  }
};

double smallest_eigenvalue(const at::Tensor& matrix) {
  return at::linalg_eigvalsh(matrix)[0].item<double>();
}

TEST(EnsembleDynamics, EqualTheMapOfTheInitialOutputs) {
  // f_t is linear in (f_0(X), f_0(x)); its matrix M, taken from single networks, gives M C M^T.
  const InfiniteNetwork network;
  const EnsembleDynamics ensemble(
      network.kernel(), network.cross(), network.conjugate(), network.targets);
  const at::Tensor zeros = at::zeros({kSamples, kSamples + kOthers}, at::kDouble);
  const at::Tensor starts = at::eye(kSamples + kOthers, at::kDouble);
  for (const auto& method : {kPlain, kHeavy, LinearMethod::flow()}) {
    for (const double t : {0.0, 3.0, 50.0}) {
      const LinearDynamics each(network.kernel(), zeros, starts.narrow(0, 0, kSamples));
      const at::Tensor map = at::cat(
          {each.outputs(method, t),
           each.test_outputs(method, t, network.cross(), starts.narrow(0, kSamples, kOthers))});
      const at::Tensor all = at::matmul(map, at::matmul(network.covariance(), map.t()));
      const auto moments = ensemble.moments(method, t);
      EXPECT_LT(relative_difference(moments.train_covariance,
                                    all.narrow(0, 0, kSamples).narrow(1, 0, kSamples)),
                1e-11);
      EXPECT_LT(relative_difference(moments.test_covariance,
                                    all.narrow(0, kSamples, kOthers).narrow(1, kSamples, kOthers)),
                1e-11);
      const LinearDynamics mean(network.kernel(), network.targets, at::zeros_like(network.targets));
      EXPECT_LT(relative_difference(moments.train_mean, mean.outputs(method, t)), 1e-11);
      EXPECT_LT(relative_difference(
                    moments.test_mean,
                    mean.test_outputs(
                        method, t, network.cross(), at::zeros({kOthers, kOutputs}, at::kDouble))),
                1e-11);
    }
  }
}

TEST(EnsembleDynamics, BeginAtThePrior) {
  const InfiniteNetwork network;
  const EnsembleDynamics ensemble(
      network.kernel(), network.cross(), network.conjugate(), network.targets);
  const auto moments = ensemble.moments(LinearMethod::flow(), 0);
  EXPECT_LT(relative_difference(moments.train_covariance, network.conjugate().train),
            tests::kRounding);
  EXPECT_LT(relative_difference(moments.test_covariance, network.conjugate().test),
            tests::kRounding);
  EXPECT_LT(moments.train_mean.abs().max().item<double>(), tests::kRounding);
  EXPECT_EQ(moments.test_mean.abs().max().item<double>(), 0);
}

TEST(EnsembleDynamics, OfTheConjugateKernelEndAtTheGaussianProcess) {
  const InfiniteNetwork network;
  const auto prior = network.conjugate();
  const EnsembleDynamics ensemble(prior.train, prior.cross, prior, network.targets);
  const auto moments = ensemble.moments(LinearMethod::flow(), kInfinity);
  const at::Tensor gain = at::linalg_solve(prior.train, prior.cross.t());  // (n, p)
  EXPECT_LT(relative_difference(moments.test_mean, at::matmul(gain.t(), network.targets)), 1e-10);
  EXPECT_LT(
      relative_difference(moments.test_covariance, prior.test - at::matmul(prior.cross, gain)),
      1e-10);
  EXPECT_LT(moments.train_covariance.abs().max().item<double>(), tests::kRounding);
}

TEST(EnsembleDynamics, CovariancesArePositiveSemiDefinite) {
  const InfiniteNetwork network;
  const EnsembleDynamics ensemble(
      network.kernel(), network.cross(), network.conjugate(), network.targets);
  for (const auto& method : {kPlain, kHeavy, LinearMethod::flow()}) {
    for (const double t : {0.0, 1.0, 20.0, 1e4, kInfinity}) {
      const auto moments = ensemble.moments(method, t);
      for (const auto& covariance : {moments.train_covariance, moments.test_covariance}) {
        EXPECT_TRUE(at::equal(covariance, covariance.t()));
        EXPECT_GT(smallest_eigenvalue(covariance), -tests::kRounding) << t;
      }
    }
  }
}

TEST(EnsembleDynamics, ShapesAreChecked) {
  const InfiniteNetwork network;
  auto conjugate = network.conjugate();
  conjugate.test = conjugate.train;
  tests::expect_error(ErrorKind::usage, {"(7, 7)", "(25, 25)"}, [&] {
    EnsembleDynamics(network.kernel(), network.cross(), conjugate, network.targets);
  });
}

}  // namespace
}  // namespace overparam::kernel
