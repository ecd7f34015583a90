// SPDX-License-Identifier: Apache-2.0
// Random numbers that depend on (seed, stream, position) alone: the same on every device, for every
// thread count and in every order of use. So an initial weight matrix can be drawn again instead of
// kept, and a resumed run sees the batches it would have seen.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace overparam::base {

/// Names an independent sequence of random numbers.
struct Stream {
  std::uint64_t seed = 0;
  std::uint64_t id = 0;

  /// @param purpose what the numbers are for, e.g. "W.1"   @param index a counter within it
  Stream(std::uint64_t seed, std::string_view purpose, std::uint64_t index = 0);
};

/// Draws from one stream in sequence (Philox 4x32-10).
class Random {
 public:
  explicit Random(const Stream& stream, std::uint64_t block = 0);

  std::uint32_t bits();
  double uniform();  ///< in (0, 1), 53 random bits
  double uniform(double low, double high);
  double normal();                         ///< standard normal, Box-Muller
  std::int64_t below(std::int64_t bound);  ///< uniform in {0, ..., bound - 1}

 private:
  Stream stream_;
  std::uint64_t block_;
  std::uint32_t words_[4];
  int used_ = 4;
  double spare_normal_ = 0;
  bool has_spare_ = false;
};

/// Fills a contiguous CPU tensor (float32 or float64) with N(0, standard_deviation^2).
/// The float32 values are the float64 values rounded, so both precisions hold the same network.
void fill_normal(at::Tensor& out, double standard_deviation, const Stream& stream);

/// Fills a contiguous CPU tensor (float32 or float64) with -1 and 1, either with probability 1/2.
void fill_signs(at::Tensor& out, const Stream& stream);

/// A uniformly random order of 0, ..., count - 1.
std::vector<std::int64_t> random_permutation(std::int64_t count, const Stream& stream);

}  // namespace overparam::base
