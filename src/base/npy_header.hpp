// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace overparam::base {

/// What stands before the data of a .npy in C order; the data then start at a multiple of 64 bytes.
std::string npy_header(at::IntArrayRef sizes, at::ScalarType type);

}  // namespace overparam::base
