// SPDX-License-Identifier: Apache-2.0
#include "batch_sum.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "overparam/base/work_queue.hpp"

namespace overparam::curvature {

void LossSums::add(const LossSums& other) {
  losses += other.losses;
  if (samples == 0) {
    correct = other.correct;
  } else if (other.correct >= 0) {
    correct += other.correct;
  }
  samples += other.samples;
}

Value LossSums::value() const {
  const auto n = static_cast<double>(samples);
  Value result{.objective = losses / n};
  if (correct >= 0) result.accuracy = static_cast<double>(correct) / n;
  return result;
}

std::int64_t workers_for(std::int64_t num_batches) {
  return std::clamp<std::int64_t>(num_batches, 1, at::get_num_threads());
}

LossSums sum_batches(std::int64_t num_batches,
                     const std::function<LossSums(std::int64_t, at::Tensor&)>& batch,
                     at::Tensor* into) {
  const std::int64_t workers = workers_for(num_batches);
  std::vector<LossSums> sums(static_cast<std::size_t>(workers));
  std::vector<at::Tensor> gradients(static_cast<std::size_t>(workers));
  if (into != nullptr) {
    gradients[0] = into->zero_();
    for (std::size_t k = 1; k < gradients.size(); ++k) gradients[k] = at::zeros_like(*into);
  }
  const auto work = [&](std::int64_t k) {
    const auto index = static_cast<std::size_t>(k);
    for (std::int64_t b = k; b < num_batches; b += workers) {
      sums[index].add(batch(b, gradients[index]));
    }
  };
  if (workers == 1) {
    work(0);
  } else {
    std::vector<base::WorkItem> items;
    for (std::int64_t k = 0; k < workers; ++k) items.push_back({"batches", 0, [&, k] { work(k); }});
    base::WorkQueue({.threads = at::get_num_threads(), .stops_when_interrupted = false})
        .run(items)
        .rethrow();
  }
  LossSums all;
  for (std::size_t k = 0; k < sums.size(); ++k) {
    all.add(sums[k]);
    if (into != nullptr && k > 0) into->add_(gradients[k]);
  }
  return all;
}

}  // namespace overparam::curvature
