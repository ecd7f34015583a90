// SPDX-License-Identifier: Apache-2.0
// Du, Zhai, Poczos, Singh 2018: their network on unit inputs, its limit kernel, and one training of
// it as a measurement. In their scaling the tangent kernel of the first layer is
//
//     H_ij = x_i . x_j (1/m) sum_r 1[w_r . x_i >= 0, w_r . x_j >= 0]
//          -> H_infinity_ij = x_i . x_j (pi - arccos x_i . x_j) / (2 pi)
//
// at every width, lambda_0 = lambda_min(H_infinity), and u(t) are the outputs at time t.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "overparam/net/network.hpp"
#include "overparam/train/problem.hpp"
#include "support/experiment.hpp"

namespace overparam::claims {

/// Inputs uniform on the unit sphere in R^dx (setting dx, 20) with exact separation delta (0: as it
/// comes), targets N(0, 1); float64.
train::Problem unit_problem(const Point& point);

/// The network of width m that fits the problem. Setting "mean_field" replaces the read-out's
/// m^(-1/2) by 1/m.
/// @param trained "first", or "all" for both layers
net::Network two_layer_network(const Point& point,
                               const train::Problem& problem,
                               const std::string& trained = "first");

/// Bytes a measurement takes.
std::uint64_t two_layer_memory(const Point& point);

/// One training from the initial weights until |u - y|^2 has fallen to 1e-4 of its start (setting
/// "ratio"), or until the theorems say it must have. With "mean_field" the time is scaled by m, so
/// that kernel times time stays what it is. Setting "near" brings the targets that near to the
/// initial outputs: close points with far targets flip so many of the neurons between them that
/// their kernel leaves H_infinity at these widths.
///
/// Columns: lambda_0; least_kept, the least lambda_min of the tangent kernel on the way over
/// lambda_0; over_bound, the largest ratio of |u - y|^2 to the theorem's bound after the start;
/// tail_rate, of |u - y|^2 per unit time over its last decade, and tail_over_limit,
/// tail_over_kernel, its ratios to the rates that lambda_0 and the final kernel give; displacement,
/// the largest |w_r(t) - w_r(0)|; relative_displacement, that over |y - u(0)|;
/// displacement_over_bound, that over sqrt(n) / (sqrt(m) lambda_0); flips_share, the largest share
/// of signs (i, r) changed; flips_over_radius, that over the displacement.

/// Gradient flow W' = -grad F by the Runge-Kutta method of fourth order, against
/// e^(-lambda_0 t) |u(0) - y|^2.
std::vector<Row> measure_flow(const Point& point, const std::string& trained);

/// Gradient descent, against (1 - eta lambda_0 / 2)^k |u(0) - y|^2; a unit of time is 1/eta steps.
/// eta = 1/lambda_max(H_infinity), or setting "eta_over_theory" times lambda_0 / n^2.
std::vector<Row> measure_descent(const Point& point);

/// The read-out's 1/sqrt(m) replaced by 1/m at these widths, n = 4: what falls with m in the stated
/// scaling does not.
Design mean_field_design(std::vector<double> widths, int seeds);

/// The share of pairs (i, r) with |w_r . x_i| <= radius: the signs that moves of this size can
/// flip.
double reachable_share(const net::Network& network, const at::Tensor& inputs, double radius);

}  // namespace overparam::claims
