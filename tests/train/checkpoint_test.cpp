// SPDX-License-Identifier: Apache-2.0
#include "overparam/train/checkpoint.hpp"

#include <gtest/gtest.h>

#include "overparam/base/files.hpp"
#include "overparam/base/interrupt.hpp"
#include "support/files.hpp"
#include "train/problems.hpp"

namespace overparam::train {
namespace {

using net::Network;
using tests::expect_error;
using tests::small_network;
using tests::small_problem;
using tests::TemporaryFolder;

struct Case {
  std::string name;
  TrainOptions options;
};

class Resume : public testing::TestWithParam<Case> {};

TEST_P(Resume, AnInterruptedRunEndsWithTheSameBits) {
  const Problem problem = small_problem(20, 2, at::kFloat);
  TrainOptions options = GetParam().options;
  options.stop.max_steps = 40;
  Network straight = small_network(problem);
  TrainState unused;
  const auto expected = train(straight, problem, options, unused);

  const TemporaryFolder folder;
  const auto path = folder / "state.safetensors";
  {
    Network first = small_network(problem);
    TrainState state;
    const auto result =
        train(first, problem, options, state, {.on_measurement = [](const Moment& moment) {
                if (moment.step >= 17) base::set_interrupt(15);
              }});
    base::set_interrupt(0);
    EXPECT_EQ(to_string(result.reason), "interrupted");
    EXPECT_LT(result.steps, 40);
    save_checkpoint(path, first, state, "settings");
  }
  Network second =
      small_network(problem, 64, 2, 99);  // other weights, which the checkpoint replaces
  TrainState state = load_checkpoint(path, second, "settings");
  EXPECT_GE(state.step, 17);
  const auto result = train(second, problem, options, state);
  EXPECT_EQ(result.steps, 40);
  EXPECT_EQ(result.initial_objective, expected.initial_objective);
  EXPECT_EQ(result.final_evaluation.objective, expected.final_evaluation.objective);
  for (int block = 0; block < 4; ++block) {
    EXPECT_TRUE(at::equal(second.parameters()[block], straight.parameters()[block]));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All,
    Resume,
    testing::Values(Case{"gd", {.step_size = 0.01}},
                    Case{"gd_momentum", {.step_size = 0.005, .momentum = 0.9}},
                    Case{"sgd", {.method = Method::sgd, .step_size = 0.005, .batch_size = 6}},
                    Case{"sgd_momentum_decay",
                         {.method = Method::sgd,
                          .step_size = 0.002,
                          .batch_size = 6,
                          .sampling = Sampling::subset,
                          .momentum = 0.5,
                          .weight_decay = 0.01,
                          .schedule = {{25, 0.1}}}}),
    [](const auto& tested) { return tested.param.name; });

TEST(Checkpoint, AnotherRunsFileIsRefused) {
  const Problem problem = small_problem();
  const Network network = small_network(problem);
  const TemporaryFolder folder;
  const auto path = folder / "state.safetensors";
  save_checkpoint(path, network, {}, "settings");

  Network same = small_network(problem, 64, 2, 99);
  const at::Tensor weights = same.parameters()[1].clone();
  expect_error(ErrorKind::data, {"state.safetensors", "other settings", "different"}, [&] {
    load_checkpoint(path, same, "different");
  });
  EXPECT_TRUE(at::equal(same.parameters()[1], weights));
  Network wider = small_network(problem, 128);
  expect_error(ErrorKind::data, {"tensor A is (64, 6)", "expected (128, 6)"}, [&] {
    load_checkpoint(path, wider, "settings");
  });
  Network deeper = small_network(problem, 64, 3, 99);
  const at::Tensor input = deeper.parameters()[0].clone();
  expect_error(
      ErrorKind::data, {"no tensor W.3"}, [&] { load_checkpoint(path, deeper, "settings"); });
  EXPECT_TRUE(at::equal(deeper.parameters()[0], input)) << "no weights are taken from half a file";
  const Problem single = small_problem(12, 2, at::kFloat);
  Network narrow = small_network(single);
  expect_error(ErrorKind::data, {"Double", "expected", "Float"}, [&] {
    load_checkpoint(path, narrow, "settings");
  });

  tests::write_bytes(path, base::read_file(path).substr(0, 1000));
  expect_error(
      ErrorKind::data, {"state.safetensors"}, [&] { load_checkpoint(path, same, "settings"); });
  base::write_safetensors(path, weights_file(network));
  expect_error(
      ErrorKind::data, {"not a checkpoint"}, [&] { load_checkpoint(path, same, "settings"); });
}

TEST(Checkpoint, StepsThatAreNoWholeNumbersAreRefused) {
  const Problem problem = small_problem();
  Network network = small_network(problem);
  const TemporaryFolder folder;
  const auto path = folder / "state.safetensors";
  save_checkpoint(path, network, {}, "settings");
  const base::TensorFile whole = base::read_safetensors(path);
  for (const char* key : {"step", "newton_milestone_step"}) {
    for (const char* text : {"nan", "1e300", "2.5", ""}) {
      base::TensorFile broken = whole;
      broken.metadata[key] = text;
      base::write_safetensors(path, broken);
      expect_error(ErrorKind::data, {"state.safetensors", key, text}, [&] {
        load_checkpoint(path, network, "settings");
      });
    }
  }
}

TEST(Checkpoint, IsWrittenAsTimePasses) {
  const Problem problem = small_problem();
  Network network = small_network(problem);
  std::vector<std::int64_t> steps;
  TrainState state;
  train(network,
        problem,
        {.step_size = 0.01, .stop = {.max_steps = 5}},
        state,
        {.on_checkpoint = [&](const TrainState& saved) { steps.push_back(saved.step); },
         .checkpoint_seconds = 0});
  EXPECT_EQ(steps, (std::vector<std::int64_t>{1, 2, 3, 4, 5}));
}

}  // namespace
}  // namespace overparam::train
