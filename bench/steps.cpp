// SPDX-License-Identifier: Apache-2.0
#include "steps.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "normal.hpp"
#include "overparam/base/clock.hpp"
#include "overparam/linalg/products.hpp"
#include "overparam/net/catalogue.hpp"

namespace overparam::bench {

namespace {

using linalg::multiply;

/// Small enough that nothing changes its size within a measurement.
constexpr double kStepSize = 1e-6;

std::int64_t input_size(const StepShape& shape) {
  return shape.network == "cnn" ? kImageSide * kImageSide : kInputSize;
}

train::Problem problem_of(const StepShape& shape) {
  const std::int64_t num_samples = shape.num_samples;
  train::Problem problem{.inputs = normal({num_samples, input_size(shape)}, "inputs"),
                         .targets = normal({num_samples, kOutputs}, "targets"),
                         .loss = net::find_loss("squared")};
  problem.inputs /= problem.inputs.norm(2, 1, true);
  return problem;
}

net::Network network_of(const StepShape& shape) {
  net::NetworkOptions options{.input_size = input_size(shape),
                              .num_outputs = kOutputs,
                              .width = shape.width,
                              .depth = shape.depth,
                              .bias = "0"};
  if (shape.network == "cnn") options.input_shape = {kImageSide, kImageSide};
  auto architecture = net::find_network(shape.network).build(options);
  net::select_trained(architecture, "hidden");
  return {architecture, 0, at::kFloat};
}

}  // namespace

StepTimer::StepTimer(const StepShape& shape)
    : shape_(shape), problem_(problem_of(shape)), network_(network_of(shape)) {}

double StepTimer::seconds_per_step(std::int64_t steps) {
  constexpr std::int64_t kUncounted = 2;
  const std::int64_t first = state_.step + kUncounted;
  const std::int64_t last = first + steps;
  double begin = 0;
  double end = 0;
  const train::TrainOptions options{
      .method = shape_.method,
      .step_size = kStepSize,
      .batch_size = std::max<std::int64_t>(shape_.batch_size, 1),
      .stop = {.max_steps = last},
      // SGD measures the whole objective here and there; that is no part of a step.
      .measure_every = shape_.method == train::Method::sgd ? std::int64_t{1} << 40 : 0,
      .products = shape_.products};
  if (shape_.method == train::Method::gd) {
    train::train(network_, problem_, options, state_, {.on_measurement = [&](const auto& moment) {
                   if (moment.step == first) begin = moment.seconds;
                   if (moment.step == last) end = moment.seconds;
                 }});
    return (end - begin) / static_cast<double>(steps);
  }
  // A run that goes on measures nothing before its last step.
  auto warm_up = options;
  warm_up.stop.max_steps = first;
  train::train(network_, problem_, warm_up, state_);
  begin = state_.seconds;
  train::train(network_, problem_, options, state_, {.on_measurement = [&](const auto& moment) {
                 end = moment.seconds;
               }});
  return (end - begin) / static_cast<double>(steps);
}

double StepTimer::objective() {
  net::Workspace workspace(network_.options());
  return train::evaluate(network_, problem_, workspace).objective;
}

ProductTimer::ProductTimer(const StepShape& shape)
    : shape_(shape),
      features_(normal({shape.rows(), shape.width}, "features")),
      more_features_(normal({shape.rows(), shape.width}, "more features")),
      outputs_(normal({shape.rows(), kOutputs}, "outputs")),
      read_out_(normal({kOutputs, shape.width}, "read-out")) {
  for (std::int64_t layer = 0; layer < shape.depth; ++layer) {
    weights_.push_back(normal({shape.width, shape.width}, "weights"));
  }
}

double ProductTimer::seconds_per_step(std::int64_t steps) {
  // Factors that keep every number in range however often this runs.
  const double shrink = 1e-3 / static_cast<double>(shape_.width);
  const auto step = [&] {
    for (auto& weights : weights_) multiply(more_features_, features_, weights.t(), shrink);
    multiply(outputs_, features_, read_out_.t(), shrink);
    multiply(more_features_, outputs_, read_out_, shrink);
    for (std::size_t layer = weights_.size(); layer-- > 0;) {
      if (layer > 0) multiply(more_features_, features_, weights_[layer], shrink);
      multiply(weights_[layer], features_.t(), features_, shrink, 0.5);
    }
  };
  step();
  const base::Stopwatch watch;
  for (std::int64_t i = 0; i < steps; ++i) step();
  return watch.seconds() / static_cast<double>(steps);
}

double ProductTimer::flops_per_step() const {
  const auto rows = static_cast<double>(shape_.rows());
  const auto width = static_cast<double>(shape_.width);
  const auto depth = static_cast<double>(shape_.depth);
  return 2 * rows * width * (width * (3 * depth - 1) + 2.0 * kOutputs);
}

}  // namespace overparam::bench
