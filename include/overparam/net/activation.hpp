// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace overparam::net {

/// An activation phi, applied entry by entry. Its derivative is taken from the features phi(g)
/// where they determine it, so that pre-activations need not be kept.
struct Activation {
  std::string name;
  std::string formula;

  /// c with E phi(g)^2 = |h|^2 / rows for g = W h, W ~ N(0, c / rows): 2 for ReLU, 1 for identity.
  double variance_gain = 1;

  /// Whether D = 1[g > 0] decides the branch phi takes: counted as sign changes.
  bool has_sign_pattern = false;

  /// values <- phi(values)
  void (*apply)(at::Tensor& values) = nullptr;

  /// cotangent <- cotangent * phi'(g), given features = phi(g). The cotangent (..., n, m) may have
  /// one more leading dimension than the features (n, m). Null where phi' = 1.
  void (*multiply_derivative)(at::Tensor& cotangent, const at::Tensor& features) = nullptr;
};

/// max(0, g). The derivative is 1[g > 0], as in autograd; Definition 2.2 has 1[g >= 0], which
/// differs on a set of measure zero.
const Activation& relu();

/// g itself: read-out layers.
const Activation& identity();

}  // namespace overparam::net
