// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/random.hpp"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/core/PhiloxRNGEngine.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"

namespace overparam::base {

namespace {

/// A word makes one normal, as a pair from two, or 32 signs; a chunk is what one task fills.
constexpr std::int64_t kWordsPerBlock = 4;
constexpr std::int64_t kChunk = 4096;

/// A word as a number in (0, 1): never 0, so that its logarithm is finite.
double open_unit(std::uint32_t word) { return (word + 0.5) * 0x1p-32; }

struct NormalPair {
  double first, second;
};

NormalPair box_muller(double u, double v) {
  const double radius = std::sqrt(-2 * std::log(u));
  const double angle = 2 * std::numbers::pi * v;
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

}  // namespace

Stream::Stream(std::uint64_t seed_value, std::string_view purpose, std::uint64_t index)
    : seed(seed_value), id(stable_hash(fmt::format("{}#{}", purpose, index))) {}

Random::Random(const Stream& stream, std::uint64_t block) : stream_(stream), block_(block) {}

std::uint32_t Random::bits() {
  if (used_ == 4) {
    at::Philox4_32 engine(stream_.seed, stream_.id, block_++);
    for (auto& word : words_) word = engine();
    used_ = 0;
  }
  return words_[used_++];
}

double Random::uniform() {
  const std::uint64_t high = bits();
  const std::uint64_t low = bits();
  return (static_cast<double>(((high << 32) | low) >> 11) + 0.5) * 0x1p-53;
}

double Random::uniform(double low, double high) { return low + (high - low) * uniform(); }

double Random::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_normal_;
  }
  const double u = uniform();
  const auto pair = box_muller(u, uniform());
  spare_normal_ = pair.second;
  has_spare_ = true;
  return pair.first;
}

std::int64_t Random::below(std::int64_t bound) {
  ensure(bound > 0, "Random::below: bound must be positive, found {}", bound);
  return std::min(bound - 1, static_cast<std::int64_t>(uniform() * static_cast<double>(bound)));
}

void fill_normal(at::Tensor& out, double standard_deviation, const Stream& stream) {
  ensure(out.is_contiguous() && out.device().is_cpu(),
         "fill_normal: needs a contiguous CPU tensor");
  const std::int64_t count = out.numel();
  const std::int64_t chunks = (count + kChunk - 1) / kChunk;
  AT_DISPATCH_FLOATING_TYPES(out.scalar_type(), "fill_normal", [&] {
    scalar_t* values = out.data_ptr<scalar_t>();
    at::parallel_for(0, chunks, 1, [&](std::int64_t first, std::int64_t last) {
      at::Philox4_32 engine(
          stream.seed, stream.id, static_cast<std::uint64_t>(first * (kChunk / kWordsPerBlock)));
      const std::int64_t end = std::min(count, last * kChunk);
      for (std::int64_t i = first * kChunk; i < end; i += 2) {
        const double u = open_unit(engine());
        const auto pair = box_muller(u, open_unit(engine()));
        values[i] = static_cast<scalar_t>(standard_deviation * pair.first);
        if (i + 1 < end) values[i + 1] = static_cast<scalar_t>(standard_deviation * pair.second);
      }
    });
  });
}

void fill_signs(at::Tensor& out, const Stream& stream) {
  constexpr std::int64_t kSignsPerWord = 32;
  ensure(out.is_contiguous() && out.device().is_cpu(), "fill_signs: needs a contiguous CPU tensor");
  const std::int64_t count = out.numel();
  const std::int64_t chunks = (count + kChunk - 1) / kChunk;
  AT_DISPATCH_FLOATING_TYPES(out.scalar_type(), "fill_signs", [&] {
    scalar_t* values = out.data_ptr<scalar_t>();
    at::parallel_for(0, chunks, 8, [&](std::int64_t first, std::int64_t last) {
      at::Philox4_32 engine(
          stream.seed,
          stream.id,
          static_cast<std::uint64_t>(first * (kChunk / (kWordsPerBlock * kSignsPerWord))));
      const std::int64_t end = std::min(count, last * kChunk);
      for (std::int64_t i = first * kChunk; i < end; i += kSignsPerWord) {
        std::uint32_t word = engine();
        const std::int64_t stop = std::min(end, i + kSignsPerWord);
        for (std::int64_t j = i; j < stop; ++j, word >>= 1U) {
          values[j] = (word & 1U) == 0 ? scalar_t{-1} : scalar_t{1};
        }
      }
    });
  });
}

std::vector<std::int64_t> random_permutation(std::int64_t count, const Stream& stream) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  Random random(stream);
  for (std::int64_t i = count - 1; i > 0; --i) {
    std::swap(order[static_cast<std::size_t>(i)],
              order[static_cast<std::size_t>(random.below(i + 1))]);
  }
  return order;
}

}  // namespace overparam::base
