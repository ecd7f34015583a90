// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <optional>

#include "batch_sum.hpp"
#include "overparam/base/require.hpp"
#include "overparam/curvature/objective.hpp"

namespace overparam::curvature {

namespace {

class VisionObjective final : public Objective {
 public:
  VisionObjective(const net::VisionArchitecture& architecture,
                  const at::Tensor& weights,
                  const at::Tensor& statistics,
                  const at::Tensor& images,
                  const at::Tensor& labels,
                  const VisionObjectiveOptions& options)
      : architecture_(architecture),
        weights_(weights.clone()),
        statistics_(statistics.clone()),
        images_(images.to(weights.options()).contiguous(at::MemoryFormat::ChannelsLast)),
        labels_(labels.to(weights.device())),
        options_(options) {
    base::require(images.dim() == 4 && labels.dim() == 1 && images.size(0) == labels.size(0) &&
                      images.size(0) > 0,
                  ErrorKind::usage,
                  "objective: expected images (n, channels, side, side) and as many labels, found "
                  "({}) and ({})",
                  fmt::join(images.sizes(), ", "),
                  fmt::join(labels.sizes(), ", "));
    (void)net::parts_of(architecture, weights);  // another network's weights are refused here
    base::require(statistics.numel() == architecture.num_statistics(),
                  ErrorKind::usage,
                  "{}: expected {} means and variances, found {}",
                  architecture.name,
                  architecture.num_statistics(),
                  statistics.numel());
  }

  [[nodiscard]] std::string describe() const override {
    return fmt::format("{}, {} images, batch normalisation {}",
                       architecture_.name,
                       num_samples(),
                       architecture_.norms.empty() ? "none" : to_string(options_.norms));
  }

  [[nodiscard]] const std::vector<net::WeightTensor>& tensors() const override {
    return architecture_.tensors;
  }
  [[nodiscard]] const at::Tensor& weights() const override { return weights_; }
  [[nodiscard]] std::int64_t num_samples() const override { return images_.size(0); }
  [[nodiscard]] std::int64_t num_batches() const override {
    return (num_samples() + options_.batch_size - 1) / options_.batch_size;
  }

  [[nodiscard]] std::int64_t batch_samples(std::int64_t batch) const override {
    return std::min(options_.batch_size, num_samples() - batch * options_.batch_size);
  }

  [[nodiscard]] Value value(const at::Tensor& weights) const override {
    const c10::NoGradGuard no_gradients;
    const auto parts = net::parts_of(architecture_, weights);
    const net::NormSource norms = norms_at(parts);
    std::optional<net::FoldedVision> folded;
    if (norms.statistics.defined()) folded.emplace(architecture_, parts, norms.statistics);
    const auto outputs = [&](const at::Tensor& images) {
      const c10::NoGradGuard in_this_thread;
      return folded ? folded->outputs(images)
                    : net::vision_outputs(architecture_, parts, images, norms);
    };
    return sum_batches(
               num_batches(),
               [&](std::int64_t batch, at::Tensor&) {
                 const auto [images, labels] = batch_of(batch);
                 const at::Tensor logits = outputs(images);
                 return sums_of(logits, labels, losses_of(logits, labels));
               },
               nullptr)
        .value();
  }

  Value gradient(const at::Tensor& weights, at::Tensor& into) const override {
    const net::NormSource norms = norms_at(weights);
    const LossSums sums = sum_batches(
        num_batches(),
        [&](std::int64_t batch, at::Tensor& sum) {
          return add_gradient(weights, norms, batch, sum);
        },
        &into);
    into.div_(static_cast<double>(sums.samples));
    return sums.value();
  }

  Value batch_gradient(const at::Tensor& weights,
                       std::int64_t batch,
                       at::Tensor& into) const override {
    const LossSums sums = add_gradient(weights, norms_at(weights), batch, into.zero_());
    into.div_(static_cast<double>(sums.samples));
    return sums.value();
  }

  [[nodiscard]] bool has_second_derivatives() const override { return true; }

