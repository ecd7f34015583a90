// SPDX-License-Identifier: Apache-2.0
// Gradient descent with products in a narrow format, for networks whose weights stay near where
// they were.
//
// At a reference step, everything is computed in float32: g'_l = h'_{l-1} W'_l^T, h'_l =
// relu(g'_l). Until the next one, with W = W' + D and h = h' + e,
//
//     g_l = g'_l + h'_{l-1} D_l^T + e_{l-1} W_l^T
//
// exactly, and only D, e, h' and W are rounded, never g'. Rounding errors are then a fixed part of
// the movement since the reference, which shrinks as the residual does, where rounding the whole
// forward pass would leave an error that does not.
//
// D is summed up by itself: late in training a step is about the spacing of float32 at most entries
// of W, and of what is added to W at once a part is rounded away, always that of the small entries.
// At n = 1024, m = 2048, L = 4 and 1e-4 F_0 plain gradient descent in float32 is 1.7 %
// above the objective of float64 at the same step, and this one, with its products in bfloat16,
// 0.09 %; that the sum is what makes the difference was not measured apart.
//
// Gradients are rounded as they are, otherwise at each step (linalg::Rounding::dither), so that
// they are right on average. Rounded to nearest they are wrong the same way for hundreds of steps,
// which changes the kernel's small eigenvalues: with int8, n = 24, m = 1024, L = 2 the objective
// down to 1e-4 F_0 was off by 1.6e-2; dithered it stays within 3e-3; float32 itself is off by 3e-4.
#pragma once

#include <vector>

#include "overparam/linalg/narrow.hpp"
#include "overparam/net/network.hpp"
#include "overparam/train/options.hpp"

namespace overparam::train {

/// The weights and the tape belong to the caller and are up to date between two steps. Beside them
/// this holds, for each trained layer, the reference weights, their movement, two float32 arrays
/// (n, m) and narrow copies; a step allocates no tensor storage.
class NarrowDescent {
 public:
  NarrowDescent(net::Network& network,
                net::Tape& tape,
                linalg::Products format,
                std::int64_t next_step,
                net::Workspace& workspace);

  /// W <- keep W - eta grad F(W), and the tape with it.
  /// @param cotangent dF/dy (n, d) of the tape
  /// @param objective F of the tape
  void step(const at::Tensor& cotangent, double objective, double eta, double keep);

  /// Whether the last step ended in a reference: a run that goes on from there gives the same bits.
  [[nodiscard]] bool at_reference() const { return steps_since_ == 0; }

 private:
  /// One trained layer l, whose features are those below's h_{l-1}.
  struct Layer {
    int index;  // l, in the network
    int block;
    double gain;
    at::Tensor reference_weights;          // W' (m, k)
    at::Tensor movement;                   // D (m, k)
    at::Tensor reference_pre_activations;  // g' (n, m)
    at::Tensor reference_features;         // h' (n, m)
    linalg::NarrowMatrix weights;          // W (m, k)
    linalg::NarrowMatrix change;           // D (m, k)
    linalg::NarrowMatrix below;            // h_{l-1} (n, k)
    linalg::NarrowMatrix reference_below;  // h'_{l-1} (n, k)
    linalg::NarrowMatrix increment_below;  // e_{l-1} (n, k)
    linalg::NarrowMatrix delta;            // (n, m)
  };

  void refer_to_present();
  void descend(const at::Tensor& cotangent, double eta, double keep);
  void move_features();
  void compute_outputs();
  [[nodiscard]] at::Tensor features(int layer) const { return tape_.features(layer); }

  net::Network& network_;
  net::Tape& tape_;
  net::Workspace& workspace_;
  std::vector<Layer> layers_;
  int steps_since_ = 0;
  std::uint32_t dither_;  // the number of the step that comes next
  double reference_objective_ = 0;
};

}  // namespace overparam::train
