// SPDX-License-Identifier: Apache-2.0
// SGD with products in bfloat16, for networks whose batches are small beside their weights.
//
// A step with b samples multiplies by each W (m, m) three times, and two of the three times it must
// pass W through memory for little work; the third writes it. So the update waits: over up to k
// steps the network is
//
//     W - eta Delta^T H        Delta (k b, m), H (k b, m): what these steps would have added
//
// and products with it take W once in bfloat16 and the pending part as it stands,
//
//     g = h W^T - (h H^T) Delta        u = delta W - (delta Delta^T) H
//
// exactly, but for rounding. Then one product of rank k b adds all of it to the weights, which stay
// in float32, and these are rounded anew.
//
// Entries are rounded up or down so that they are right on average (linalg::Rounding::dither). What
// is left is a noise in the outputs of about 2^-8 of their size, against which the residual's size
// falls; from kLeastRatio on factors are sums of two bfloat16 terms instead, three products for
// one.
#pragma once

#include <vector>

#include "narrow_passes.hpp"
#include "overparam/linalg/narrow.hpp"
#include "overparam/net/network.hpp"

namespace overparam::train {

/// Allocates no tensor storage in a step, but once where it goes over to two terms.
class NarrowStochasticDescent {
 public:
  /// @param batch_size samples in a step at most
  /// @param format to begin with: bfloat16, or split2 where an earlier part of the run ended with
  /// it
  NarrowStochasticDescent(net::Network& network,
                          std::int64_t batch_size,
                          linalg::Products format,
                          std::int64_t next_step,
                          net::Workspace& workspace);

  /// y (b, d) of the network as it is now. It is overwritten by the next call.
  [[nodiscard]] at::Tensor outputs(const at::Tensor& inputs);

  /// W <- keep W - eta grad, for the inputs of the last call of `outputs`.
  /// @param cotangent dF/dy (b, d)
  /// @param ratio of the batch's objective to that at the start, which decides how finely to round
  void step(const at::Tensor& cotangent, double eta, double keep, double ratio);

  /// W <- keep W, with what is pending added.
  void settle(double keep = 1);

  /// Whether nothing is pending: a run that goes on from there in the same format gives the same
  /// bits.
  [[nodiscard]] bool is_settled() const { return pending_rows_ == 0; }

  [[nodiscard]] linalg::Products format() const { return layers_.front().weights.format(); }

 private:
  struct Layer {
    HiddenLayer shape;
    linalg::NarrowMatrix weights;        // W (m, k)
    linalg::NarrowMatrix below;          // h_{l-1} (b, k)
    linalg::NarrowMatrix delta;          // (b, m)
    linalg::NarrowMatrix pending_below;  // H (steps b, k)
    linalg::NarrowMatrix pending_delta;  // eta Delta (steps b, m)
    linalg::NarrowMatrix overlaps;       // H h^T or eta Delta delta^T (steps b, b)
    linalg::Scratch features;            // h_l (b, m)
  };

  /// Which factor of W rows are multiplied with: features by W^T, deltas by W.
  enum class Side { features, deltas };

  void make_layers(linalg::Products format);
  void round_weights(Layer& layer);

  /// out = s rows (W - s eta Delta^T H)^T, or without the transpose.
  void multiply_current(Layer& layer, const linalg::NarrowMatrix& rows, Side side, at::Tensor& out);

  /// The rows of the present batch.
  [[nodiscard]] at::Tensor in_use(linalg::Scratch& rows) const;

  net::Network& network_;
  net::Workspace& workspace_;
  std::int64_t batch_size_;
  std::int64_t used_ = 0;          // samples of the present batch
  std::int64_t pending_rows_ = 0;  // of H and Delta
  std::uint32_t dither_;           // the number of the step that comes next
  double ratio_ = 1;
  std::vector<Layer> layers_;
  linalg::Scratch first_;  // h_0 (b, m)
  linalg::Scratch outputs_;
};

}  // namespace overparam::train
