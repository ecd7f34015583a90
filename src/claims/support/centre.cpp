// SPDX-License-Identifier: Apache-2.0
#include "support/centre.hpp"

#include <ATen/ATen.h>

namespace overparam::claims {

Centre::Centre(const net::Network& network,
               const train::Problem& problem,
               net::Workspace& workspace)
    : network_(network),
      problem_(problem),
      workspace_(workspace),
      tape_(network.record(problem.inputs, workspace)),
      residual_(tape_.outputs() - problem.targets) {}

double Centre::objective() const { return 0.5 * residual_.pow(2).sum().item<double>(); }

at::Tensor Centre::linearisation_error(const net::Network& moved) const {
  net::Parameters direction = moved.parameters().clone();
  direction.add(network_.parameters(), -1);
  const at::Tensor linear = network_.jvp(tape_, direction, workspace_);
  return moved.forward(problem_.inputs, workspace_) - tape_.outputs() - linear;
}

double Centre::gap(const net::Network& moved) const {
  const at::Tensor change = moved.forward(problem_.inputs, workspace_) - tape_.outputs();
  return (0.5 * change.pow(2) + residual_ * linearisation_error(moved)).sum().item<double>();
}

}  // namespace overparam::claims
