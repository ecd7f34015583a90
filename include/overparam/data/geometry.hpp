// SPDX-License-Identifier: Apache-2.0
// How far apart the samples are: the delta of Assumption 2.1, and what cannot be fitted at all.
#pragma once

#include <cstdint>
#include <vector>

#include "overparam/data/dataset.hpp"

namespace overparam::data {

/// The closest pair of rows.
struct Separation {
  double distance = 0;  ///< min_{i<j} |x_i - x_j|; infinite for fewer than two rows
  std::int64_t first = -1;
  std::int64_t second = -1;
};

/// delta = min_{i != j} |x_i - x_j| over the rows of `inputs` (n, dx), exact to float64 rounding:
/// candidates come from blocked Gram matrices, the final distances from differences. Of several
/// pairs at the same distance, the first.
/// Time O(n^2 dx), memory O(n (dx + block)): 60,000 x 784 stays under 2 GB.
/// @throws Error(data) naming sample and coordinate if an input is not finite
Separation separation(const at::Tensor& inputs);

/// Rows that are equal bit by bit (0.0 and -0.0 are equal).
struct DuplicateGroup {
  std::vector<std::int64_t> members;  ///< ascending, at least two
  bool conflicting = false;           ///< not all targets (or labels) of the group are the same
};

struct Duplicates {
  std::vector<DuplicateGroup> groups;
  std::int64_t num_duplicates = 0;   ///< samples that repeat an earlier one
  std::int64_t num_conflicting = 0;  ///< samples in conflicting groups
  /// The least value the squared objective sum_i |y_i - y_i*|^2 / 2 can take, whatever the network:
  /// sum over groups of sum_i |y_i* - mean|^2 / 2. For two samples, |y_1* - y_2*|^2 / 4
  /// (section 1.1).
  double irreducible_squared = 0;
  /// The same for cross-entropy with one-hot targets: each group's size times its label entropy.
  /// Without labels, equal targets make a class.
  double irreducible_cross_entropy = 0;
};

/// Needs `targets`; see encode_targets.
Duplicates find_duplicates(const Samples& samples);

/// The separation of the distinct rows: as `separation`, with duplicates counted once.
Separation separation_of_distinct(const at::Tensor& inputs, const Duplicates& duplicates);

}  // namespace overparam::data
