// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/data_plan.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <nlohmann/json.hpp>

#include "overparam/base/interrupt.hpp"
#include "overparam/kernel/dynamics.hpp"
#include "overparam/kernel/infinite.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "study/small_runs.hpp"
#include "support/files.hpp"
#include "support/tolerance.hpp"

namespace overparam::study {
namespace {

using tests::expect_error;
using tests::kRounding;
using tests::small_settings;

/// Sampling few networks, for tests of all but the width.
const PlanLimits kFewNetworks{.width_seeds = 2};

/// Eight points, one output, a network of width 64.
Settings eight_points(std::map<std::string, std::string> changes = {}) {
  changes.insert({{"network.width", "64"}, {"train.target_ratio", "1e-2"}});
  return small_settings(changes);
}

net::Network network_of(const Settings& settings,
                        const PreparedData& data,
                        std::uint64_t seed = 0) {
  return {build_architecture(settings, network_input(data)), seed, at::TensorOptions(at::kDouble)};
}

/// lambda_min(K_m) / lambda_min(K_infinity), mean over sampled networks of this width.
double mean_ratio(Settings settings, double width, int networks) {
  settings.set("network.width", std::to_string(std::llround(width)), "test");
  const auto data = prepare_data(settings);
  const at::Tensor& inputs = data.dataset.train.inputs;
  const kernel::InfiniteKernel limit(build_architecture(settings, network_input(data)));
  const double of_limit =
      limit.scale() * linalg::symmetric_eigenvalues(limit(inputs))[0].item<double>();
  double sum = 0;
  for (int k = 0; k < networks; ++k) {
    const auto network = network_of(settings, data, static_cast<std::uint64_t>(1000 + k));
    const at::Tensor kernel = kernel::tangent_kernel(network, inputs);
    sum += linalg::symmetric_eigenvalues(kernel)[0].item<double>() / of_limit;
  }
  return sum / networks;
}

TEST(DataPlan, EigenvaluesAreThoseOfTheKernel) {
  const auto settings = eight_points({{"network.outputs", "2"}});
  const auto plan = plan_data(settings, {}, kFewNetworks);
  const double scale = 64.0 / (2 * 2);  // m / (2 d)
  const at::Tensor values = scale * linalg::symmetric_eigenvalues(kernel::infinite_kernel(
                                        plan.prepared.dataset.train.inputs, 1));
  EXPECT_NEAR(plan.limit.scale, scale, kRounding);
  EXPECT_NEAR(plan.limit.lambda_max, values[-1].item<double>(), 1e3 * kRounding);
  EXPECT_NEAR(plan.limit.lambda_min, values[0].item<double>(), 1e3 * kRounding);
  EXPECT_EQ(plan.limit.lambda_min, plan.limit.lambda_min_distinct);
  EXPECT_NEAR(plan.limit.condition, plan.limit.lambda_max / plan.limit.lambda_min, 1e-6);
  ASSERT_EQ(plan.limit.eigenvalues.size(), 8u);
  EXPECT_EQ(plan.limit.eigenvalues.front(), plan.limit.lambda_min);
}

TEST(DataPlan, StepsAreThoseOfTheDenseKernels) {
  const auto settings = eight_points();
  const auto plan = plan_data(settings, {}, kFewNetworks);
  const auto& data = plan.prepared.dataset.train;
  const auto network = network_of(settings, plan.prepared);
  net::Workspace workspace(network.options());
  const at::Tensor start = network.forward(data.inputs, workspace);

  const kernel::LinearDynamics dense(
      kernel::tangent_kernel(network, data.inputs), data.targets, start);
  EXPECT_NEAR(plan.step.step_size * plan.step.lambda_max, 1, kRounding);
  EXPECT_NEAR(plan.step.largest_step, dense.largest_step(), 1e-3 * dense.largest_step());
  ASSERT_TRUE(plan.duration.predicted.gd && plan.duration.predicted_by_limit.gd);
  const auto method = kernel::LinearMethod::descent(plan.step.step_size);
  EXPECT_EQ(plan.duration.predicted.gd, dense.steps_to(method, 1e-2));

  const kernel::LinearDynamics limit(
      plan.limit.scale * kernel::infinite_kernel(data.inputs, 1), data.targets, start);
  EXPECT_NEAR(plan.step.limit_step, limit.largest_step() / 2, 1e-9);
  EXPECT_EQ(plan.duration.predicted_by_limit.gd,
            limit.steps_to(kernel::LinearMethod::descent(plan.step.limit_step), 1e-2));
}

TEST(DataPlan, TheExcessIsThatOfARun) {
  // Fewer samples than the subset holds, so that the run on it is the whole training.
  const auto settings = eight_points({{"train.max_steps", "100000"}});
  const auto plan = plan_data(settings, {}, kFewNetworks);
  const auto record = tests::run(settings);
  ASSERT_TRUE(record.reached_target);
  EXPECT_EQ(plan.duration.excess_samples, 8);
  EXPECT_EQ(plan.duration.excess_steps, record.facts.steps);
  EXPECT_LE(plan.duration.excess_ratio, 1e-2);
  const double over =
      static_cast<double>(record.facts.steps) / static_cast<double>(*plan.duration.predicted.gd);
  EXPECT_LE(plan.duration.excess, over) << "the run went a little below the target";
  EXPECT_GE(plan.duration.excess, 0.9 * over);
}

TEST(DataPlan, ALinearModelHasNoExcessAndNeedsOneNewtonStep) {
  const auto plan = plan_data(eight_points({{"network.trained", "last"}}), {}, kFewNetworks);
  EXPECT_EQ(plan.duration.newton_steps, 1);
  EXPECT_LT(plan.duration.newton_ratio, 1e-10);
  const double steps = static_cast<double>(plan.duration.excess_steps);
  EXPECT_NEAR(plan.duration.excess, 1, 1 / steps);
}

TEST(DataPlan, NewtonStepsReachTheTarget) {
  const auto plan = plan_data(eight_points(), {}, kFewNetworks);
  ASSERT_TRUE(plan.duration.newton_steps);
  EXPECT_GE(*plan.duration.newton_steps, 1);
  EXPECT_LT(*plan.duration.newton_steps, *plan.duration.predicted.gd);
  EXPECT_LE(plan.duration.newton_ratio, 1e-2);
}

TEST(DataPlan, TheWidthIsWhereHalfIsKept) {
  // Ten times as many weights as the interval rests on, of other seeds; a factor of 1.5 beyond its
  // ends, because each seed's first width above one half lies below that of the mean.
  const auto settings = eight_points({{"data.samples", "6"}});
  const auto plan = plan_data(settings, {}, {.width_seeds = 12});
  ASSERT_TRUE(plan.needed.found);
  EXPECT_FALSE(plan.needed.extrapolated);
  EXPECT_LE(plan.needed.interval.low, plan.needed.width);
  EXPECT_GE(plan.needed.interval.high, plan.needed.width);
  EXPECT_LT(mean_ratio(settings, plan.needed.interval.low / 1.5, 120), 0.5);
  EXPECT_GT(mean_ratio(settings, plan.needed.interval.high * 1.5, 120), 0.5);
}

TEST(DataPlan, TheWidthContinuesToMoreSamplesAndOutputs) {
  const auto settings = eight_points({{"data.samples", "32"}, {"network.outputs", "4"}});
  const auto part = plan_data(settings, {}, {.width_samples = 16, .width_outputs = 2}).needed;
  const auto whole = plan_data(settings, {}, {.width_samples = 32, .width_outputs = 4}).needed;
  ASSERT_TRUE(part.found && whole.found);
  EXPECT_TRUE(part.extrapolated);
  EXPECT_FALSE(whole.extrapolated);
  EXPECT_GT(part.samples_exponent, 0);
  EXPECT_GT(part.outputs_exponent, 0);
  EXPECT_LE(part.interval.low, whole.interval.high);
  EXPECT_GE(part.interval.high, whole.interval.low);
  EXPECT_LT(part.interval.high, 10 * part.interval.low) << "or it says nothing";
}

TEST(DataPlan, ABudgetThatEndsEarlyIsToldOf) {
  const auto plan = plan_data(eight_points(), {}, {.width_operations = 1, .width_seeds = 2});
  EXPECT_FALSE(plan.needed.found);
  EXPECT_GT(plan.needed.unreached, 0);
  EXPECT_NE(plan_answers(plan)[1].second.find("too few to continue from"), std::string::npos);
  EXPECT_TRUE(to_json(plan).at("width").is_null());
}

TEST(DataPlan, ConflictsAreNamedAndHaveNoSteps) {
  const auto plan =
      plan_data(small_settings({{"data.source", "duplicates"}, {"train.target_ratio", "1e-4"}}),
                {},
                kFewNetworks);
  EXPECT_EQ(plan.limit.lambda_min, 0);
  EXPECT_GT(plan.limit.lambda_min_distinct, 0);
  EXPECT_EQ(plan.limit.distinct, 7);
  EXPECT_FALSE(plan.duration.reachable);
  const auto answers = plan_answers(plan);
  EXPECT_NE(answers[0].second.find("equal inputs and different targets"), std::string::npos);
  EXPECT_NE(answers[3].second.find("contradict each other"), std::string::npos);
  const auto document = to_json(plan);
  EXPECT_EQ(document.at("conflicting_duplicates"), 2);
  EXPECT_GT(document.at("irreducible_objective").get<double>(), 0);
  EXPECT_TRUE(document.at("condition").is_null());
  for (const char* method : {"gd", "sgd", "gauss-newton"}) {
    EXPECT_TRUE(document.at("predicted_steps").at(method).is_null()) << method;
  }
}

TEST(DataPlan, ANetworkWithoutALimitStillHasItsOwnKernel) {
  const auto settings = tests::digit_settings({{"network.kind", "rnn"}, {"network.depth", "2"}});
  const auto plan = plan_data(settings, {}, kFewNetworks);
  EXPECT_FALSE(plan.limit.known);
  EXPECT_FALSE(plan.needed.found);
  EXPECT_GT(plan.duration.subset_lambda_min, 0);
  EXPECT_TRUE(plan.duration.predicted.gd);
  EXPECT_NE(plan_answers(plan)[1].second.find("not known"), std::string::npos);
  EXPECT_TRUE(to_json(plan).at("lambda_min").is_null());
}

TEST(DataPlan, SpeaksOfOneSampleAndOfConstantTargets) {
  const auto one = plan_data(eight_points({{"data.samples", "1"}}), {}, kFewNetworks);
  EXPECT_NE(plan_answers(one)[0].second.find("one sample only"), std::string::npos);
  const tests::TemporaryFolder folder;
  tests::write_bytes(folder / "same.csv", "1,2,3.5\n2,1,3.5\n3,1,3.5\n");
  auto settings = eight_points(
      {{"data.source", (folder / "same.csv").string()}, {"data.samples", "0"}, {"data.dim", "0"}});
  const auto same = plan_data(settings, {}, kFewNetworks);
  EXPECT_TRUE(same.constant_targets);
  EXPECT_NE(plan_answers(same)[0].second.find("All targets are the same"), std::string::npos);
}

TEST(DataPlan, OtherLossesHaveAStepAndNoPrediction) {
  const auto plan = plan_data(eight_points({{"train.loss", "huber"}}), {}, kFewNetworks);
  EXPECT_GT(plan.step.step_size, 0);
  EXPECT_FALSE(plan.duration.reason.empty());
  EXPECT_TRUE(to_json(plan).at("predicted_steps").at("gd").is_null());
}

TEST(DataPlan, RefusesWhatWouldNotFit) {
  expect_error(ErrorKind::capacity, {"would not fit", "weights"}, [] {
    plan_data(eight_points({{"run.memory", "1KiB"}}), {}, kFewNetworks);
  });
}

TEST(DataPlan, EndsBetweenStagesWhenInterrupted) {
  Voice voice;
  voice.say = [](const std::string& text) {
    if (text.starts_with("limit kernel")) base::set_interrupt(SIGINT);
  };
  const auto plan = plan_data(eight_points(), voice, kFewNetworks);
  base::set_interrupt(0);
  EXPECT_TRUE(plan.interrupted);
  EXPECT_EQ(plan.stages.size(), 2u);
}

TEST(DataPlan, ThePageHoldsAnswersFiguresAndNumbers) {
  const auto plan = plan_data(eight_points(), {}, kFewNetworks);
  const auto page = report::to_html(plan_page(plan));
  for (const auto& [question, answer] : plan_answers(plan)) {
    EXPECT_NE(page.find(question), std::string::npos) << question;
  }
  for (const char* text :
       {"id=\"spectrum\"", "id=\"width\"", "id=\"objective\"", "Width measured"}) {
    EXPECT_NE(page.find(text), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace overparam::study
