// SPDX-License-Identifier: Apache-2.0
// Objectives whose curvature is known or can be had densely.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <string>
#include <vector>

#include "overparam/curvature/objective.hpp"
#include "support/tensors.hpp"

namespace overparam::tests {

/// 1/2 W^T H W, float64. Batch b of `batches` has H plus a symmetric matrix of its own; these sum to
/// zero.
class Quadratic final : public curvature::Objective {
 public:
  Quadratic(const at::Tensor& hessian, const at::Tensor& weights, std::int64_t batches = 1, double noise = 0)
      : weights_(weights), tensors_{{.name = "w", .sizes = {weights.size(0)}, .begin = 0}} {
    at::Tensor sum = at::zeros_like(hessian);
    for (std::int64_t b = 0; b < batches; ++b) {
      const at::Tensor drawn = normal(hessian.sizes(), "batch " + std::to_string(b));
      batches_.push_back(noise * (drawn + drawn.t()));
      sum += batches_.back();
    }
    for (auto& own : batches_) own += hessian - sum / batches;
    hessian_ = hessian;
  }

  [[nodiscard]] std::string describe() const override { return "a quadratic"; }
  [[nodiscard]] const std::vector<net::WeightTensor>& tensors() const override { return tensors_; }
  [[nodiscard]] const at::Tensor& weights() const override { return weights_; }
  [[nodiscard]] std::int64_t num_samples() const override { return num_batches(); }
  [[nodiscard]] std::int64_t num_batches() const override { return std::ssize(batches_); }
  [[nodiscard]] std::int64_t batch_samples(std::int64_t) const override { return 1; }
  [[nodiscard]] curvature::Value value(const at::Tensor& weights) const override {
    return {.objective = 0.5 * at::dot(weights, at::mv(hessian_, weights)).item<double>()};
  }
  curvature::Value gradient(const at::Tensor& weights, at::Tensor& into) const override {
    into.copy_(at::mv(hessian_, weights));
    return value(weights);
  }
  curvature::Value batch_gradient(const at::Tensor& weights,
                                  std::int64_t batch,
                                  at::Tensor& into) const override {
    into.copy_(at::mv(batches_[static_cast<std::size_t>(batch)], weights));
    return value(weights);
  }
  [[nodiscard]] std::uint64_t gradient_bytes() const override { return 0; }

 private:
  at::Tensor hessian_;
  at::Tensor weights_;
  std::vector<net::WeightTensor> tensors_;
  std::vector<at::Tensor> batches_;
};

/// Cross-entropy of a network 8-12-12-3 with biases (P = 303) on 200 Gaussian samples whose labels are
/// those of another such network; float64.
class SmallNetwork final : public curvature::Objective {
 public:
  /// @param smooth softplus(10 x) / 10 in place of ReLU
  explicit SmallNetwork(bool smooth) : smooth_(smooth), inputs_(normal({200, 8}, "inputs")) {
    std::int64_t begin = 0;
    std::int64_t columns = 8;
    for (const std::int64_t rows : {12, 12, 3}) {
      tensors_.push_back({.name = "weight " + std::to_string(begin), .sizes = {rows, columns}, .begin = begin});
      begin += rows * columns;
      tensors_.push_back({.name = "bias " + std::to_string(begin), .sizes = {rows}, .begin = begin});
      begin += rows;
      columns = rows;
    }
    weights_ = initial("weights", begin);
    labels_ = outputs(initial("teacher", begin)).argmax(1);
    // A few hundred steps of descent, so that the point is one that training meets.
    at::Tensor gradient = at::empty_like(weights_);
    for (int step = 0; step < 100; ++step) {
      this->gradient(weights_, gradient);
      weights_.sub_(gradient, 0.5);
    }
  }

