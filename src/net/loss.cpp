// SPDX-License-Identifier: Apache-2.0
#include "overparam/net/loss.hpp"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "overparam/base/catalogue.hpp"
#include "overparam/base/require.hpp"

namespace overparam::net {

std::int64_t predicted_class(std::span<const double> output, std::int64_t num_classes) {
  if (output.size() > 1) {
    return std::distance(output.begin(), std::ranges::max_element(output));
  }
  // One output: the classes' targets lie evenly over [-1, 1].
  const double last = static_cast<double>(num_classes - 1);
  const double place = std::clamp((output[0] + 1) / 2 * last, 0.0, last);
  return std::llround(place);
}

namespace {

/// The samples of CPU tensors one by one, in float64.
template <typename Scalar>
Evaluation evaluate_rows(const Loss& loss,
                         const Scalar* outputs,
                         const Scalar* targets,
                         Scalar* cotangent,
                         const std::int64_t* labels,
                         std::int64_t n,
                         std::int64_t d,
                         std::int64_t num_classes) {
  std::vector<double> output(static_cast<std::size_t>(d));
  std::vector<double> target(output.size());
  std::vector<double> gradient(output.size());
  Evaluation result;
  for (std::int64_t i = 0; i < n; ++i) {
    std::copy_n(outputs + i * d, d, output.begin());
    std::copy_n(targets + i * d, d, target.begin());
    const double value = loss.value(output, target);
    result.objective += value;
    result.largest_loss = std::max(result.largest_loss, value);
    if (labels != nullptr) {
      result.correct += predicted_class(output, num_classes) == labels[i] ? 1 : 0;
    }
    if (cotangent != nullptr) {
      loss.gradient(output, target, gradient);
      for (std::int64_t a = 0; a < d; ++a) {
        cotangent[i * d + a] = static_cast<Scalar>(gradient[static_cast<std::size_t>(a)]);
      }
    }
  }
  return result;
}

}  // namespace

Evaluation evaluate(const Loss& loss,
                    const at::Tensor& outputs,
                    const at::Tensor& targets,
                    const at::Tensor& labels,
                    std::int64_t num_classes,
                    at::Tensor* cotangent) {
  if (!outputs.device().is_cpu()) {
    // n d numbers against n m L: the copy is nothing beside the pass that made them.
    at::Tensor host_cotangent = cotangent != nullptr
                                    ? at::empty(outputs.sizes(), outputs.options().device(at::kCPU))
                                    : at::Tensor();
    const auto result = evaluate(loss,
                                 outputs.cpu(),
                                 targets.cpu(),
                                 labels.defined() ? labels.cpu() : labels,
                                 num_classes,
                                 cotangent != nullptr ? &host_cotangent : nullptr);
    if (cotangent != nullptr) cotangent->copy_(host_cotangent);
    return result;
  }

  base::ensure(outputs.sizes() == targets.sizes() && outputs.is_contiguous() &&
                   targets.is_contiguous() && outputs.scalar_type() == targets.scalar_type(),
               "evaluate: outputs and targets differ in shape or type");
  const std::int64_t n = outputs.size(0);
  Evaluation result;
  AT_DISPATCH_FLOATING_TYPES(outputs.scalar_type(), "evaluate", [&] {
    result = evaluate_rows(loss,
                           outputs.data_ptr<scalar_t>(),
                           targets.data_ptr<scalar_t>(),
                           cotangent != nullptr ? cotangent->data_ptr<scalar_t>() : nullptr,
                           labels.defined() ? labels.data_ptr<std::int64_t>() : nullptr,
                           n,
                           outputs.size(1),
                           num_classes);
  });
  if (labels.defined() && n > 0) {
    result.accuracy = static_cast<double>(result.correct) / static_cast<double>(n);
  }
  return result;
}

namespace {

/// Why a loss cannot take this row of targets; empty if it can.
std::string fault_of(TargetKind kind, std::span<const double> target) {
  const double least = *std::ranges::min_element(target);
  const double largest = *std::ranges::max_element(target);
  if (kind == TargetKind::probabilities) {
    const double sum = std::accumulate(target.begin(), target.end(), 0.0);
    if (least >= 0 && std::abs(sum - 1) < 1e-4 && target.size() > 1) return "";
    return fmt::format(
        "probabilities of two classes or more; {} targets that sum to {:.4g}", target.size(), sum);
  }
  const double low = target.size() == 1 ? -1 : 0;
  if (kind == TargetKind::any || (least >= low && largest <= 1)) return "";
  return fmt::format("in [{}, 1]; {:.4g}", low, least < low ? least : largest);
}

}  // namespace

void check_targets(const Loss& loss, const at::Tensor& targets) {
  if (loss.targets == TargetKind::any) return;
  const at::Tensor rows = targets.to(at::kDouble).cpu().contiguous();
  const auto columns = static_cast<std::size_t>(rows.size(1));
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    const std::string fault = fault_of(loss.targets, {rows[i].data_ptr<double>(), columns});
    base::require(fault.empty(),
                  ErrorKind::data,
                  "the loss {} needs targets that are {} in sample {}",
                  loss.name,
                  fault,
                  i);
  }
}

const Loss& find_loss(const std::string& name) {
  return base::find_by_name(losses(), "loss", name);
}

}  // namespace overparam::net
