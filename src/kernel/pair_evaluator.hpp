// SPDX-License-Identifier: Apache-2.0
// The recursion of a limit program over many pairs at once.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "limit_program.hpp"

namespace overparam::kernel {

/// What is asked of an infinitely wide network.
enum class LimitQuantity {
  tangent,    ///< K of the trained blocks below the read-out
  read_out,   ///< K of the read-out alone: <h_L, h'_L>
  conjugate,  ///< E y y', the covariance of one output at the start
};

/// The norms of one data set's samples in every cell of every layer: (cells, n) each.
struct SampleNorms {
  std::vector<at::Tensor> pre;       ///< sqrt(E g^2); [0] stands for the input and is empty
  std::vector<at::Tensor> inverse;   ///< 1 / pre, 0 where pre is
  std::vector<at::Tensor> features;  ///< |h|; [0]: of the input
  std::vector<bool> has_zeros;       ///< whether some pre is 0
};

/// @param inputs (n, dx) float64
SampleNorms sample_norms(const LimitProgram& program,
                         const at::Tensor& inputs,
                         at::ScalarType type);

/// Pairs of one sample with a run of others. One thread at a time.
template <typename Real>
class PairEvaluator {
 public:
  /// @param most_pairs that are evaluated at once
  PairEvaluator(const LimitProgram& program,
                const SampleNorms& left,
                const SampleNorms& right,
                std::int64_t most_pairs);

  /// Where the gaps of the input's cells go: `cell` in 0..input_cells - 1, one a pair.
  Real* input_gaps(std::int64_t cell) { return gaps_[0].data() + cell * most_pairs_; }

  /// out[k] for the pairs (i, begin + k), k < pairs; the input's gaps must be filled.
  void evaluate(
      LimitQuantity quantity, std::int64_t i, std::int64_t begin, std::int64_t pairs, Real* out);

 private:
  struct Run;  // the pairs in hand

  const Real* pre_gap(const Run& run, std::size_t layer, std::int64_t position);
  void activate(const Run& run, std::size_t layer, std::int64_t position, const Real* gap);
  void mend_zeros(const Run& run, std::size_t layer, std::int64_t position);
  void add_kernel_of(
      const Run& run, const LimitTerm& term, std::int64_t position, const Real* weight, Real* out);
  void forward(const Run& run);
  void backward(const Run& run, Real* out);
  Real* row(std::vector<std::vector<Real>>& of, std::size_t layer, std::int64_t position) {
    return of[layer].data() + position * most_pairs_;
  }

  const LimitProgram& program_;
  const SampleNorms& left_;
  const SampleNorms& right_;
  std::int64_t most_pairs_;
  std::vector<bool> below_trained_;        // per source: a trained block stands below its features
  std::vector<std::vector<Real>> gaps_;    // of features; [0]: of the input
  std::vector<std::vector<Real>> slopes_;  // E D D'
  std::vector<std::vector<Real>> cotangents_;
  std::vector<Real> summed_;
  std::vector<Real> ones_;
};

}  // namespace overparam::kernel
