// SPDX-License-Identifier: Apache-2.0
// A loss of your own. A loss is a value: scalar functions of one sample's outputs and targets, and
// the Lipschitz constant that the critical step size is derived from. Nothing is registered.
//
// Here log-cosh, which grows like |r| for large residuals r. Every input comes five times, four
// times with the right answer and once with one that is 10 too large. No network fits that, and the
// minimum says what a loss makes of it: the squared loss is pulled 10 / 5 = 2 away, log-cosh only
// to where 4 tanh(e / s) = tanh((10 - e) / s), that is e = s artanh(1/4) to nine digits.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>

#include "overparam/base/threads.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/train/step_size.hpp"
#include "overparam/train/trainer.hpp"

using namespace overparam;

namespace {

constexpr double kScale = 0.5;  // s, where the parabola turns into a straight line

net::Loss log_cosh() {
  using Vector = net::Loss::Vector;
  return {
      .name = "log-cosh",
      .formula = "sum_a s^2 log cosh((y_a - y*_a) / s)",
      .source = "this example",
      .value =
          [](Vector output, Vector target) {
            double sum = 0;
            for (std::size_t a = 0; a < output.size(); ++a) {
              const double r = std::abs(output[a] - target[a]) / kScale;
              sum += r + std::log1p(std::exp(-2 * r)) - std::log(2.0);  // cosh itself overflows
            }
            return kScale * kScale * sum;
          },
      .gradient =
          [](Vector output, Vector target, std::span<double> gradient) {
            for (std::size_t a = 0; a < output.size(); ++a) {
              gradient[a] = kScale * std::tanh((output[a] - target[a]) / kScale);
            }
          },
      .hessian_product =
          [](Vector output, Vector target, Vector direction, std::span<double> result) {
            for (std::size_t a = 0; a < output.size(); ++a) {
              const double t = std::tanh((output[a] - target[a]) / kScale);
              result[a] = (1 - t * t) * direction[a];
            }
          },
      .lipschitz = 1,
  };
}

/// Trains the same network from the same weights, and returns how far its outputs end from the
/// right answers: the mean over the inputs.
double error_with(const net::Loss& loss,
                  const at::Tensor& inputs,
                  const at::Tensor& given,
                  const at::Tensor& right) {
  const auto shape =
      net::make_architecture("fc", {.input_size = inputs.size(1), .width = 256, .depth = 2});
  net::Network network(shape, /*seed=*/0, inputs.options());
  const train::Problem problem{.inputs = inputs, .targets = given, .loss = loss};

  net::Workspace workspace(network.options());
  train::TrainOptions options{.stop = {.gradient_norm = 1e-3}};
  options.step_size = train::choose_step({}, network, problem, options, workspace).step_size;
  const auto result = train::train(network, problem, options);

  const at::Tensor errors = network.forward(inputs, workspace) - right;  // (n, 1)
  fmt::print("{:<10} {:>6} steps, objective {:>6.2f}, outputs {:.4f} off (+- {:.4f})\n",
             loss.name,
             result.steps,
             result.final_evaluation.objective,
             errors.mean().item<double>(),
             errors.std().item<double>());
  return result.reached_target() ? errors.mean().item<double>() : std::nan("");
}

}  // namespace

int main() {
  const base::ThreadGuard threads(0);
  at::manual_seed(2);
  at::Tensor questions = at::randn({8, 10}, at::kDouble);
  questions /= questions.norm(2, 1, true);
  const at::Tensor inputs = questions.repeat({5, 1});            // (40, 10)
  const at::Tensor right = at::sin(4 * inputs.narrow(1, 0, 1));  // (40, 1)
  const at::Tensor given = right.clone();
  given.narrow(0, 0, 8).add_(10);

  const double squared = error_with(net::find_loss("squared"), inputs, given, right);
  const double robust = error_with(log_cosh(), inputs, given, right);
  const double expected = kScale * std::atanh(0.25);
  fmt::print("expected  2.0000 and {:.4f}\n", expected);
  return std::abs(squared - 2) < 1e-3 && std::abs(robust - expected) < 1e-3 ? 0 : 1;
}
