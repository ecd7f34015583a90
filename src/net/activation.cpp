// SPDX-License-Identifier: Apache-2.0
#include "overparam/net/activation.hpp"

#include <ATen/ATen.h>

namespace overparam::net {

const Activation& relu() {
  static const Activation activation{
      .name = "relu",
      .formula = "max(0, g)",
      .variance_gain = 2,
      .has_sign_pattern = true,
      .apply = [](at::Tensor& values) { at::clamp_min_out(values, values, 0); },
      .multiply_derivative =
          [](at::Tensor& cotangent, const at::Tensor& features) {
            at::threshold_backward_out(cotangent, cotangent, features, 0);
          },
  };
  return activation;
}

const Activation& identity() {
  static const Activation activation{
      .name = "identity",
      .formula = "g",
      .variance_gain = 1,
      .apply = [](at::Tensor&) {},
  };
  return activation;
}

}  // namespace overparam::net
