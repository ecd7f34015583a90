// SPDX-License-Identifier: Apache-2.0
#include "overparam/net/sign_pattern.hpp"

#include <ATen/ATen.h>

namespace overparam::net {

SignPattern::SignPattern(const Architecture& architecture, const Tape& tape)
    : layers_(architecture.sign_layers()) {
  for (const int layer : layers_) active_.push_back(tape.branches(layer) > 0);
}

at::Tensor SignPattern::changes(const Tape& tape) const {
  std::vector<at::Tensor> counts;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    counts.push_back(((tape.branches(layers_[i]) > 0) != active_[i]).sum(1));  // (n)
  }
  if (counts.empty()) return at::zeros({0, tape.inputs().size(0)}, at::kLong);
  return at::stack(counts).cpu();
}

std::vector<double> SignPattern::changed_share(const Tape& tape) const {
  const at::Tensor counts = changes(tape).sum(1);
  std::vector<double> shares;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    shares.push_back(counts[static_cast<std::int64_t>(i)].item<double>() /
                     static_cast<double>(active_[i].numel()));
  }
  return shares;
}

}  // namespace overparam::net
