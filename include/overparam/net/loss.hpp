// SPDX-License-Identifier: Apache-2.0
// The objective F = sum_i loss(y_i, y_i*): a sum over samples, not a mean.
#pragma once

#include <ATen/core/Tensor.h>

#include <limits>
#include <span>
#include <string>
#include <vector>

namespace overparam::net {

/// What a loss can take as y*.
enum class TargetKind {
  any,
  probabilities,  ///< of two classes or more, which sum to 1
  within_one,     ///< each in [0, 1], or in [-1, 1] where there is one output
};

/// A loss of one sample: scalar maths on d outputs and d targets, in float64. One row of a
/// catalogue, one file in src/net/losses/.
struct Loss {
  using Vector = std::span<const double>;

  std::string name;
  std::string formula;
  std::string source;

  double (*value)(Vector output, Vector target) = nullptr;
  /// gradient_a = d loss / d output_a
  void (*gradient)(Vector output, Vector target, std::span<double> gradient) = nullptr;
  /// result = (d^2 loss / d output^2) direction
  void (*hessian_product)(Vector output,
                          Vector target,
                          Vector direction,
                          std::span<double> result) = nullptr;

  /// Lipschitz constant of the gradient in the outputs.
  double lipschitz = 1;

  /// sigma with |gradient|^2 >= 2 sigma (loss - min loss); 0 where there is none.
  double gradient_dominance = 0;

  /// Values of output - target where the second derivative jumps.
  std::vector<double> kinks;

  TargetKind targets = TargetKind::any;
};

const std::vector<Loss>& losses();

/// @throws Error(usage) with the names and "did you mean"
const Loss& find_loss(const std::string& name);

/// What a data set looks like to a loss.
struct Evaluation {
  double objective = 0;      ///< F, a sum over samples
  std::int64_t correct = 0;  ///< samples classified right; see `accuracy`
  double accuracy = std::numeric_limits<double>::quiet_NaN();  ///< NaN where there are no labels
  double largest_loss = 0;                                     ///< max_i loss_i
};

/// The class that one sample's outputs (d) stand for: with d > 1 that of the largest, with d = 1
/// the one whose target lies nearest, where those of `num_classes` lie evenly over [-1, 1].
std::int64_t predicted_class(std::span<const double> output, std::int64_t num_classes);

/// Evaluates outputs (n, d) against targets (n, d), and labels (n) if defined, which
/// `predicted_class` must give.
/// @param cotangent if not null, receives the gradient in the outputs (n, d), of the outputs' type
/// @param num_classes used with d = 1
Evaluation evaluate(const Loss& loss,
                    const at::Tensor& outputs,
                    const at::Tensor& targets,
                    const at::Tensor& labels = {},
                    std::int64_t num_classes = 0,
                    at::Tensor* cotangent = nullptr);

/// @throws Error(data) naming the first sample whose target the loss cannot take
void check_targets(const Loss& loss, const at::Tensor& targets);

}  // namespace overparam::net
