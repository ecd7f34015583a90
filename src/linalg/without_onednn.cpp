// SPDX-License-Identifier: Apache-2.0
// Stands in for onednn.cpp where the library was not found.
#include "onednn.hpp"
#include "overparam/base/require.hpp"

namespace overparam::linalg::onednn {

bool multiplies(Products) { return false; }

bool has_amx() { return false; }

void multiply(at::Tensor&, const at::Tensor&, const at::Tensor&, double, double) {
  base::fail(ErrorKind::internal, "oneDNN products: this build has no oneDNN");
}

}  // namespace overparam::linalg::onednn
