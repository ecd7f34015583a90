// SPDX-License-Identifier: Apache-2.0
// The trace of a symmetric operator that is known through its products, with a standard error.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "overparam/base/memory.hpp"
#include "overparam/linalg/lanczos.hpp"

namespace overparam::linalg {

struct TraceOptions {
  int products = 60;                   ///< in all
  std::uint64_t seed = 0;              ///< the same seed gives the same probes
  std::function<bool()> keep_going;    ///< asked before each product; none: always
  at::ScalarType basis = at::kDouble;  ///< of the sketch; float32 halves its memory
};

struct TraceEstimate {
  double value = 0;  ///< NaN where the work ended before the first sample
  /// Over the samples; infinite for fewer than two of them. The sketch has no error of its own.
  double standard_error = 0;
  double sketched = 0;  ///< the part of `value` that the sketch holds, tr Q^T M Q
  int rank = 0;         ///< of the sketch
  std::vector<double>
      samples;  ///< z^T M z for each probe z, each an estimate of `value - sketched`
  int products = 0;
  bool complete = false;  ///< false if `keep_going` ended it early
};

/// tr M = E z^T M z for z of independent signs (Hutchinson 1990), the mean over `products` probes.
/// Var = 2 sum_{i != j} M_ij^2 a probe. Memory 2 N.
/// @throws Error(usage) for fewer than one product
/// @throws Error(numeric) where the operator gives a number that is not finite
TraceEstimate hutchinson_trace(const SymmetricOperator& op,
                               std::int64_t size,
                               const TraceOptions& options = {});

/// Hutch++ (Meyer, Musco, Musco, Woodruff 2021, algorithm 1): a third of the products goes into a
/// sketch Q = orth(M S), a third into tr Q^T M Q, and what is left into Hutchinson's estimate of
/// tr (I - Q Q^T) M (I - Q Q^T). To a relative error epsilon of a positive semi-definite M it takes
/// O(1 / epsilon) products in place of O(1 / epsilon^2). Where M is indefinite the error is
/// relative to its trace norm, and so it is a gain wherever few eigenvalues are large. A sketch of
/// rank N leaves nothing to sample: the trace is exact then.
/// @throws Error(usage) for fewer than three products, Error(numeric) as above
TraceEstimate hutch_plus_plus_trace(const SymmetricOperator& op,
                                    std::int64_t size,
                                    const TraceOptions& options = {});

/// What `hutch_plus_plus_trace` takes for N = `size`, beside what the operator does.
base::MemoryPlan plan_trace(std::int64_t size, const TraceOptions& options = {});

}  // namespace overparam::linalg
