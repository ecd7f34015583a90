// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "overparam/net/network.hpp"

namespace overparam::net {

/// D_{i,l} = 1[g_{i,l} > 0] for the hidden layers of a network, one byte each.
class SignPattern {
 public:
  SignPattern() = default;
  SignPattern(const Architecture& architecture, const Tape& tape);

  /// Share of the (sample, neuron) signs of each hidden layer that differ from `tape`'s.
  [[nodiscard]] std::vector<double> changed_share(const Tape& tape) const;

  /// Signs that differ, per hidden layer and sample: |D_{i,l} - D'_{i,l}|_0, (layers, n) int64.
  [[nodiscard]] at::Tensor changes(const Tape& tape) const;

  /// The layers it holds, in order.
  [[nodiscard]] const std::vector<int>& layers() const { return layers_; }

 private:
  std::vector<int> layers_;
  std::vector<at::Tensor> active_;  // (n, m) bool each
};

}  // namespace overparam::net
