// SPDX-License-Identifier: Apache-2.0
// The objective as a function of one flat vector of weights, whatever network is behind it: what
// Hessian products, directions, planes and paths are made of.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "overparam/net/vision.hpp"

namespace overparam::curvature {

/// What an objective is at one point.
struct Value {
  /// The MEAN loss of the samples, F / n: comparable between numbers of samples, and with the step
  /// sizes that networks of images are trained with.
  double objective = std::numeric_limits<double>::quiet_NaN();
  double accuracy = std::numeric_limits<double>::quiet_NaN();  ///< NaN where there are no labels
};

/// f(W) = (1/n) sum_i loss_i(W) over a fixed set of samples in fixed batches: deterministic, no
/// augmentation. All functions may be called from several threads at once.
class Objective {
 public:
  Objective() = default;
  virtual ~Objective() = default;
  Objective(const Objective&) = delete;
  Objective& operator=(const Objective&) = delete;

  /// One line for people: the network, the samples, the mode of batch normalisation.
  [[nodiscard]] virtual std::string describe() const = 0;

  /// What W consists of, in order: P numbers in all. The first size of a tensor of two dimensions
  /// or more counts its filters.
  [[nodiscard]] virtual const std::vector<net::WeightTensor>& tensors() const = 0;

  /// W (P), where the objective was taken. Its number type is that of all points.
  [[nodiscard]] virtual const at::Tensor& weights() const = 0;

  [[nodiscard]] virtual std::int64_t num_samples() const = 0;
  [[nodiscard]] virtual std::int64_t num_batches() const = 0;
  [[nodiscard]] virtual std::int64_t batch_samples(std::int64_t batch) const = 0;

  /// f at W (P).
  [[nodiscard]] virtual Value value(const at::Tensor& weights) const = 0;

  /// into (P) = grad f(W).
  virtual Value gradient(const at::Tensor& weights, at::Tensor& into) const = 0;

  /// into (P) = the gradient of the mean loss over one batch.
  virtual Value batch_gradient(const at::Tensor& weights,
                               std::int64_t batch,
                               at::Tensor& into) const = 0;

  /// Whether `second_derivative` is there.
  [[nodiscard]] virtual bool has_second_derivatives() const { return false; }

  /// into (P) = the derivative of <grad f(W), v> that differentiating twice gives. Where the
  /// network has kinks this is not the curvature of f: their share is missing.
  virtual void second_derivative(const at::Tensor& weights,
                                 const at::Tensor& v,
                                 at::Tensor& into) const;

  /// Bytes that one call of `gradient` holds at once.
  [[nodiscard]] virtual std::uint64_t gradient_bytes() const = 0;

  /// P
  [[nodiscard]] std::int64_t size() const { return weights().size(0); }
};

/// Where batch normalisation takes its means and variances from. It changes the objective: each
/// mode is another function of W.
enum class NormMode {
  running,     ///< as they were gathered in training, fixed: a plain sum over samples
  batch,       ///< of each batch of 128 itself, as in training: what SGD saw
  reestimated  ///< over all batches at each W anew; gradients take them as constants
};
std::string to_string(NormMode mode);
/// @throws Error(usage) with the names
NormMode parse_norm_mode(const std::string& name);

struct VisionObjectiveOptions {
  NormMode norms = NormMode::running;
  std::int64_t batch_size = 128;
};

/// Cross-entropy of a vision network on images (n, channels, side, side) with labels (n), which
/// stay resident.
/// @param weights (P)   @param statistics (S), running means and variances
/// @throws Error(usage) for images, labels, weights or statistics of another shape
std::unique_ptr<Objective> vision_objective(const net::VisionArchitecture& architecture,
                                            const at::Tensor& weights,
                                            const at::Tensor& statistics,
                                            const at::Tensor& images,
                                            const at::Tensor& labels,
                                            const VisionObjectiveOptions& options = {});

}  // namespace overparam::curvature
