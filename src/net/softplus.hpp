// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

namespace overparam::net {

/// log(1 + exp x) without overflow.
inline double softplus(double x) { return std::fmax(x, 0) + std::log1p(std::exp(-std::abs(x))); }

}  // namespace overparam::net
