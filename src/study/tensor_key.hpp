// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "overparam/base/text.hpp"

namespace overparam::study {

/// A key of a tensor's bytes: other numbers, other key.
inline std::string key_of(const at::Tensor& tensor) {
  const at::Tensor bytes = tensor.cpu().contiguous();
  return base::stable_key({static_cast<const char*>(bytes.data_ptr()), bytes.nbytes()});
}

}  // namespace overparam::study
