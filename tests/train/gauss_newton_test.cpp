// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernel_preconditioner.hpp"
#include "net/architectures.hpp"
#include "newton_solver.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/linalg/solve.hpp"
#include "overparam/train/checkpoint.hpp"
#include "overparam/train/newton_plan.hpp"
#include "overparam/train/trainer.hpp"
#include "support/allocations.hpp"
#include "support/files.hpp"
#include "support/tolerance.hpp"
#include "train/problems.hpp"

namespace overparam::train {
namespace {

using net::Network;
using tests::relative_difference;
using tests::small_network;
using tests::small_problem;

struct History {
  TrainResult result;
  std::vector<double> objectives;
  std::vector<NewtonStep> steps;  // one less

  [[nodiscard]] double ratio() const { return objectives.back() / objectives.front(); }
};

TrainOptions newton_options(double ratio, Solver solver = Solver::automatic) {
  return {.method = Method::gauss_newton,
          .newton = {.solver = solver},
          .stop = {.max_steps = 60, .target_ratio = ratio}};
}

History descend(Network& network, const Problem& problem, const TrainOptions& options) {
  History history;
  TrainState state;
  history.result =
      train(network, problem, options, state, {.on_measurement = [&](const Moment& now) {
              history.objectives.push_back(now.evaluation.objective);
              if (now.newton != nullptr) history.steps.push_back(*now.newton);
            }});
  return history;
}

/// p of r_{t+1} ~ r_t^p with r = F^(1/2), between the last four objectives.
double order_of(const std::vector<double>& objectives) {
  const auto log = [&](std::size_t back) { return std::log(objectives[objectives.size() - back]); };
  return (log(1) - log(2)) / (log(2) - log(3));
}

/// A loss's targets for a network of d outputs.
Problem problem_for(const std::string& loss, std::int64_t n, std::int64_t d) {
  return small_problem(n, d, at::kDouble, loss.c_str());
}

TEST(GaussNewton, ALinearNetworkTakesOneStep) {
  // With B alone trained y is linear in the weights, and the step is the least-norm solution.
  const Problem problem = small_problem();
  Network network = small_network(problem, 64, 2, 1, "last");
  const History history = descend(network, problem, newton_options(1e-20, Solver::dense));
  EXPECT_EQ(history.result.reason, StopReason::target_ratio);
  EXPECT_LE(history.result.steps, 3);
  EXPECT_LT(history.objectives[1] / history.objectives[0], 1e-8);
}

TEST(GaussNewton, AStepIsThatOfTheDenseKernel) {
  const Problem problem = small_problem();
  Network network = small_network(problem);
  Network expected = network.clone();
  net::Workspace workspace(network.options());
  const net::Tape tape = expected.record(problem.inputs, workspace);
  const at::Tensor residual = (tape.outputs() - problem.targets).view({-1, 1});
  const at::Tensor kernel = kernel::tangent_kernel(expected, problem.inputs);
  const at::Tensor a = at::linalg_solve(kernel, residual);
  auto step = net::Parameters::trained_zeros(expected.architecture(), expected.options());
  expected.add_gradient(tape, a.view(problem.targets.sizes()), -1, step, workspace);
  expected.parameters().add(step);

  TrainOptions options = newton_options(0, Solver::dense);
  options.newton.tolerance = 1e-8;
  options.stop.max_steps = 1;
  descend(network, problem, options);
  EXPECT_LT(relative_difference(network.forward(problem.inputs, workspace),
                                expected.forward(problem.inputs, workspace)),
            1e-6);
}

TEST(GaussNewton, BothSolversGoTheSameWay) {
  const Problem problem = small_problem();
  TrainOptions options = newton_options(0);
  options.stop.max_steps = 3;
  options.newton.tolerance = 1e-4;
  std::vector<History> histories;
  for (const auto solver : {Solver::dense, Solver::conjugate_gradients}) {
    options.newton.solver = solver;
    Network network = small_network(problem, 256);
    histories.push_back(descend(network, problem, options));
  }
  for (std::size_t step = 0; step <= 3; ++step) {
    EXPECT_NEAR(histories[0].objectives[step] / histories[1].objectives[step], 1, 0.01) << step;
  }
}

class NewtonArchitecture : public testing::TestWithParam<tests::NamedArchitecture> {};

TEST_P(NewtonArchitecture, ComesToAGlobalMinimum) {
  const auto& shape = GetParam().architecture;
  constexpr std::int64_t kSamples = 2;
  Problem problem{.inputs = tests::normal({kSamples, tests::kInputSize}, "inputs"),
                  .loss = net::find_loss("squared")};
  Network network(shape, 3, problem.inputs.options());
  net::Workspace workspace(network.options());
  // Near by for networks as small as these, which cannot move far; K tells which can move at all.
  const at::Tensor outputs = network.forward(problem.inputs, workspace);
  problem.targets = outputs + 0.01 * tests::normal(outputs.sizes(), "targets");
  const at::Tensor kernel = kernel::tangent_kernel(network, problem.inputs);
  const at::Tensor values = at::linalg_eigvalsh(kernel);
  const bool regular = values[0].item<double>() > 1e-3 * values[-1].item<double>();
  const History history = descend(network, problem, newton_options(1e-12));
  EXPECT_LE(history.ratio(), 1);
  if (regular) {
    EXPECT_EQ(history.result.reason, StopReason::target_ratio) << history.ratio();
    EXPECT_LE(history.result.steps, 15);
  }
}

INSTANTIATE_TEST_SUITE_P(Catalogue,
                         NewtonArchitecture,
                         testing::ValuesIn(tests::small_architectures()),
                         [](const auto& test) { return test.param.name; });

class NewtonLoss : public testing::TestWithParam<net::Loss> {};

TEST_P(NewtonLoss, ComesDown) {
  for (const auto solver : {Solver::dense, Solver::conjugate_gradients}) {
    const Problem problem = problem_for(GetParam().name, 12, 3);
    Network network = small_network(problem, 256);
    // The losses of classes have their minimum at infinity, where each step gains a factor.
    const bool at_infinity = problem.loss.targets != net::TargetKind::any;
    const double ratio = at_infinity ? 1e-4 : 1e-12;
    const History history = descend(network, problem, newton_options(ratio, solver));
    EXPECT_EQ(history.result.reason, StopReason::target_ratio)
        << to_string(history.result.reason) << " " << history.ratio() << " " << to_string(solver);
    EXPECT_LE(history.result.steps, 30);
  }
}

INSTANTIATE_TEST_SUITE_P(Catalogue,
                         NewtonLoss,
                         testing::ValuesIn(net::losses()),
                         [](const auto& test) {
                           std::string name = test.param.name;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(GaussNewton, ConvergesFasterThanLinearly) {
  // Quadratically where the network is smooth. With ReLUs the signs that flip on the way cost half
  // an order: the residual that a step leaves is about the 3/2-th power of the one before.
  const Problem problem = small_problem(12, 2);
  for (const char* activation : {"softplus", "relu"}) {
    auto shape = net::find_network("fc").build({.input_size = problem.inputs.size(1),
                                                .num_outputs = 2,
                                                .width = 512,
                                                .depth = 2,
                                                .activation = activation});
    net::select_trained(shape, "hidden");
    Network network(shape, 1, problem.inputs.options());
    TrainOptions options = newton_options(1e-18, Solver::dense);
    options.newton.tolerance = 1e-8;
    const History history = descend(network, problem, options);
    EXPECT_EQ(history.result.reason, StopReason::target_ratio) << activation;
    EXPECT_GT(order_of(history.objectives), 1.2) << activation;
  }
}

TEST(GaussNewton, ConflictingLabelsEndInTheirFloor) {
  // Each input twice with targets t and -t: the best is 0 for both, F = sum |t|^2 / 2.
  for (const auto type : {at::kDouble, at::kFloat}) {
    for (const auto solver : {Solver::dense, Solver::conjugate_gradients}) {
      Problem problem = small_problem(6, 2, type);
      const double floor = problem.targets.square().sum().item<double>();
      problem.inputs = at::cat({problem.inputs, problem.inputs});
      problem.targets = at::cat({problem.targets, -problem.targets});
      Network network = small_network(problem, 256);
      const History history = descend(network, problem, newton_options(1e-12, solver));
      EXPECT_EQ(history.result.reason, StopReason::stationary);
      EXPECT_NEAR(history.objectives.back() / floor, 1, 1e-5) << to_string(solver);
    }
  }
}

TEST(GaussNewton, TooNarrowANetworkGivesTheLeastSquaresAnswer) {
  // 40 samples on 8 features: B alone is trained, so that the pseudo-inverse knows the
  // answer.
  const Problem problem = small_problem(40, 2);
  Network network = small_network(problem, 8, 1, 1, "last");
  net::Workspace workspace(network.options());
  const net::Tape tape = network.record(problem.inputs, workspace);
  const at::Tensor features = tape.features(network.architecture().num_layers() - 2);
  const at::Tensor best = at::matmul(at::linalg_pinv(features, 1e-12), problem.targets);
  const double least =
      (at::matmul(features, best) - problem.targets).square().sum().item<double>() / 2;
  const History history = descend(network, problem, newton_options(1e-12));
  EXPECT_EQ(history.result.reason, StopReason::stationary);
  EXPECT_NEAR(history.objectives.back() / least, 1, 1e-5);
}

TEST(GaussNewton, SinglePrecisionEndsAtItsRounding) {
  const Problem problem = small_problem(12, 2, at::kFloat);
  Network network = small_network(problem, 256);
  const History history = descend(network, problem, newton_options(1e-20));
  EXPECT_EQ(history.result.reason, StopReason::no_descent);
  EXPECT_LT(history.ratio(), 1e-10);
}

TEST(GaussNewton, BatchesComeDownTogether) {
  const Problem problem = small_problem(12, 2);
  Network network = small_network(problem, 256);
  TrainOptions options = newton_options(1e-8);
  options.batch_size = 4;
  options.stop.max_steps = 200;
  const History history = descend(network, problem, options);
  EXPECT_EQ(history.result.reason, StopReason::target_ratio) << history.ratio();
}

TEST(GaussNewton, PredictsWhatANetworkDoesNearItsStart) {
  Problem problem = small_problem();
  Network network = small_network(problem, 256);
  net::Workspace workspace(network.options());
  const at::Tensor outputs = network.forward(problem.inputs, workspace);
  problem.targets = outputs + 1e-5 * problem.targets;
  TrainOptions options = newton_options(1e-6, Solver::conjugate_gradients);
  options.newton.tolerance = 0.1;
  const History history = descend(network, problem, options);
  ASSERT_FALSE(history.steps.empty());
  EXPECT_NEAR(history.steps[0].predicted / history.objectives[1], 1, 0.01);
  EXPECT_LE(history.steps[0].residual, 0.1);
}

TEST(GaussNewton, GoesOnToTheSameBitsAfterAnInterruptedSolve) {
  const Problem problem = small_problem();
  const TrainOptions options = newton_options(1e-20, Solver::conjugate_gradients);
  Network whole = small_network(problem);
  const History expected = descend(whole, problem, options);
  ASSERT_GT(expected.result.steps, 5);

  Network broken = small_network(problem);
  TrainState state;
  const auto first =
      train(broken, problem, options, state, {.on_measurement = [](const Moment& now) {
              if (now.step == 5) base::set_interrupt(2);
            }});
  base::set_interrupt(0);
  EXPECT_EQ(first.reason, StopReason::interrupted);
  const tests::TemporaryFolder folder;
  save_checkpoint(folder / "state", broken, state, "same");
  Network restored = small_network(problem);
  TrainState resumed = load_checkpoint(folder / "state", restored, "same");
  EXPECT_EQ(resumed.step, 5);
  const auto second = train(restored, problem, options, resumed);
  EXPECT_EQ(second.steps, expected.result.steps);
  EXPECT_EQ(second.final_evaluation.objective, expected.objectives.back());
}

/// The squared loss behind a wall around its minimum, which no whole step stays clear of.
struct Wall {
  static inline double radius = 0;
  static inline bool interrupts = false;  // whoever runs into it

  static double value(net::Loss::Vector output, net::Loss::Vector target) {
    double squared = 0;
    for (std::size_t a = 0; a < output.size(); ++a) {
      squared += (output[a] - target[a]) * (output[a] - target[a]);
    }
    const bool inside = squared < radius * radius;
    if (inside && interrupts) base::set_interrupt(2);
    return squared / 2 + (inside ? 1e9 : 0);
  }
};

TEST(GaussNewton, AnInterruptBetweenAttemptsLeavesTheDampingForTheNextRun) {
  Problem problem = small_problem(1, 4);
  problem.loss.value = Wall::value;
  TrainOptions options = newton_options(0, Solver::conjugate_gradients);
  options.stop.max_steps = 1;
  Network whole = small_network(problem);
  Network broken = whole.clone();
  net::Workspace workspace(whole.options());
  const at::Tensor start = whole.forward(problem.inputs, workspace);
  Wall::radius = 0.9 * (start - problem.targets).norm().item<double>();
  const History expected = descend(whole, problem, options);
  ASSERT_EQ(expected.result.steps, 1);
  EXPECT_GT(expected.steps[0].damping, 0);  // some attempts failed

  TrainState state;
  Wall::interrupts = true;
  const auto first = train(broken, problem, options, state);
  Wall::interrupts = false;
  base::set_interrupt(0);
  EXPECT_EQ(first.reason, StopReason::interrupted);
  EXPECT_EQ(first.steps, 0);
  EXPECT_EQ(state.newton.damping, 0);
  const auto second = train(broken, problem, options, state);
  EXPECT_EQ(second.steps, 1);
  EXPECT_EQ(second.final_evaluation.objective, expected.objectives.back());
}

TEST(GaussNewton, AKernelThatWasInterruptedEndsTheRunAsAnInterruption) {
  const Problem problem = small_problem();
  for (const auto solver : {Solver::dense, Solver::conjugate_gradients}) {
    Network network = small_network(problem);
    const Network start = network.clone();
    TrainOptions options = newton_options(1e-16, solver);
    options.batch_size = problem.size();
    TrainState state;
    const auto result =
        train(network, problem, options, state, {.on_measurement = [](const Moment&) {
                base::set_interrupt(2);
              }});
    base::set_interrupt(0);
    EXPECT_EQ(result.reason, StopReason::interrupted) << to_string(solver);
    EXPECT_EQ(result.steps, 0);
    net::Workspace workspace(network.options());
    EXPECT_TRUE(at::equal(network.forward(problem.inputs, workspace),
                          start.forward(problem.inputs, workspace)));
  }
}

TEST(GaussNewton, PlanChoosesByCostAndMemory) {
  auto shape = net::find_network("fc").build(
      {.input_size = 100, .num_outputs = 10, .width = 1024, .depth = 2});
  net::select_trained(shape, "hidden");
  const auto few = plan_newton(shape, 10, at::kDouble, {});
  EXPECT_EQ(few.model, KernelModel::dense);
  EXPECT_EQ(few.product_type, at::kDouble);
  const auto many = plan_newton(shape, 2000, at::kDouble, {});
  EXPECT_NE(many.model, KernelModel::dense);
  EXPECT_EQ(many.product_type, at::kFloat);
  EXPECT_EQ(many.landmarks, 0);
  constexpr std::uint64_t kMebi = 1 << 20;
  const auto most = plan_newton(shape, 30'000, at::kFloat, {.memory_limit = 3000 * kMebi});
  EXPECT_GT(most.landmarks, 0);
  EXPECT_LE(most.memory.total(), 3000 * kMebi);
  tests::expect_error(ErrorKind::capacity, {"Gauss-Newton"}, [&] {
    plan_newton(shape, 2000, at::kFloat, {.solver = Solver::dense, .memory_limit = kMebi});
  });
}

/// Products that a solve with K takes, with one model of K after another in the preconditioner; the
/// last without any.
std::vector<int> products_with_models(const Problem& problem,
                                      std::int64_t width,
                                      const std::vector<NewtonPlan>& plans) {
  const std::int64_t outputs_in_all = problem.targets.numel();
  Network network = small_network(problem, width);
  net::Workspace workspace(network.options());
  const at::Tensor outputs = network.forward(problem.inputs, workspace);
  const OutputCurvature curvature(problem.loss, outputs, problem.targets);
  constexpr double kDamping = 1e-5;
  const at::Tensor kernel = kernel::tangent_kernel(network, problem.inputs);
  const double ridge = kDamping * kernel.diagonal().mean().item<double>();
  const auto op = linalg::dense_operator(kernel + ridge * at::eye(outputs_in_all, at::kDouble));
  const at::Tensor right = tests::normal({outputs_in_all}, "right");
  const auto plain = linalg::conjugate_gradients(op, right, {.tolerance = 1e-4});
  std::vector<int> products;
  for (const NewtonPlan& plan : plans) {
    KernelPreconditioner preconditioner(network, problem.inputs, curvature, kDamping, plan, 0);
    const auto helped = linalg::conjugate_gradients(
        op, right, {.tolerance = 1e-4, .preconditioner = [&](const at::Tensor& v, at::Tensor& out) {
                      at::Tensor flat = out.view({-1});
                      preconditioner.solve(v.view({-1}), flat);
                    }});
    EXPECT_TRUE(helped.converged);
    EXPECT_LT(relative_difference(helped.solution, plain.solution), 0.1);
    products.push_back(helped.products);
  }
  products.push_back(plain.products);
  return products;
}

TEST(GaussNewton, PreconditionersSaveIterations) {
  const auto products = products_with_models(small_problem(120, 2),
                                             256,
                                             {{.model = KernelModel::dense},
                                              {.model = KernelModel::split},
                                              {.model = KernelModel::mean},
                                              {.model = KernelModel::landmarks, .landmarks = 60}});
  EXPECT_LE(products[0], 5);
  EXPECT_TRUE(std::ranges::is_sorted(products)) << fmt::format("{}", fmt::join(products, ", "));
  EXPECT_LT(products[1], products[4] / 4);
}

TEST(GaussNewton, SplittingMeanFeaturesServesManyOutputsOfFewNeurons) {
  // n d = 3,200 outputs, R = 512 derivatives along mean features: there K is not K^ (x) I_d. Inputs
  // as separated as images are.
  Problem problem = small_problem(400, 8);
  problem.inputs = tests::normal({400, 100}, "many features");
  problem.inputs /= problem.inputs.norm(2, 1, true);
  const auto products = products_with_models(
      problem, 256, {{.model = KernelModel::split}, {.model = KernelModel::mean}});
  EXPECT_LT(2 * products[0], products[1]) << fmt::format("{}", fmt::join(products, ", "));
}

TEST(GaussNewton, IterationsAllocateNothing) {
  // 60 outputs: K itself; 3,200: its split.
  for (const std::int64_t n : {30, 400}) {
    const Problem problem = small_problem(n, n == 30 ? 2 : 8);
    Network network = small_network(problem, 256);
    net::Workspace workspace(network.options());
    const at::Tensor outputs = network.forward(problem.inputs, workspace);
    std::vector<std::int64_t> counts;
    std::vector<int> iterations;
    for (const int products : {2, 7}) {
      NewtonSolver solver(network, n, {.max_products = products});
      solver.linearise(network, problem, outputs);
      solver.solve(1e-9, 1e-15, {});  // makes the preconditioner, and meets every size
      const tests::AllocationCounter counter;
      iterations.push_back(solver.solve(1e-9, 1e-15, {}).iterations);
      counts.push_back(counter.count());
    }
    EXPECT_GT(iterations[1], iterations[0]) << n;
    EXPECT_EQ(counts[1], counts[0]) << n;
  }
}

TEST(GaussNewton, WrongOptionsAreNamed) {
  const Problem problem = small_problem();
  Network network = small_network(problem);
  TrainOptions options = newton_options(1e-3);
  options.momentum = 0.5;
  tests::expect_error(
      ErrorKind::usage, {"gauss-newton", "momentum"}, [&] { descend(network, problem, options); });
  options.momentum = 0;
  options.newton.tolerance = 2;
  tests::expect_error(
      ErrorKind::usage, {"tolerance", "(0, 1)"}, [&] { descend(network, problem, options); });
  options.newton.tolerance = 0.1;
  options.newton.damping = -1;
  tests::expect_error(ErrorKind::usage, {"damping"}, [&] { descend(network, problem, options); });
}

}  // namespace
}  // namespace overparam::train
