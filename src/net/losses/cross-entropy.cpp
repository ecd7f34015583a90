// SPDX-License-Identifier: Apache-2.0
// Softmax cross-entropy against a probability vector: with p = softmax(y),
//
//     loss = log sum_a exp y_a - <y*, y>      gradient = p - y*      Hessian = diag p - p p^T
//
// for targets that sum to 1. The Hessian's largest eigenvalue is at most 1/2.
#include <algorithm>
#include <cmath>
#include <vector>

#include "overparam/net/loss.hpp"

namespace overparam::net {

namespace {

/// log sum_a exp y_a without overflow.
double log_sum_exp(Loss::Vector output) {
  const double largest = *std::ranges::max_element(output);
  double sum = 0;
  for (const double y : output) sum += std::exp(y - largest);
  return largest + std::log(sum);
}

double value(Loss::Vector output, Loss::Vector target) {
  double result = 0;
  const double normaliser = log_sum_exp(output);
  for (std::size_t a = 0; a < output.size(); ++a) result += target[a] * (normaliser - output[a]);
  return result;
}

void gradient(Loss::Vector output, Loss::Vector target, std::span<double> result) {
  const double normaliser = log_sum_exp(output);
  for (std::size_t a = 0; a < output.size(); ++a) {
    result[a] = std::exp(output[a] - normaliser) - target[a];
  }
}

void hessian_product(Loss::Vector output,
                     Loss::Vector,
                     Loss::Vector direction,
                     std::span<double> result) {
  const double normaliser = log_sum_exp(output);
  double mean = 0;
  for (std::size_t a = 0; a < output.size(); ++a) {
    mean += std::exp(output[a] - normaliser) * direction[a];
  }
  for (std::size_t a = 0; a < output.size(); ++a) {
    result[a] = std::exp(output[a] - normaliser) * (direction[a] - mean);
  }
}

}  // namespace

Loss cross_entropy() {
  return {
      .name = "cross-entropy",
      .formula = "log sum_a exp y_a - <y*, y>",
      .source = "Section 5",
      .value = value,
      .gradient = gradient,
      .hessian_product = hessian_product,
      .lipschitz = 0.5,
      .targets = TargetKind::probabilities,
  };
}

}  // namespace overparam::net
