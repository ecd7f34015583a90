// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "overparam/net/network.hpp"
#include "overparam/train/problem.hpp"

namespace overparam::claims {

/// A network with its outputs on a problem with the squared loss, from which displacements are
/// measured. The arguments must outlive it.
class Centre {
 public:
  Centre(const net::Network& network, const train::Problem& problem, net::Workspace& workspace);

  /// F
  [[nodiscard]] double objective() const;
  [[nodiscard]] const net::Tape& tape() const { return tape_; }

  /// y - y*, (n, d)
  [[nodiscard]] const at::Tensor& residual() const { return residual_; }

  /// y(W + W') - y(W) - <grad y(W), W'>, (n, d)
  [[nodiscard]] at::Tensor linearisation_error(const net::Network& moved) const;

  /// F(W + W') - F(W) - <grad F(W), W'>, as |dy|^2 / 2 + <loss, dy - J W'>: the difference of
  /// objectives would cancel.
  [[nodiscard]] double gap(const net::Network& moved) const;

 private:
  const net::Network& network_;
  const train::Problem& problem_;
  net::Workspace& workspace_;
  net::Tape tape_;
  at::Tensor residual_;
};

}  // namespace overparam::claims
