// SPDX-License-Identifier: Apache-2.0
#include "overparam/train/options.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "overparam/train/step_size.hpp"
#include "support/files.hpp"

namespace overparam::train {
namespace {

using tests::expect_error;

TEST(TrainOptions, WhatCannotWorkIsNamed) {
  const auto refused = [](TrainOptions options, std::initializer_list<std::string_view> parts) {
    if (options.step_size == 0) options.step_size = 1;
    expect_error(ErrorKind::usage, parts, [&] { options.validate(10); });
  };
  refused({.step_size = -1}, {"step size", "-1"});
  refused({.step_size = std::numeric_limits<double>::quiet_NaN()}, {"step size", "nan"});
  refused({.method = Method::sgd, .batch_size = -1}, {"batch", "10 samples", "-1"});
  refused({.method = Method::sgd, .batch_size = 11}, {"batch", "10 samples", "11"});
  refused({.momentum = 1}, {"momentum", "[0, 1)"});
  refused({.weight_decay = -0.1}, {"weight decay"});
  refused({.stop = {.max_steps = -5}}, {"max steps", "-5"});
  refused({.stop = {.target_accuracy = 1.5}}, {"target accuracy", "1.5"});
  TrainOptions{.step_size = 1}.validate(10);
  expect_error(ErrorKind::data, {"no samples"}, [] { TrainOptions{.step_size = 1}.validate(0); });
}

TEST(TrainOptions, NamesAreRead) {
  EXPECT_EQ(parse_method(to_string(Method::sgd)), Method::sgd);
  EXPECT_EQ(parse_sampling(to_string(Sampling::replacement)), Sampling::replacement);
  expect_error(
      ErrorKind::usage, {"method \"sdg\"", "did you mean \"sgd\""}, [] { parse_method("sdg"); });
  expect_error(ErrorKind::usage, {"sampling", "epoch"}, [] { parse_sampling("shuffle"); });
}

TEST(TrainOptions, SchedulesAreRead) {
  EXPECT_TRUE(parse_schedule("").empty());
  const auto schedule = parse_schedule("100:0.1,200:0.5");
  ASSERT_EQ(schedule.size(), 2u);
  EXPECT_EQ(schedule[1].step, 200);
  EXPECT_EQ(schedule[1].factor, 0.5);
  for (const char* wrong : {"100", "100:", "a:0.1", "100:-1", "1:2:3"}) {
    expect_error(ErrorKind::usage, {"STEP:FACTOR"}, [&] { parse_schedule(wrong); });
  }
}

TEST(TrainOptions, StepRulesAreRead) {
  EXPECT_EQ(parse_step_rule("critical").kind, StepRule::Kind::critical);
  EXPECT_EQ(parse_step_rule("theory:10").value, 10);
  EXPECT_EQ(parse_step_rule("1e-3").value, 1e-3);
  for (const char* text : {"critical", "critical:0.5", "theory", "0.001"}) {
    EXPECT_EQ(to_string(parse_step_rule(text)), text);
  }
  for (const char* wrong : {"-1", "0", "nan", "inf", "fast", "critical:0", "theory:x", ""}) {
    expect_error(ErrorKind::usage, {"step"}, [&] { parse_step_rule(wrong); });
  }
}

}  // namespace
}  // namespace overparam::train
