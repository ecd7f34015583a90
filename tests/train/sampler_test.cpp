// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>

#include "overparam/train/trainer.hpp"

namespace overparam::train {
namespace {

using Batch = std::vector<std::int64_t>;

BatchSampler sampler(Sampling sampling, std::int64_t n, std::int64_t b, std::uint64_t seed = 1) {
  return {n, {.method = Method::sgd, .batch_size = b, .sampling = sampling, .seed = seed}};
}

Batch batch_of(BatchSampler& source, std::int64_t step) {
  const auto batch = source.batch(step);
  return {batch.begin(), batch.end()};
}

TEST(BatchSampler, AnEpochShowsEverySampleOnce) {
  auto source = sampler(Sampling::epoch, 10, 4);
  std::vector<Batch> epochs;
  for (int epoch = 0; epoch < 2; ++epoch) {
    Batch seen;
    for (int k = 0; k < 3; ++k) {
      const auto batch = batch_of(source, 3 * epoch + k);
      EXPECT_EQ(batch.size(), k < 2 ? 4u : 2u);
      seen.insert(seen.end(), batch.begin(), batch.end());
    }
    EXPECT_EQ(std::set<std::int64_t>(seen.begin(), seen.end()).size(), 10u);
    epochs.push_back(seen);
  }
  EXPECT_NE(epochs[0], epochs[1]);
}

TEST(BatchSampler, ASubsetHoldsNoSampleTwice) {
  auto source = sampler(Sampling::subset, 10, 6);
  std::vector<int> counts(10, 0);
  for (int step = 0; step < 2000; ++step) {
    const auto batch = batch_of(source, step);
    EXPECT_EQ(std::set<std::int64_t>(batch.begin(), batch.end()).size(), 6u);
    for (const auto sample : batch) ++counts[static_cast<std::size_t>(sample)];
  }
  for (const int count : counts) EXPECT_NEAR(count, 1200, 5 * 22);  // sqrt(2000 * 0.6 * 0.4)
}

TEST(BatchSampler, ReplacementDrawsEachPlaceAlone) {
  auto source = sampler(Sampling::replacement, 10, 6);
  int with_repeats = 0;
  for (int step = 0; step < 1000; ++step) {
    const auto batch = batch_of(source, step);
    with_repeats += std::set<std::int64_t>(batch.begin(), batch.end()).size() < 6 ? 1 : 0;
  }
  EXPECT_NEAR(with_repeats, 849, 5 * 11.4);  // 1 - 10!/(4! 10^6)
}

TEST(BatchSampler, ABatchIsAFunctionOfSeedAndStep) {
  for (const auto sampling : {Sampling::epoch, Sampling::subset, Sampling::replacement}) {
    auto forwards = sampler(sampling, 20, 7);
    std::vector<Batch> batches;
    for (int step = 0; step < 9; ++step) batches.push_back(batch_of(forwards, step));
    auto jumping = sampler(sampling, 20, 7);
    for (const int step : {8, 3, 5}) {
      EXPECT_EQ(batch_of(jumping, step), batches[static_cast<std::size_t>(step)]);
    }
    auto other = sampler(sampling, 20, 7, 2);
    EXPECT_NE(batch_of(other, 0), batches[0]);
  }
}

}  // namespace
}  // namespace overparam::train
