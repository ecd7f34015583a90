// SPDX-License-Identifier: Apache-2.0
#include "overparam/train/vision.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "overparam/base/random.hpp"
#include "overparam/base/require.hpp"
#include "overparam/linalg/spectral_norm.hpp"
#include "overparam/linalg/vectors.hpp"

namespace overparam::train {

using base::require;

namespace {

constexpr std::int64_t kMargin = 4;  // pixels that an image may be shifted by

/// Where a pixel of the shifted and mirrored image comes from.
struct Move {
  std::int64_t down = 0;
  std::int64_t right = 0;
  bool mirrored = false;
};

void copy_moved(const float* image,
                const float* outside,
                std::int64_t channels,
                std::int64_t side,
                const Move& move,
                float* out) {
  for (std::int64_t y = 0; y < side; ++y) {
    const std::int64_t from_y = y + move.down;
    for (std::int64_t x = 0; x < side; ++x) {
      const std::int64_t seen = move.mirrored ? side - 1 - x : x;
      const std::int64_t from_x = seen + move.right;
      const bool inside = from_y >= 0 && from_y < side && from_x >= 0 && from_x < side;
      const float* source = inside ? image + (from_y * side + from_x) * channels : outside;
      std::copy(source, source + channels, out + (y * side + x) * channels);
    }
  }
}

std::vector<at::Tensor> leaves_of(const net::VisionArchitecture& architecture,
                                  const at::Tensor& weights) {
  std::vector<at::Tensor> leaves;
  for (const auto& part : net::parts_of(architecture, weights)) {
    leaves.push_back(part.detach().requires_grad_(true));
  }
  return leaves;
}

}  // namespace

void VisionTrainOptions::validate(std::int64_t num_samples) const {
  require(epochs >= 0, ErrorKind::usage, "epochs must be at least 0, found {}", epochs);
  require(batch_size >= 1 && batch_size <= num_samples,
          ErrorKind::usage,
          "a batch must have 1 to {} samples, found {}",
          num_samples,
          batch_size);
  require(step_size > 0 && std::isfinite(step_size),
          ErrorKind::usage,
          "step size must be a positive number, found {}",
          step_size);
  require(momentum >= 0 && momentum < 1,
          ErrorKind::usage,
          "momentum must lie in [0, 1), found {}",
          momentum);
  require(weight_decay >= 0 && std::isfinite(weight_decay),
          ErrorKind::usage,
          "weight decay must be at least 0, found {}",
          weight_decay);
}

double VisionTrainOptions::step_size_of(std::int64_t epoch) const {
  double eta = step_size;
  for (const auto& change : schedule) {
    if (epoch >= change.step) eta *= change.factor;
  }
  return eta;
}

VisionState initial_state(const net::VisionArchitecture& architecture,
                          std::uint64_t seed,
                          const at::TensorOptions& options) {
  VisionState state{.weights = net::initial_weights(architecture, seed, options),
                    .statistics = net::initial_statistics(architecture, options)};
  state.velocity = at::zeros_like(state.weights);
  return state;
}

void augment_images(const VisionData& data,
                    std::span<const std::int64_t> indices,
                    bool augment,
                    std::uint64_t seed,
                    std::int64_t epoch,
                    std::int64_t batch,
                    at::Tensor& out) {
  const std::int64_t channels = data.images.size(1);
  const std::int64_t side = data.images.size(2);
  const std::int64_t each = channels * side * side;
  // Pixel by pixel, the channels of one together.
  base::ensure(data.images.is_contiguous(at::MemoryFormat::ChannelsLast) &&
                   out.is_contiguous(at::MemoryFormat::ChannelsLast),
               "augmentation: images must be stored pixel by pixel");
  base::Random random(base::Stream(seed, "shifts", static_cast<std::uint64_t>(epoch)),
                      static_cast<std::uint64_t>(batch) << 32U);
  std::vector<Move> moves(indices.size());
  for (auto& move : moves) {
    if (!augment) continue;
    move = {.down = random.below(2 * kMargin + 1) - kMargin,
            .right = random.below(2 * kMargin + 1) - kMargin,
            .mirrored = random.below(2) == 1};
  }
  const float* images = data.images.data_ptr<float>();
  const float* outside = data.outside.data_ptr<float>();
  float* result = out.data_ptr<float>();
  at::parallel_for(0, std::ssize(indices), 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto index = static_cast<std::size_t>(i);
      copy_moved(
          images + indices[index] * each, outside, channels, side, moves[index], result + i * each);
    }
  });
}

