// SPDX-License-Identifier: Apache-2.0
#include "parity_run.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "overparam/base/random.hpp"
#include "overparam/kernel/infinite.hpp"
#include "overparam/linalg/products.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/train/trainer.hpp"

namespace overparam::study {

namespace {

constexpr std::int64_t kInputs = 30;
constexpr std::int64_t kOutputs = 8;
constexpr std::int64_t kBatch = 50;
constexpr double kMomentum = 0.9;
constexpr double kRidges[] = {1e-10, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10};

train::Problem draw(const ParityConcept& task,
                    std::int64_t samples,
                    at::ScalarType type,
                    std::uint64_t seed,
                    const char* part) {
  base::Random random(base::Stream(seed, part));
  at::Tensor inputs = at::empty({samples, kInputs}, at::kDouble);
  double* entry = inputs.data_ptr<double>();
  for (std::int64_t i = 0; i < inputs.numel(); ++i) entry[i] = random.below(2) == 0 ? -1 : 1;
  const at::Tensor pairs =
      inputs.narrow(1, 0, 2 * kOutputs).reshape({samples, kOutputs, 2}).prod(2);
  const at::Tensor fours =
      pairs.reshape({samples, 2, kOutputs / 2}).prod(2).repeat_interleave(kOutputs / 2, 1);
  return {.inputs = inputs.to(type),
          .targets = (task.beta * pairs + task.alpha * fours).to(type),
          .loss = net::find_loss("squared")};
}

train::Problem training_set(const ParityConcept& task, at::ScalarType type, std::uint64_t seed) {
  return draw(task, kParitySamples, type, seed, "parity.train");
}

train::Problem test_set(const ParityConcept& task, at::ScalarType type, std::uint64_t seed) {
  return draw(task, kParityTestSamples, type, seed, "parity.test");
}

net::Architecture network_of(ParityNetwork network, std::int64_t width) {
  auto shape = net::make_architecture(
      "three-layer", {.input_size = kInputs, .num_outputs = kOutputs, .width = width});
  if (network == ParityNetwork::two_layer) {
    shape.layers.resize(2);  // out_1 is the output
    shape.blocks.resize(static_cast<std::size_t>(shape.find_block("V")));
    shape.validate();
  }
  return shape;
}

/// E |out - H|^2
double risk_of(const net::Evaluation& evaluation, std::int64_t samples) {
  return 2 * evaluation.objective / static_cast<double>(samples);
}

double risk_of(const at::Tensor& outputs, const at::Tensor& targets) {
  return (outputs - targets).square().sum(1).mean().item<double>();
}

/// The best test risk over ridges of kernel regression.
/// @param among kernel of the training samples, (n, n)
/// @param across of test samples with training samples, (N, n)
ParityRisk regression(const at::Tensor& among,
                      const at::Tensor& across,
                      const at::Tensor& targets,
                      const at::Tensor& test_targets) {
  const auto [values, vectors] = at::linalg_eigh(among);
  const at::Tensor image = vectors.t().mm(targets);  // (n, d)
  const double scale = values.clamp_min(0).mean().item<double>();
  ParityRisk best{.test = std::numeric_limits<double>::infinity()};
  for (const double ridge : kRidges) {
    const at::Tensor shifted = values.clamp_min(0) + ridge * scale;
    const at::Tensor dual = vectors.mm(image / shifted.unsqueeze(1));
    const double test = risk_of(across.mm(dual), test_targets);
    if (test < best.test) {
      best = {.train = risk_of(among.mm(dual), targets), .test = test, .ridge = ridge};
    }
  }
  return best;
}

}  // namespace

ParityRisk train_on_parity(const ParityConcept& task,
                           const ParityTraining& training,
                           std::uint64_t seed) {
  const auto problem = training_set(task, at::kFloat, seed);
  net::Network network(
      network_of(training.network, training.width), seed, problem.inputs.options());
  const std::int64_t steps = training.epochs * (kParitySamples / kBatch);
  // `train` descends the sum over samples, the source the mean.
  constexpr auto kSamples = static_cast<double>(kParitySamples);
  const auto result = train::train(network,
                                   problem,
                                   {.method = train::Method::sgd,
                                    .step_size = training.step_size / kSamples,
                                    .batch_size = kBatch,
                                    .momentum = kMomentum,
                                    .weight_decay = training.weight_decay * kSamples,
                                    .schedule = {{steps / 2, 0.1}},
                                    .stop = {.max_steps = steps},
                                    .measure_every = steps,
                                    .seed = seed});
  if (result.reason != train::StopReason::max_steps) return {.diverged = true};
  net::Workspace workspace(network.options());
  const auto test = test_set(task, at::kFloat, seed);
  return {.train = risk_of(result.final_evaluation, kParitySamples),
          .test = risk_of(train::evaluate(network, test, workspace), kParityTestSamples)};
}

ParityRisk last_layer_on_parity(const ParityConcept& task, std::int64_t width, std::uint64_t seed) {
  const auto problem = training_set(task, at::kDouble, seed);
  const auto test = test_set(task, at::kDouble, seed);
  const net::Network network(
      network_of(ParityNetwork::two_layer, width), seed, problem.inputs.options());
  net::Workspace workspace(network.options());
  const net::Tape train_tape = network.record(problem.inputs, workspace);
  const net::Tape test_tape = network.record(test.inputs, workspace);
  const at::Tensor& features = train_tape.features(0);  // (n, m)
  at::Tensor among = at::empty({kParitySamples, kParitySamples}, at::kDouble);
  at::Tensor across = at::empty({kParityTestSamples, kParitySamples}, at::kDouble);
  linalg::multiply(among, features, features.t());
  linalg::multiply(across, test_tape.features(0), features.t());
  return regression(among, across, problem.targets, test.targets);
}

ParityRisk kernel_on_parity(const ParityConcept& task, std::uint64_t seed) {
  const auto problem = training_set(task, at::kDouble, seed);
  const auto test = test_set(task, at::kDouble, seed);
  const at::Tensor inputs = at::cat({problem.inputs, test.inputs});
  const at::Tensor with_bias = at::cat({inputs, at::ones({inputs.size(0), 1}, at::kDouble)}, 1);
  const at::Tensor known = kernel::two_layer_kernel(with_bias).narrow(1, 0, kParitySamples);
  return regression(known.narrow(0, 0, kParitySamples),
                    known.narrow(0, kParitySamples, kParityTestSamples),
                    problem.targets,
                    test.targets);
}

base::MemoryPlan plan_parity(std::int64_t width) {
  const auto m = width;
  constexpr auto kAll = kParitySamples + kParityTestSamples;
  base::MemoryPlan plan(fmt::format("learners of width {}", m));
  plan.add("weights and their velocity", {2, m, kInputs + 2 * kOutputs + 2}, sizeof(float));
  plan.add("features of all samples", {2, kAll, m}, sizeof(double));
  plan.add("kernel of all samples", {2, kAll, kAll}, sizeof(double));
  plan.add("its eigenvectors", {4, kParitySamples, kParitySamples}, sizeof(double));
  return plan;
}

}  // namespace overparam::study
