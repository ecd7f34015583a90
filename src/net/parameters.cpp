// SPDX-License-Identifier: Apache-2.0
#include "overparam/net/parameters.hpp"

#include <ATen/ATen.h>

#include <cmath>

namespace overparam::net {

namespace {

double inner_product(const at::Tensor& a, const at::Tensor& b) {
  return at::dot(a.reshape({-1}), b.reshape({-1})).item<double>();
}

}  // namespace

Parameters Parameters::initial(const Architecture& architecture,
                               std::uint64_t seed,
                               const at::TensorOptions& options) {
  Parameters parameters;
  for (std::size_t i = 0; i < architecture.blocks.size(); ++i) {
    const auto& block = architecture.blocks[i];
    at::Tensor weights = at::empty({block.rows, block.columns}, options);
    draw_initial_block(architecture, static_cast<int>(i), seed, weights);
    parameters.blocks_.push_back(std::move(weights));
  }
  return parameters;
}

Parameters Parameters::trained_zeros(const Architecture& architecture,
                                     const at::TensorOptions& options) {
  Parameters parameters;
  for (const auto& block : architecture.blocks) {
    parameters.blocks_.push_back(block.trained ? at::zeros({block.rows, block.columns}, options)
                                               : at::Tensor());
  }
  return parameters;
}

void Parameters::add(const Parameters& other, double alpha) {
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    if (blocks_[i].defined() && other.blocks_[i].defined())
      blocks_[i].add_(other.blocks_[i], alpha);
  }
}

void Parameters::scale(double factor) {
  for (auto& block : blocks_) {
    if (block.defined()) block.mul_(factor);
  }
}

double Parameters::dot(const Parameters& other) const {
  double sum = 0;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    if (blocks_[i].defined() && other.blocks_[i].defined()) {
      sum += inner_product(blocks_[i], other.blocks_[i]);
    }
  }
  return sum;
}

double Parameters::norm() const { return std::sqrt(dot(*this)); }

Parameters Parameters::clone() const {
  Parameters copy;
  for (const auto& block : blocks_) {
    copy.blocks_.push_back(block.defined() ? block.clone() : at::Tensor());
  }
  return copy;
}

}  // namespace overparam::net
