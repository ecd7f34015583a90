// SPDX-License-Identifier: Apache-2.0
// What training in narrow products has in common, whatever the method: which networks, and the
// pieces of their passes that stay in float32.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "overparam/linalg/narrow.hpp"
#include "overparam/net/network.hpp"
#include "overparam/train/options.hpp"

namespace overparam::train {

/// Why this network cannot be trained so, and what can; nothing where it can.
std::optional<std::string> narrow_obstacle(const net::Network& network,
                                           const TrainOptions& options);

/// A trained layer l = 1..L of relu(W_L ... relu(W_1 relu(A x))).
struct HiddenLayer {
  int index;  // in the network
  int block;
  double gain;
  std::int64_t rows;     // of W_l
  std::int64_t columns;  // of W_l
};
std::vector<HiddenLayer> hidden_layers(const net::Architecture& architecture);

/// Streams of dither: no two factors of a product share one.
enum Stream : std::uint32_t { kDeltas, kFeatures, kWeights, kChanges };

/// The largest magnitudes among entries, as integers that order like them.
struct Largest {
  std::int32_t value = 0;
  std::int32_t change = 0;

  [[nodiscard]] static double number(std::int32_t bits) { return std::bit_cast<float>(bits); }
  [[nodiscard]] static Largest of(const Largest& x, const Largest& y) {
    return {std::max(x.value, y.value), std::max(x.change, y.change)};
  }
};

/// Calls action(begin, end) on pieces of 0..count and returns the largest of what they found.
template <typename Action>
Largest reduce(std::int64_t count, const Action& action) {
  constexpr std::int64_t kGrain = 1 << 15;  // entries a thread takes at least
  return at::parallel_reduce(
      0,
      count,
      kGrain,
      Largest{},
      [&](std::int64_t begin, std::int64_t end, const Largest& before) {
        return Largest::of(before, action(begin, end));
      },
      Largest::of);
}

/// delta <- delta * 1[h > 0]; returns max |delta|.
double mask(at::Tensor& delta, const at::Tensor& features);

/// y = s h_L B^T
void read_out(const net::Network& network, const at::Tensor& features, at::Tensor& outputs);

/// factor dF/dh_L = factor s dF/dy B
void read_back(const net::Network& network,
               const at::Tensor& cotangent,
               at::Tensor& above,
               double factor = 1);

}  // namespace overparam::train
