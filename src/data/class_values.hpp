// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace overparam::data {

/// Class values as they stand in a file, numbered.
struct Classes {
  std::int64_t count = 0;
  std::vector<std::string> names;  ///< the values as text; empty where they are 0, ..., count - 1
};

/// Numbers the distinct values of all `parts` in ascending order and replaces each value by its
/// number: {-1, 1} becomes {0, 1}, {"cat", "dog"} becomes {0, 1}.
Classes number_classes(const std::vector<at::Tensor*>& parts);
Classes number_classes(const std::vector<std::string>& values, at::Tensor& labels);

}  // namespace overparam::data
