// SPDX-License-Identifier: Apache-2.0
// The logistic loss of each output against a probability p_a,
//
//     sum_a log(1 + exp y_a) - p_a y_a      gradient = s(y) - p      Hessian = diag s(y) (1 - s(y))
//
// with p_a = y*_a, or (1 + y*) / 2 for a single output: targets -1 and 1 give log(1 + exp(-y* y)).
#include <cmath>

#include "overparam/net/loss.hpp"
#include "softplus.hpp"

namespace overparam::net {

namespace {

double probability(Loss::Vector target, std::size_t a) {
  return target.size() == 1 ? (1 + target[0]) / 2 : target[a];
}

double sigmoid(double y) { return 1 / (1 + std::exp(-y)); }

double value(Loss::Vector output, Loss::Vector target) {
  double sum = 0;
  for (std::size_t a = 0; a < output.size(); ++a) {
    sum += softplus(output[a]) - probability(target, a) * output[a];
  }
  return sum;
}

void gradient(Loss::Vector output, Loss::Vector target, std::span<double> result) {
  for (std::size_t a = 0; a < output.size(); ++a) {
    result[a] = sigmoid(output[a]) - probability(target, a);
  }
}

void hessian_product(Loss::Vector output,
                     Loss::Vector,
                     Loss::Vector direction,
                     std::span<double> result) {
  for (std::size_t a = 0; a < output.size(); ++a) {
    const double s = sigmoid(output[a]);
    result[a] = s * (1 - s) * direction[a];
  }
}

}  // namespace

Loss logistic() {
  return {
      .name = "logistic",
      .formula = "sum_a log(1 + exp y_a) - p_a y_a; p = y*, or (1 + y*)/2 for one output",
      .source = "Theorem 5, convex",
      .value = value,
      .gradient = gradient,
      .hessian_product = hessian_product,
      .lipschitz = 0.25,
      .targets = TargetKind::within_one,
  };
}

}  // namespace overparam::net
