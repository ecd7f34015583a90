// SPDX-License-Identifier: Apache-2.0
// Trains a wide network on tensors of your own to a global minimum, says beforehand how many steps
// that will take, and measures on the way how little the weights had to move.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include "overparam/base/threads.hpp"
#include "overparam/data/geometry.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/train/step_size.hpp"
#include "overparam/train/trainer.hpp"
#include "overparam/train/trajectory.hpp"

using namespace overparam;

int main() {
  const base::ThreadGuard threads(0);  // all cores; LibTorch alone may start with one
  constexpr std::uint64_t kSeed = 1;

  // Any tensors will do: one sample a row, inputs and targets of one type. Here 40 directions in
  // R^12, and a function with a jump that no straight line comes near.
  at::manual_seed(kSeed);
  at::Tensor inputs = at::randn({40, 12}, at::kDouble);
  inputs /= inputs.norm(2, 1, true);
  const at::Tensor targets = at::sign(inputs.prod(1, true));  // (40, 1)

  // What cannot be told apart cannot be fitted: the theory asks for a separation above zero.
  const auto separation = data::separation(inputs);
  fmt::print("40 samples, the closest two {:.3f} apart\n", separation.distance);

  const auto shape =
      net::make_architecture("fc", {.input_size = inputs.size(1), .width = 512, .depth = 2});
  net::Network network(shape, kSeed, inputs.options());
  const train::Problem problem{.inputs = inputs,
                               .targets = targets,
                               .loss = net::find_loss("squared"),
                               .separation = separation.distance};
  fmt::print(
      "{} weights, {} of them trained\n", shape.num_parameters(), shape.num_trained_parameters());

  // The step size at which gradient descent is just stable, and the linear model's prediction.
  net::Workspace workspace(network.options());
  train::TrainOptions options{.stop = {.max_steps = 20'000, .target_ratio = 1e-6}};
  const auto rule = train::parse_step_rule("critical");
  const auto choice = train::choose_step(rule, network, problem, options, workspace);
  options.step_size = choice.step_size;
  const auto predicted = train::predict_steps(
      network, problem, options.step_size, options.stop.target_ratio, workspace);
  fmt::print("step size {:.2e}, for the largest eigenvalue {:.3g} of the tangent kernel\n",
             options.step_size,
             choice.lambda_max);

  train::Trajectory trajectory(network, problem, options.method, kSeed, workspace);
  const auto result =
      train::train(network, problem, options, {.on_measurement = [&](const auto& moment) {
                     trajectory.observe(moment);
                   }});
  trajectory.finish({result.steps, result.seconds, result.final_evaluation, network, workspace});

  fmt::print("\n{:>6} {:>11} {:>12} {:>15}\n", "step", "objective", "|W - W0|_2", "signs changed");
  std::int64_t next = 0;
  for (const auto& point : trajectory.points()) {
    if (!point.is_full || point.step < next) continue;
    next = 2 * point.step;
    fmt::print("{:>6} {:>11.2e} {:>12.4f} {:>14.2f}%\n",
               point.step,
               point.objective,
               point.radius(),
               100 * point.sign_changes.back());
  }

  fmt::print("\npredicted {} steps, took {}, stopped by {}, {:.1f} s\n",
             predicted.steps ? fmt::format("{}", *predicted.steps) : "no number of",
             result.steps,
             train::to_string(result.reason),
             result.seconds);

  // Tensors out: the outputs of the trained network on any inputs.
  const at::Tensor outputs = network.forward(inputs, workspace);  // (40, 1)
  const double largest_error = (outputs - targets).abs().max().item<double>();
  fmt::print("largest error of an output {:.1e}\n", largest_error);
  return result.reached_target() && largest_error < 0.05 ? 0 : 1;
}