  void second_derivative(const at::Tensor& weights,
                         const at::Tensor& v,
                         at::Tensor& into) const override {
    const net::NormSource norms = norms_at(weights);
    const auto directions = net::parts_of(architecture_, v);
    sum_batches(
        num_batches(),
        [&](std::int64_t batch, at::Tensor& sum) {
          const auto [images, labels] = batch_of(batch);
          const auto parts = leaves_of(weights);
          const at::Tensor logits = net::vision_outputs(architecture_, parts, images, norms);
          const at::Tensor losses = losses_of(logits, labels);
          const auto first = torch::autograd::grad(
              {losses}, parts, {}, /*retain_graph=*/true, /*create_graph=*/true, true);
          std::vector<at::Tensor> outputs;
          std::vector<at::Tensor> cotangents;
          for (std::size_t i = 0; i < first.size(); ++i) {
            if (!first[i].defined() || !first[i].requires_grad()) continue;
            outputs.push_back(first[i]);
            cotangents.push_back(directions[i]);
          }
          add(torch::autograd::grad(outputs, parts, cotangents, {}, false, true), sum);
          return sums_of(logits, labels, losses);
        },
        &into);
    into.div_(static_cast<double>(num_samples()));
  }

  [[nodiscard]] std::uint64_t gradient_bytes() const override {
    const auto workers = static_cast<std::uint64_t>(workers_for(num_batches()));
    const auto rows = static_cast<std::uint64_t>(std::min(options_.batch_size, num_samples()));
    const std::uint64_t each = weights_.element_size();
    // Features, and the cotangents of a few of them.
    return workers * each *
           (2 * rows * static_cast<std::uint64_t>(architecture_.features_per_image()) +
            2 * static_cast<std::uint64_t>(size()));
  }

 private:
  [[nodiscard]] std::pair<at::Tensor, at::Tensor> batch_of(std::int64_t batch) const {
    const std::int64_t begin = batch * options_.batch_size;
    const std::int64_t count = batch_samples(batch);
    return {images_.narrow(0, begin, count), labels_.narrow(0, begin, count)};
  }

  [[nodiscard]] net::NormSource norms_at(std::span<const at::Tensor> parts) const {
    switch (options_.norms) {
      case NormMode::running:
        return {.statistics = statistics_};
      case NormMode::batch:
        return {};
      case NormMode::reestimated:
        return {.statistics =
                    net::estimate_statistics(architecture_, parts, images_, options_.batch_size)};
    }
    return {};
  }
  [[nodiscard]] net::NormSource norms_at(const at::Tensor& weights) const {
    const c10::NoGradGuard no_gradients;
    return norms_at(net::parts_of(architecture_, weights));
  }

  /// Views of W that ask for gradients, each of its own.
  [[nodiscard]] std::vector<at::Tensor> leaves_of(const at::Tensor& weights) const {
    std::vector<at::Tensor> leaves;
    for (const auto& part : net::parts_of(architecture_, weights)) {
      leaves.push_back(part.detach().requires_grad_(true));
    }
    return leaves;
  }

  static at::Tensor losses_of(const at::Tensor& logits, const at::Tensor& labels) {
    return at::cross_entropy_loss(logits.to(at::kDouble), labels, {}, at::Reduction::Sum);
  }

  static LossSums sums_of(const at::Tensor& logits,
                          const at::Tensor& labels,
                          const at::Tensor& losses) {
    return {.losses = losses.item<double>(),
            .correct = (logits.argmax(1) == labels).sum().item<std::int64_t>(),
            .samples = labels.size(0)};
  }

  void add(const std::vector<at::Tensor>& gradients, at::Tensor& into) const {
    const c10::NoGradGuard no_gradients;
    const auto targets = net::parts_of(architecture_, into);
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      if (gradients[i].defined()) at::Tensor(targets[i]).add_(gradients[i]);
    }
  }

  LossSums add_gradient(const at::Tensor& weights,
                        const net::NormSource& norms,
                        std::int64_t batch,
                        at::Tensor& into) const {
    const auto [images, labels] = batch_of(batch);
    const auto parts = leaves_of(weights);
    const at::Tensor logits = net::vision_outputs(architecture_, parts, images, norms);
    const at::Tensor losses = losses_of(logits, labels);
    add(torch::autograd::grad({losses}, parts, {}, {}, false, /*allow_unused=*/true), into);
    return sums_of(logits, labels, losses);
  }

  net::VisionArchitecture architecture_;
  at::Tensor weights_;     // (P)
  at::Tensor statistics_;  // (S)
  at::Tensor images_;
  at::Tensor labels_;
  VisionObjectiveOptions options_;
};

}  // namespace

std::unique_ptr<Objective> vision_objective(const net::VisionArchitecture& architecture,
                                            const at::Tensor& weights,
                                            const at::Tensor& statistics,
                                            const at::Tensor& images,
                                            const at::Tensor& labels,
                                            const VisionObjectiveOptions& options) {
  return std::make_unique<VisionObjective>(
      architecture, weights, statistics, images, labels, options);
}

}  // namespace overparam::curvature
