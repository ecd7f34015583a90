// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "overparam/claims/claim.hpp"

namespace overparam::claims {

/// Both ends of the tangent kernel at initialisation, float64; at one point of each perturbation
/// family too where the point has an "omega". The design "pairs" measures two points at several
/// distances through one network. Further settings: "circle" (equally spaced points in place of
/// random ones), "same" (the second point of a pair is a copy of the first), "m_per_d" (m = that
/// times d). Columns: lambda_min_scaled and lambda_max_scaled (times d/m), lambda_min_over_delta,
/// lower_constant and upper_constant (the ratios to the bounds of Theorem 3), kept_share.
std::vector<Row> measure_spectrum(const Point& point);

/// c k0(c) with the cosine c of the last layer's inputs h_{L-1}: what the kernel of W_L alone has
/// between two ReLU points at distance delta, over what it has on its diagonal, as m -> infinity.
double last_layer_cosine(double delta, std::int64_t depth);

}  // namespace overparam::claims