  [[nodiscard]] std::string describe() const override { return "8-12-12-3"; }
  [[nodiscard]] const std::vector<net::WeightTensor>& tensors() const override { return tensors_; }
  [[nodiscard]] const at::Tensor& weights() const override { return weights_; }
  [[nodiscard]] std::int64_t num_samples() const override { return 200; }
  [[nodiscard]] std::int64_t num_batches() const override { return 4; }
  [[nodiscard]] std::int64_t batch_samples(std::int64_t) const override { return 50; }
  [[nodiscard]] curvature::Value value(const at::Tensor& weights) const override {
    return {.objective = loss(weights, 0, 200).item<double>()};
  }
  curvature::Value gradient(const at::Tensor& weights, at::Tensor& into) const override {
    return part_gradient(weights, 0, 200, into);
  }
  curvature::Value batch_gradient(const at::Tensor& weights,
                                  std::int64_t batch,
                                  at::Tensor& into) const override {
    return part_gradient(weights, 50 * batch, 50, into);
  }
  [[nodiscard]] bool has_second_derivatives() const override { return true; }
  void second_derivative(const at::Tensor& weights, const at::Tensor& v, at::Tensor& into) const override {
    const at::Tensor leaf = weights.detach().clone().requires_grad_(true);
    const auto first = torch::autograd::grad({loss(leaf, 0, 200)}, {leaf}, {}, true, true);
    into.copy_(torch::autograd::grad({first[0]}, {leaf}, {v})[0]);
  }
  [[nodiscard]] std::uint64_t gradient_bytes() const override { return 1 << 20; }

  /// H by columns.
  [[nodiscard]] at::Tensor dense_hessian() const {
    std::vector<at::Tensor> columns;
    for (std::int64_t i = 0; i < weights_.size(0); ++i) {
      at::Tensor unit = at::zeros_like(weights_);
      unit[i] = 1;
      columns.push_back(at::empty_like(unit));
      second_derivative(weights_, unit, columns.back());
    }
    return at::stack(columns);
  }

 private:
  [[nodiscard]] at::Tensor initial(const char* name, std::int64_t size) const {
    at::Tensor weights = normal({size}, name);
    for (const auto& tensor : tensors_) {
      const double fan = tensor.sizes.size() == 2 ? std::sqrt(2.0 / static_cast<double>(tensor.sizes[1])) : 0.1;
      weights.narrow(0, tensor.begin, tensor.numel()).mul_(fan);
    }
    return weights;
  }

  [[nodiscard]] at::Tensor outputs(const at::Tensor& weights, std::int64_t begin = 0, std::int64_t count = 200) const {
    at::Tensor h = inputs_.narrow(0, begin, count);
    for (std::size_t i = 0; i < tensors_.size(); i += 2) {
      const auto part = [&](std::size_t k) {
        return weights.narrow(0, tensors_[k].begin, tensors_[k].numel()).view(tensors_[k].sizes);
      };
      h = at::linear(h, part(i), part(i + 1));
      if (i + 2 < tensors_.size()) h = smooth_ ? at::softplus(h, 10) : at::relu(h);
    }
    return h;
  }

  [[nodiscard]] at::Tensor loss(const at::Tensor& weights, std::int64_t begin, std::int64_t count) const {
    return at::cross_entropy_loss(outputs(weights, begin, count), labels_.narrow(0, begin, count));
  }

  curvature::Value part_gradient(const at::Tensor& weights, std::int64_t begin, std::int64_t count, at::Tensor& into) const {
    const at::Tensor leaf = weights.detach().clone().requires_grad_(true);
    const at::Tensor mean = loss(leaf, begin, count);
    const auto gradient = torch::autograd::grad({mean}, {leaf});
    const c10::NoGradGuard no_gradients;
    into.copy_(gradient[0]);
    return {.objective = mean.item<double>()};
  }

  bool smooth_;
  at::Tensor inputs_;
  at::Tensor labels_;
  at::Tensor weights_;
  std::vector<net::WeightTensor> tensors_;
};

}  // namespace overparam::tests
