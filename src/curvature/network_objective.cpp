// SPDX-License-Identifier: Apache-2.0
#include "overparam/curvature/network_objective.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "batch_sum.hpp"
#include "overparam/base/require.hpp"

namespace overparam::curvature {

namespace {

/// A network of one's own for the time of a call: its weights change.
struct Seat {
  net::Network network;
  net::Workspace workspace;
  net::Parameters gradient;

  explicit Seat(const net::Network& like)
      : network(like.clone()),
        workspace(like.options()),
        gradient(net::Parameters::trained_zeros(like.architecture(), like.options())) {}
};

class NetworkObjective final : public Objective {
 public:
  NetworkObjective(const net::Network& network,
                   const NetworkSamples& samples,
                   const net::Loss& loss,
                   std::int64_t batch_size)
      : network_(network.clone()), samples_(samples), loss_(loss), batch_size_(batch_size) {
    base::require(samples.inputs.dim() == 2 && samples.inputs.size(0) > 0 &&
                      samples.targets.size(0) == samples.inputs.size(0),
                  ErrorKind::usage,
                  "objective: expected inputs (n, dx) and as many targets, found ({}) and ({})",
                  fmt::join(samples.inputs.sizes(), ", "),
                  fmt::join(samples.targets.sizes(), ", "));
    const auto& blocks = network.architecture().blocks;
    std::int64_t begin = 0;
    for (std::size_t k = 0; k < blocks.size(); ++k) {
      if (!blocks[k].trained) continue;
      const at::Tensor& block = network.parameters()[static_cast<int>(k)];
      tensors_.push_back({.name = blocks[k].name, .sizes = block.sizes().vec(), .begin = begin});
      trained_.push_back(static_cast<int>(k));
      begin += block.numel();
    }
    weights_ = trained_weights(network);
  }

  [[nodiscard]] std::string describe() const override {
    return fmt::format(
        "{}, {} samples, {} loss", network_.architecture().name, num_samples(), loss_.name);
  }
  [[nodiscard]] const std::vector<net::WeightTensor>& tensors() const override { return tensors_; }
  [[nodiscard]] const at::Tensor& weights() const override { return weights_; }
  [[nodiscard]] std::int64_t num_samples() const override { return samples_.inputs.size(0); }
  [[nodiscard]] std::int64_t num_batches() const override {
    return (num_samples() + batch_size_ - 1) / batch_size_;
  }
  [[nodiscard]] std::int64_t batch_samples(std::int64_t batch) const override {
    return std::min(batch_size_, num_samples() - batch * batch_size_);
  }

  [[nodiscard]] Value value(const at::Tensor& weights) const override {
    const auto seat = seat_at(weights);
    LossSums sums;
    for (std::int64_t batch = 0; batch < num_batches(); ++batch) {
      const auto part = batch_of(batch);
      const at::Tensor outputs = seat->network.forward(part.inputs, seat->workspace);
      sums.add(sums_of(outputs, part, nullptr));
    }
    return sums.value();
  }

  Value gradient(const at::Tensor& weights, at::Tensor& into) const override {
    const auto seat = seat_at(weights);
    LossSums sums;
    for (std::int64_t batch = 0; batch < num_batches(); ++batch) {
      sums.add(take_gradient(*seat, batch, batch == 0 ? 0 : 1));
    }
    flatten(seat->gradient, into);
    into.div_(static_cast<double>(sums.samples));
    return sums.value();
  }

  Value batch_gradient(const at::Tensor& weights,
                       std::int64_t batch,
                       at::Tensor& into) const override {
    const auto seat = seat_at(weights);
    const LossSums sums = take_gradient(*seat, batch, 0);
    flatten(seat->gradient, into);
    into.div_(static_cast<double>(sums.samples));
    return sums.value();
  }

  [[nodiscard]] std::uint64_t gradient_bytes() const override {
    std::int64_t widths = 0;
    for (int l = 0; l < network_.architecture().num_layers(); ++l) {
      widths += network_.architecture().width_of(l);
    }
    const std::int64_t rows = std::min(batch_size_, num_samples());
    return weights_.element_size() *
           static_cast<std::uint64_t>(2 * rows * widths +
                                      3 * network_.architecture().num_parameters());
  }

 private:
  /// Puts the weights into a free network, which is given back when the pointer goes.
  [[nodiscard]] std::shared_ptr<Seat> seat_at(const at::Tensor& weights) const {
    std::unique_ptr<Seat> seat;
    {
      const std::scoped_lock lock(mutex_);
      if (!free_.empty()) {
        seat = std::move(free_.back());
        free_.pop_back();
      }
    }
    if (!seat) seat = std::make_unique<Seat>(network_);
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      seat->network.parameters()[trained_[i]].copy_(
          weights.narrow(0, tensors_[i].begin, tensors_[i].numel()).view(tensors_[i].sizes));
    }
    return {seat.release(), [this](Seat* taken) {
              const std::scoped_lock lock(mutex_);
              free_.emplace_back(taken);
            }};
  }

  [[nodiscard]] NetworkSamples batch_of(std::int64_t batch) const {
    const auto part = [&](const at::Tensor& all) {
      return all.defined() ? all.narrow(0, batch * batch_size_, batch_samples(batch)) : all;
    };
    return {
        part(samples_.inputs), part(samples_.targets), part(samples_.labels), samples_.num_classes};
  }

  [[nodiscard]] LossSums sums_of(const at::Tensor& outputs,
                                 const NetworkSamples& part,
                                 at::Tensor* cotangent) const {
    const auto evaluation =
        net::evaluate(loss_, outputs, part.targets, part.labels, part.num_classes, cotangent);
    return {.losses = evaluation.objective,
            .correct = part.labels.defined() ? evaluation.correct : -1,
            .samples = part.inputs.size(0)};
  }

  LossSums take_gradient(Seat& seat, std::int64_t batch, double beta) const {
    const auto part = batch_of(batch);
    const net::Tape tape = seat.network.record(part.inputs, seat.workspace);
    at::Tensor cotangent = at::empty_like(tape.outputs());
    const LossSums sums = sums_of(tape.outputs(), part, &cotangent);
    seat.network.add_gradient(tape, cotangent, 1, seat.gradient, seat.workspace, beta);
    return sums;
  }

  void flatten(const net::Parameters& gradient, at::Tensor& into) const {
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      into.narrow(0, tensors_[i].begin, tensors_[i].numel())
          .view(tensors_[i].sizes)
          .copy_(gradient[trained_[i]]);
    }
  }

  net::Network network_;
  NetworkSamples samples_;
  net::Loss loss_;
  std::int64_t batch_size_;
  std::vector<net::WeightTensor> tensors_;
  std::vector<int> trained_;  // blocks
  at::Tensor weights_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Seat>> free_;
};

}  // namespace

at::Tensor trained_weights(const net::Network& network) {
  const auto& blocks = network.architecture().blocks;
  std::vector<at::Tensor> flat;
  for (std::size_t k = 0; k < blocks.size(); ++k) {
    if (blocks[k].trained) flat.push_back(network.parameters()[static_cast<int>(k)].reshape({-1}));
  }
  return at::cat(flat);
}

std::unique_ptr<Objective> network_objective(const net::Network& network,
                                             const NetworkSamples& samples,
                                             const net::Loss& loss,
                                             std::int64_t batch_size) {
  return std::make_unique<NetworkObjective>(network, samples, loss, batch_size);
}

}  // namespace overparam::curvature
