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

/// A copy of the paper's network whose layers 1..k move by matrices of rank one, W'_l = omega u_l
/// h_{l-1}^T / |h_{l-1}|: u_k = push / |push|, u_l = D_l W_{l+1}^T u_{l+1} normalised, so that
/// every layer pushes along what the layers above make of it, and h the features as the layers
/// below have moved them.
/// @param tape of one sample   @param push (m)
net::Network push_adversary(const net::Network& network,
                            const net::Tape& tape,
                            int layer,
                            const at::Tensor& push,
                            double omega);

/// -1.02 g on the coordinates of smallest |g|, as many as |t| <= budget allows; zero elsewhere. A
/// little more than -g, so that the signs really change.
at::Tensor flip_target(const at::Tensor& g, double budget);

/// -g_k of one sample on the coordinates of smallest |g_k|, as many as |push| <= budget allows: the
/// push that flips most signs of layer k.
at::Tensor flip_push(const net::Network& network, const net::Tape& tape, int layer, double budget);

/// push_adversary that flips as many signs of one sample's last hidden layer as a push of |t| <=
/// omega * boost can. A lower bound on the worst W' of this radius.
/// @param x (1, dx)
net::Network flip_adversary(const net::Network& network,
                            const at::Tensor& x,
                            double omega,
                            double boost,
                            net::Workspace& workspace);

/// On which side of zero the kink adversary leaves its neurons.
enum class KinkSide { above, below };

/// A copy of the paper's network whose last hidden layer has moved to a kink of one sample, with
/// the step that shows it.
struct Kink {
  net::Network network;
  at::Tensor push;      ///< u = v_S / |v_S| (m), zero but on the neurons S at the kink
  at::Tensor features;  ///< h_{L-1} / |h_{L-1}|, (m)
  std::int64_t neurons = 0;

  /// W_L + size * u h_{L-1}^T / |h_{L-1}|: up for size > 0. Across the kink the outputs change by
  /// size |v_S| |h_{L-1}| more or less along v than the gradient says.
  [[nodiscard]] net::Network stepped(double size) const;
};

/// Raises the neurons of the last hidden layer with v > 0 and the smallest g < 0 to g = +0 (above)
/// or -0 (below), as many as |W'_L|_2 <= omega allows but one at least, which leaves the outputs as
/// they are. S has (3/(16 pi))^(1/3) m omega^(2/3) = 0.391 m omega^(2/3) neurons where v has random
/// signs.
/// @param tape of one sample, whose last hidden layer's pre-activations are W_L h_{L-1}   @param v
/// (m), the size of a neuron's part in what is watched: B^T c for a cotangent c of the outputs
Kink kink_adversary(const net::Network& network,
                    const net::Tape& tape,
                    const at::Tensor& v,
                    double omega,
                    KinkSide side);

/// The push that the hidden layers amplify most: the top left singular vector of D_L W_L ... D_1
/// W_1 at one sample.
at::Tensor stretch_push(const net::Network& network, const net::Tape& tape);

/// The push that moves the outputs most: D_L B^T v with v the top left singular vector of B D_L.
at::Tensor output_push(const net::Network& network, const net::Tape& tape);

/// Breaks the Gaussian pre-activations of the last hidden layer on purpose: the first `share` of
/// its rows become orthogonal to the features of every input, g = 0 up to rounding. Their own size
/// stays.
void flatten_rows(net::Network& network,
                  const at::Tensor& inputs,
                  double share,
                  net::Workspace& workspace);

}  // namespace overparam::claims
