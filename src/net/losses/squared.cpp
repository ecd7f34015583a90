// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "overparam/net/loss.hpp"

namespace overparam::net {

Loss squared() {
  return {
      .name = "squared",
      .formula = "|y - y*|^2 / 2",
      .source = "Section 2.1",
      .value =
          [](Loss::Vector output, Loss::Vector target) {
            double sum = 0;
            for (std::size_t a = 0; a < output.size(); ++a) {
              sum += (output[a] - target[a]) * (output[a] - target[a]);
            }
            return sum / 2;
          },
      .gradient =
          [](Loss::Vector output, Loss::Vector target, std::span<double> gradient) {
            for (std::size_t a = 0; a < output.size(); ++a) gradient[a] = output[a] - target[a];
          },
      .hessian_product =
          [](Loss::Vector, Loss::Vector, Loss::Vector direction, std::span<double> result) {
            std::ranges::copy(direction, result.begin());
          },
      .lipschitz = 1,
      .gradient_dominance = 1,
  };
}

}  // namespace overparam::net
