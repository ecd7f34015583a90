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

/// The neurons with v > 0 and the smallest g < 0, as many as fit |g_S| <= budget.
at::Tensor neurons_below_kink(const at::Tensor& g, const at::Tensor& v, double budget) {
  const at::Tensor candidates = at::nonzero((g < 0) * (v > 0)).view({-1});
  const auto [size, order] = g.index_select(0, candidates).neg().sort();
  const auto count = std::max<std::int64_t>(
      1, (size.pow(2).cumsum(0).sqrt() <= budget).sum().item<std::int64_t>());
  return candidates.index_select(0, order.narrow(0, 0, count));
}

at::Tensor normalised(const at::Tensor& vector) { return vector / vector.norm(); }

/// L: layers 1..L are the hidden ones.
int depth_of(const Network& network) { return network.architecture().num_layers() - 2; }

/// D_l of the only sample, as numbers (m).
at::Tensor active(const net::Tape& tape, int layer) {
  const at::Tensor& features = tape.features(layer);
  return (features.view({-1}) > 0).to(features.scalar_type());
}

}  // namespace

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

Network push_adversary(const Network& network,
                       const net::Tape& tape,
                       int layer,
                       const at::Tensor& push,
                       double omega) {
  std::vector<at::Tensor> pushes(static_cast<std::size_t>(layer) + 1);
  pushes.back() = normalised(push);
  for (int below = layer - 1; below >= 1; --below) {
    const at::Tensor& above = pushes[static_cast<std::size_t>(below) + 1];
    pushes[static_cast<std::size_t>(below)] =
        normalised(active(tape, below) * at::mv(network.parameters()[below + 1].t(), above));
  }

  Network moved = network.clone();
  at::Tensor h = tape.features(0).view({-1}).clone();
  for (int moving = 1; moving <= layer; ++moving) {
    at::Tensor& weights = moved.parameters()[moving];
    weights.addr_(pushes[static_cast<std::size_t>(moving)], normalised(h), 1, omega);
    h = at::relu(at::mv(weights, h));
  }
  return moved;
}

at::Tensor flip_push(const Network& network, const net::Tape& tape, int layer, double budget) {
  const at::Tensor below = tape.features(layer - 1).view({-1});
  return flip_target(at::mv(network.parameters()[layer], below), budget);
}

Network flip_adversary(const Network& network,
                       const at::Tensor& x,
                       double omega,
                       double boost,
                       net::Workspace& workspace) {
  const int depth = depth_of(network);
  const net::Tape tape = network.record(x, workspace);
  return push_adversary(
      network, tape, depth, flip_push(network, tape, depth, omega * boost), omega);
}

net::Network Kink::stepped(double size) const {
  net::Network moved = network.clone();
  moved.parameters()[depth_of(network)].addr_(push, features, 1, size);
  return moved;
}

Kink kink_adversary(const Network& network,
                    const net::Tape& tape,
                    const at::Tensor& v,
                    double omega,
                    KinkSide side) {
  constexpr double kBesideZero = 1e-6;
  const int depth = depth_of(network);
  const at::Tensor below = tape.features(depth - 1).view({-1});
  const double size = below.norm().item<double>();
  const at::Tensor g = at::mv(network.parameters()[depth], below);
  const at::Tensor chosen = neurons_below_kink(g, v, omega * size);
  at::Tensor raise = at::zeros_like(g);
  raise.index_copy_(
      0,
      chosen,
      g.index_select(0, chosen) * (side == KinkSide::above ? -1 - kBesideZero : -1 + kBesideZero));
  at::Tensor push = at::zeros_like(v);
  push.index_copy_(0, chosen, v.index_select(0, chosen));
  Kink kink{.network = network.clone(),
            .push = normalised(push),
            .features = below / size,
            .neurons = chosen.size(0)};
  kink.network.parameters()[depth].addr_(raise / size, kink.features);
  return kink;
}

at::Tensor stretch_push(const Network& network, const net::Tape& tape) {
  constexpr int kIterations = 15;  // of power iteration: any push bounds the worst one from below
  const int depth = depth_of(network);
  at::Tensor push = at::empty({tape.features(depth).size(1)}, network.options());
  base::fill_normal(push, 1, base::Stream(0, "stretch"));
  for (int i = 0; i < kIterations; ++i) {
    for (int layer = depth; layer >= 1; --layer) {
      push = at::mv(network.parameters()[layer].t(), push * active(tape, layer));
    }
    for (int layer = 1; layer <= depth; ++layer) {
      push = at::mv(network.parameters()[layer], push) * active(tape, layer);
    }
    push = normalised(push);
  }
  return push;
}

at::Tensor output_push(const Network& network, const net::Tape& tape) {
  const int depth = depth_of(network);
  const at::Tensor read_out = network.parameters()[depth + 1] * active(tape, depth);  // (d, m)
  const auto [values, vectors] = at::linalg_eigh(at::matmul(read_out, read_out.t()));
  return at::mv(read_out.t(), vectors.select(1, -1));
}

void flatten_rows(Network& network,
                  const at::Tensor& inputs,
                  double share,
                  net::Workspace& workspace) {
  const int depth = depth_of(network);
  const net::Tape tape = network.record(inputs, workspace);
  const auto [basis, triangle] = at::linalg_qr(tape.features(depth - 1).t());  // (m, n)
  at::Tensor& last = network.parameters()[depth];
  at::Tensor rows =
      last.narrow(0, 0, static_cast<std::int64_t>(share * static_cast<double>(last.size(0))));
  rows.sub_(at::matmul(at::matmul(rows, basis), basis.t()));
}

}  // namespace overparam::claims
