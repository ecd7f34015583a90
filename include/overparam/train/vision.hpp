// SPDX-License-Identifier: Apache-2.0
// SGD as image networks are trained: momentum, weight decay on all weights, step sizes that drop by
// the epoch, shifted and mirrored images. The gradient is that of the mean loss of a batch with its
// own means and variances.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "overparam/net/vision.hpp"
#include "overparam/train/options.hpp"

namespace overparam::train {

struct VisionData {
  at::Tensor images;   ///< (n, channels, side, side), scaled by channel, float32 on the CPU
  at::Tensor labels;   ///< (n) int64
  at::Tensor outside;  ///< (channels), what a shifted image shows beyond its edge: scaled black
};

struct VisionTrainOptions {
  std::int64_t epochs = 164;
  std::int64_t batch_size = 128;
  double step_size = 0.1;
  double momentum = 0.9;
  double weight_decay = 1e-4;
  std::vector<StepChange> schedule{{81, 0.1}, {122, 0.1}};  ///< `step` counts epochs from 0
  bool augment = true;   ///< shifts by up to 4 pixels and mirrors half of the images
  std::uint64_t seed = 0;

  /// @throws Error(usage) naming the option, its value and what is allowed
  void validate(std::int64_t num_samples) const;

  /// Of this epoch, counted from 0.
  [[nodiscard]] double step_size_of(std::int64_t epoch) const;
};

/// All that a run needs to go on with the same bits.
struct VisionState {
  std::int64_t epoch = 0;  ///< finished
  at::Tensor weights;      ///< W (P)
  at::Tensor velocity;     ///< (P)
  at::Tensor statistics;   ///< running means and variances (S)
};

/// The state at random initialisation.
VisionState initial_state(const net::VisionArchitecture& architecture,
                          std::uint64_t seed,
                          const at::TensorOptions& options);

/// What an epoch was like.
struct EpochReport {
  std::int64_t epoch = 0;  ///< finished with it
  double step_size = 0;
  double objective = 0;  ///< mean loss over the batches as they were met, augmented
  double accuracy = 0;
  bool finite = true;  ///< false: it ended at the first loss that is not finite
  bool complete = true;  ///< false: `keep_going` ended it, and the state is that before the epoch

  /// Theorem 4 for the last step of the epoch, on its own batch: F(W + D) = F(W) + <grad F, D> + gap.
  double step_objective = 0;  ///< F(W)
  double step_linear = 0;     ///< <grad F(W), D>
  double step_gap = 0;
  double step_length = 0;  ///< |D|
};

/// v <- momentum v + grad + decay W, W <- W - eta v, over all batches of a shuffled epoch. Batches,
/// shifts and mirrors depend on (seed, epoch) alone.
/// @param keep_going asked before each step; none: always
EpochReport train_epoch(const net::VisionArchitecture& architecture,
                        const VisionData& data,
                        const VisionTrainOptions& options,
                        VisionState& state,
                        const std::function<bool()>& keep_going = {});

/// Mean loss and accuracy with running means and variances.
struct VisionScore {
  double objective = 0;
  double accuracy = 0;
};
VisionScore score(const net::VisionArchitecture& architecture,
                  const VisionState& state,
                  const at::Tensor& images,
                  const at::Tensor& labels,
                  std::int64_t batch_size = 256);

/// max over tensors of two dimensions or more of the spectral norm of W - W^(0), filters as rows.
double vision_radius(const net::VisionArchitecture& architecture,
                     const at::Tensor& weights,
                     const at::Tensor& initial);

/// Images shifted by whole pixels within a margin of 4, and mirrored or not.
/// @param indices of the images (b)   @param stream seeds the shifts
void augment_images(const VisionData& data,
                    std::span<const std::int64_t> indices,
                    bool augment,
                    std::uint64_t seed,
                    std::int64_t epoch,
                    std::int64_t batch,
                    at::Tensor& out);

}  // namespace overparam::train
