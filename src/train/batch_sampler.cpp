// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "overparam/base/random.hpp"
#include "overparam/train/trainer.hpp"

namespace overparam::train {

BatchSampler::BatchSampler(std::int64_t num_samples, const TrainOptions& options)
    : num_samples_(num_samples),
      batch_size_(options.batch_of(num_samples)),
      sampling_(options.sampling),
      seed_(options.seed) {
  order_.resize(static_cast<std::size_t>(num_samples));
  std::iota(order_.begin(), order_.end(), std::int64_t{0});
  drawn_.resize(static_cast<std::size_t>(batch_size_));
}

std::span<const std::int64_t> BatchSampler::batch(std::int64_t step) {
  const auto index = static_cast<std::uint64_t>(step);
  switch (sampling_) {
    case Sampling::epoch: {
      const std::int64_t steps_per_epoch = (num_samples_ + batch_size_ - 1) / batch_size_;
      shuffle_epoch(step / steps_per_epoch);
      const std::int64_t begin = step % steps_per_epoch * batch_size_;
      const std::int64_t size = std::min(batch_size_, num_samples_ - begin);
      return std::span(order_).subspan(static_cast<std::size_t>(begin),
                                       static_cast<std::size_t>(size));
    }
    case Sampling::replacement: {
      base::Random random(base::Stream(seed_, "batch with replacement", index));
      for (auto& sample : drawn_) sample = random.below(num_samples_);
      return drawn_;
    }
    case Sampling::subset: {
      // The first b places of a random order; swapped back, so that the next step starts afresh.
      base::Random random(base::Stream(seed_, "batch subset", index));
      std::vector<std::size_t> swaps(drawn_.size());
      for (std::size_t k = 0; k < drawn_.size(); ++k) {
        swaps[k] =
            k + static_cast<std::size_t>(random.below(num_samples_ - static_cast<std::int64_t>(k)));
        std::swap(order_[k], order_[swaps[k]]);
        drawn_[k] = order_[k];
      }
      for (std::size_t k = drawn_.size(); k-- > 0;) std::swap(order_[k], order_[swaps[k]]);
      return drawn_;
    }
  }
  return drawn_;
}

void BatchSampler::shuffle_epoch(std::int64_t epoch) {
  if (epoch == epoch_) return;
  epoch_ = epoch;
  order_ = base::random_permutation(
      num_samples_, base::Stream(seed_, "epoch", static_cast<std::uint64_t>(epoch)));
}

}  // namespace overparam::train
