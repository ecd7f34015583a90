// SPDX-License-Identifier: Apache-2.0
// Perturbations W' of the hidden layers with max_l |W'_l|_2 = omega. Statements about every W' in a
// ball are measured over three families: random directions show what is typical, gradients what
// training does, adversaries what the statement fears.
#pragma once

#include <cstdint>

#include "overparam/net/network.hpp"

namespace overparam::claims {

/// Gaussian matrices, each scaled to |W'_l|_2 = 1.
net::Parameters random_direction(const net::Network& network, std::uint64_t seed);

/// -grad F for a cotangent of the outputs, scaled to max_l |W'_l|_2 = 1.
net::Parameters gradient_direction(const net::Network& network,
                                   const net::Tape& tape,
                                   const at::Tensor& cotangent,
                                   net::Workspace& workspace);

/// W + omega * direction.
net::Network perturbed(const net::Network& network, const net::Parameters& direction, double omega);

/// -1.02 g on the coordinates of smallest |g|, as many as fit |t| <= budget; zero elsewhere. A
/// little more than -g, so that the signs really change.
at::Tensor flip_target(const at::Tensor& g, double budget);

/// A perturbed copy of the paper's network whose every layer moves by a matrix of rank one, chosen
/// to flip as many signs of one sample's last hidden layer as it can: the target t is -g_L on the
/// coordinates of smallest |g_L|, as many as a budget |t| <= omega * boost allows; each layer
/// pushes along what the layers above make of it. A lower bound on the worst W' of this radius.
/// @param x (1, dx)
net::Network flip_adversary(const net::Network& network,
                            const at::Tensor& x,
                            double omega,
                            double boost,
                            net::Workspace& workspace);

}  // namespace overparam::claims
