// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace overparam::net {

/// An activation phi, applied entry by entry to g (n, m). Positively homogeneous ones act as they
/// are. A smooth sigma acts as phi(g) = sqrt(c/m) sigma(sqrt(m) g) with c = 1 / E sigma(z)^2, z ~
/// N(0, 1): pre-activations of size 1/sqrt(m) then see its bend, and features keep their norm (Du
/// et al. 2018a, Section 3).
struct Activation {
  std::string name;
  std::string formula;

  /// c with E |phi(W h)|^2 = |h|^2 for W (m, k) with entries N(0, c / m): 2 for ReLU.
  double variance_gain = 1;

  /// E sigma(z)^2 of a smooth one, the 1/c of its scale; 1 for the others.
  double second_moment = 1;

  /// phi(c g) = c phi(g) for c > 0: it acts as it is, whatever the scale.
  bool is_homogeneous = true;

  /// Whether the sign of g decides the branch phi takes: counted as sign changes.
  bool has_sign_pattern = false;

  /// values <- phi(values)
  void (*apply)(at::Tensor& values) = nullptr;

  /// cotangent <- cotangent * phi'(g), given features = phi(g), where the features determine it: no
  /// pre-activation needs to be kept. The cotangent (..., n, m) may have one more leading dimension
  /// than the features (n, m). Null where phi' = 1, and where slopes are kept.
  void (*multiply_derivative)(at::Tensor& cotangent, const at::Tensor& features) = nullptr;

  /// slopes <- phi'(values), values <- phi(values). Null where slopes need not be kept.
  void (*apply_with_slopes)(at::Tensor& values, at::Tensor& slopes) = nullptr;

  [[nodiscard]] bool keeps_slopes() const { return apply_with_slopes != nullptr; }
};

/// All of them; relu and identity among them.
const std::vector<Activation>& activations();

/// @throws Error(usage) with the names and "did you mean"
const Activation& find_activation(const std::string& name);

/// max(0, g). The derivative is 1[g > 0], as in autograd; Definition 2.2 has 1[g >= 0], which
/// differs on a set of measure zero.
const Activation& relu();

/// g itself: read-out layers, and deep linear networks.
const Activation& identity();

}  // namespace overparam::net
