// SPDX-License-Identifier: Apache-2.0
// Losses that are a sum over outputs of one function of the residual, sum_a f(y_a - y*_a).
#pragma once

#include <cstddef>

#include "overparam/net/loss.hpp"

namespace overparam::net {

/// Completes a row with f and its first two derivatives, functions of a residual.
template <double (*f)(double), double (*slope)(double), double (*curvature)(double)>
Loss coordinatewise(Loss row) {
  row.value = [](Loss::Vector output, Loss::Vector target) {
    double sum = 0;
    for (std::size_t a = 0; a < output.size(); ++a) sum += f(output[a] - target[a]);
    return sum;
  };
  row.gradient = [](Loss::Vector output, Loss::Vector target, std::span<double> gradient) {
    for (std::size_t a = 0; a < output.size(); ++a) gradient[a] = slope(output[a] - target[a]);
  };
  row.hessian_product = [](Loss::Vector output,
                           Loss::Vector target,
                           Loss::Vector direction,
                           std::span<double> result) {
    for (std::size_t a = 0; a < output.size(); ++a) {
      result[a] = curvature(output[a] - target[a]) * direction[a];
    }
  };
  return row;
}

}  // namespace overparam::net