EpochReport train_epoch(const net::VisionArchitecture& architecture,
                        const VisionData& data,
                        const VisionTrainOptions& options,
                        VisionState& state,
                        const std::function<bool()>& keep_going) {
  const std::int64_t n = data.labels.size(0);
  options.validate(n);
  const VisionState before{.epoch = state.epoch,
                           .weights = state.weights.clone(),
                           .velocity = state.velocity.clone(),
                           .statistics = state.statistics.clone()};
  EpochReport report{.epoch = state.epoch + 1, .step_size = options.step_size_of(state.epoch)};
  const auto order = base::random_permutation(
      n, base::Stream(options.seed, "order", static_cast<std::uint64_t>(state.epoch)));
  const auto device = state.weights.device();
  const auto& sizes = data.images.sizes();
  at::Tensor gathered = at::empty({std::min(options.batch_size, n), sizes[1], sizes[2], sizes[3]},
                                  data.images.options(),
                                  at::MemoryFormat::ChannelsLast);
  at::Tensor gradient = at::empty_like(state.weights);
  std::int64_t correct = 0;
  double losses = 0;
  for (std::int64_t begin = 0, batch = 0; begin < n; begin += options.batch_size, ++batch) {
    if (keep_going && !keep_going()) {
      state = before;
      report.complete = false;
      return report;
    }
    const std::int64_t size = std::min(options.batch_size, n - begin);
    const std::span indices(order.data() + begin, static_cast<std::size_t>(size));
    at::Tensor rows = gathered.narrow(0, 0, size);
    augment_images(data, indices, options.augment, options.seed, state.epoch, batch, rows);
    const at::Tensor images = rows.to(state.weights.options());
    const at::Tensor labels =
        data.labels
            .index_select(
                0,
                at::tensor(at::ArrayRef<std::int64_t>(indices.data(), indices.size()), at::kLong))
            .to(device);

    const auto parts = leaves_of(architecture, state.weights);
    const at::Tensor logits =
        net::vision_outputs(architecture, parts, images, {.updated = state.statistics});
    const at::Tensor loss = at::cross_entropy_loss(logits, labels);
    const auto gradients =
        torch::autograd::grad({loss}, parts, {}, {}, false, /*allow_unused=*/true);
    const c10::NoGradGuard no_gradients;
    const auto targets = net::parts_of(architecture, gradient);
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      at::Tensor target = targets[i];
      gradients[i].defined() ? target.copy_(gradients[i]) : target.zero_();
    }
    report.step_objective = loss.item<double>();
    losses += report.step_objective * static_cast<double>(size);
    correct += (logits.argmax(1) == labels).sum().item<std::int64_t>();
    if (!std::isfinite(report.step_objective)) {
      report.finite = false;
      break;
    }
    state.velocity.mul_(options.momentum).add_(gradient).add_(state.weights, options.weight_decay);
    state.weights.sub_(state.velocity, report.step_size);

    if (begin + size == n) {  // the last step, looked at more closely
      report.step_linear = -report.step_size * linalg::inner_product(gradient, state.velocity);
      report.step_length = report.step_size * linalg::norm_of(state.velocity);
      const at::Tensor after =
          net::vision_outputs(architecture, net::parts_of(architecture, state.weights), images, {});
      report.step_gap = at::cross_entropy_loss(after, labels).item<double>() -
                        report.step_objective - report.step_linear;
    }
  }
  ++state.epoch;
  report.objective = losses / static_cast<double>(n);
  report.accuracy = static_cast<double>(correct) / static_cast<double>(n);
  return report;
}

VisionScore score(const net::VisionArchitecture& architecture,
                  const VisionState& state,
                  const at::Tensor& images,
                  const at::Tensor& labels,
                  std::int64_t batch_size) {
  const c10::NoGradGuard no_gradients;
  const net::FoldedVision network(
      architecture, net::parts_of(architecture, state.weights), state.statistics);
  double losses = 0;
  std::int64_t correct = 0;
  for (std::int64_t begin = 0; begin < images.size(0); begin += batch_size) {
    const std::int64_t size = std::min(batch_size, images.size(0) - begin);
    const at::Tensor logits =
        network.outputs(images.narrow(0, begin, size).to(state.weights.options()));
    const at::Tensor right = labels.narrow(0, begin, size).to(logits.device());
    losses += at::cross_entropy_loss(logits, right, {}, at::Reduction::Sum).item<double>();
    correct += (logits.argmax(1) == right).sum().item<std::int64_t>();
  }
  const auto n = static_cast<double>(images.size(0));
  return {.objective = losses / n, .accuracy = static_cast<double>(correct) / n};
}

double vision_radius(const net::VisionArchitecture& architecture,
                     const at::Tensor& weights,
                     const at::Tensor& initial) {
  at::Tensor moved = weights - initial;
  const double length = linalg::norm_of(moved);
  if (!std::isfinite(length)) return std::numeric_limits<double>::infinity();
  if (length == 0) return 0;
  moved.div_(length);  // so that no square overflows
  double largest = 0;
  for (const auto& part : net::parts_of(architecture, moved)) {
    if (part.dim() < 2) continue;
    largest = std::max(largest, linalg::spectral_norm(part.reshape({part.size(0), -1})));
  }
  return length * largest;
}

}  // namespace overparam::train
