// SPDX-License-Identifier: Apache-2.0
#include "support/perturbations.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "overparam/base/random.hpp"
#include "overparam/linalg/spectral_norm.hpp"

namespace overparam::claims {

using net::Network;
using net::Parameters;

namespace {

void for_trained(const Network& network, const std::function<void(int)>& action) {
  const auto& blocks = network.architecture().blocks;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].trained) action(static_cast<int>(i));
  }
}

at::Tensor normalised(const at::Tensor& vector) { return vector / vector.norm(); }

}  // namespace

Parameters random_direction(const Network& network, std::uint64_t seed) {
  auto direction = Parameters::trained_zeros(network.architecture(), network.options());
  for_trained(network, [&](int block) {
    base::fill_normal(
        direction[block], 1, base::Stream(seed, "perturbation", static_cast<std::uint64_t>(block)));
    direction[block].div_(linalg::spectral_norm(direction[block], {.tolerance = 1e-2}));
  });
  return direction;
}

Parameters gradient_direction(const Network& network,
                              const net::Tape& tape,
                              const at::Tensor& cotangent,
                              net::Workspace& workspace) {
  auto direction = Parameters::trained_zeros(network.architecture(), network.options());
  network.add_gradient(tape, cotangent, -1, direction, workspace);
  double largest = 0;
  for_trained(network, [&](int block) {
    largest = std::max(largest, linalg::spectral_norm(direction[block]));
  });
  direction.scale(1 / largest);
  return direction;
}

Network perturbed(const Network& network, const Parameters& direction, double omega) {
  Network moved = network.clone();
  moved.parameters().add(direction, omega);
  return moved;
}

at::Tensor flip_target(const at::Tensor& g, double budget) {
  constexpr double kBeyondZero = 1.02;
  const auto [size, order] = g.abs().sort();
  const at::Tensor needed = (size * kBeyondZero).pow(2).cumsum(0).sqrt();
  const auto count = std::max<std::int64_t>(1, (needed <= budget).sum().item<std::int64_t>());
  const at::Tensor chosen = order.narrow(0, 0, count);
  at::Tensor target = at::zeros_like(g);
  target.index_copy_(0, chosen, g.index_select(0, chosen) * -kBeyondZero);
  return target;
}

Network flip_adversary(const Network& network,
                       const at::Tensor& x,
                       double omega,
                       double boost,
                       net::Workspace& workspace) {
  const int depth = network.architecture().num_layers() - 2;  // layers 1..L are the hidden ones
  const net::Tape tape = network.record(x, workspace);
  const at::Tensor last_input = tape.features(depth - 1).view({-1});
  const at::Tensor g = at::mv(network.parameters()[depth], last_input);  // (m)

  // u_L = t / |t|, u_l = D_l W_{l+1}^T u_{l+1} normalised.
  std::vector<at::Tensor> push(static_cast<std::size_t>(depth) + 1);
  push.back() = normalised(flip_target(g, omega * boost));
  for (int layer = depth - 1; layer >= 1; --layer) {
    const at::Tensor above = push[static_cast<std::size_t>(layer) + 1];
    const at::Tensor active = (tape.features(layer).view({-1}) > 0).to(g.scalar_type());
    push[static_cast<std::size_t>(layer)] =
        normalised(active * at::mv(network.parameters()[layer + 1].t(), above));
  }

  // W'_l = omega u_l h^T / |h| with the features as they already are.
  Network moved = network.clone();
  at::Tensor h = tape.features(0).view({-1}).clone();
  for (int layer = 1; layer <= depth; ++layer) {
    at::Tensor& weights = moved.parameters()[layer];
    weights.addr_(push[static_cast<std::size_t>(layer)], normalised(h), 1, omega);
    h = at::relu(at::mv(weights, h));
  }
  return moved;
}

}  // namespace overparam::claims
