// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/ATen.h>

#include <string_view>

#include "overparam/base/random.hpp"

namespace overparam::bench {

/// Gaussian numbers, the same for the same name.
inline at::Tensor normal(at::IntArrayRef sizes,
                         std::string_view name,
                         at::ScalarType type = at::kFloat) {
  at::Tensor tensor = at::empty(sizes, type);
  base::fill_normal(tensor, 1, {0, name});
  return tensor;
}

}  // namespace overparam::bench
