// SPDX-License-Identifier: Apache-2.0
// SGD on data in clusters with the two-layer network of Li, Liang 2018 (arXiv 1808.01204),
//
//     f_c(x) = sum_r a_{cr} relu(w_r^T x)     w_r ~ N(0, I/m),  a_{cr} ~ N(0, 1) fixed
//
// with cross-entropy and the step W <- W - (s / m) (1/b) sum_{i in batch} grad F_i, and what it
// changed: the experiment that the claim liliang18 and the recipe liliang2018 share.
#pragma once

#include <cstdint>
#include <vector>

#include "overparam/base/memory.hpp"
#include "overparam/data/dataset.hpp"

namespace overparam::claims {

struct StructuredSetting {
  std::int64_t width = 1000;
  std::int64_t steps = 400;
  std::int64_t batch = 16;
  double step_times_width = 10;  ///< s
  std::uint64_t seed = 0;
};

struct StructuredResult {
  double train_accuracy = 0;
  double test_accuracy = 0;
  double changed_signs = 0;           ///< share of (i, r) over the training samples
  double relative_distance = 0;       ///< |W - W(0)|_F / |W(0)|_F
  std::vector<double> energy_shares;  ///< of |W - W(0)|_F^2, by singular direction, descending

  /// The share of |W - W(0)|_F^2 in the `rank` largest singular directions.
  [[nodiscard]] double energy_of_rank(std::int64_t rank) const;
};

/// @param dataset inputs with one-hot targets and a test part
/// @throws Error(data) without classes or a test part
/// Time: 4 b dx m operations a step, 2 m dx^2 and the eigenvalues of one matrix (dx, dx) at the
/// end.
StructuredResult run_structured(const data::Dataset& dataset, const StructuredSetting& setting);

/// What `run_structured` holds at once, the data included.
/// @param samples of both parts
base::MemoryPlan plan_structured(std::int64_t samples, std::int64_t dimension, std::int64_t width);

}  // namespace overparam::claims
