// SPDX-License-Identifier: Apache-2.0
#include "overparam/curvature/script_objective.hpp"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/script.h>

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include "batch_sum.hpp"
#include "overparam/base/require.hpp"

namespace overparam::curvature {

namespace {

/// LibTorch's own words without the traces.
std::string words_of(const c10::Error& error) {
  const std::string text = error.what_without_backtrace();
  return text.substr(0, text.find('\n'));
}

std::string words_of(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

/// Parameters that can be moved, in the order of their names.
std::vector<std::pair<std::string, at::Tensor>> parameters_of(const torch::jit::Module& module) {
  std::vector<std::pair<std::string, at::Tensor>> parameters;
  for (const auto& parameter : module.named_parameters()) {
    if (at::isFloatingType(parameter.value.scalar_type())) {
      parameters.emplace_back(parameter.name, parameter.value);
    }
  }
  std::ranges::sort(parameters, {}, &std::pair<std::string, at::Tensor>::first);
  return parameters;
}

class ScriptObjective final : public Objective {
 public:
  ScriptObjective(const std::filesystem::path& file,
                  const at::Tensor& inputs,
                  const at::Tensor& targets,
                  std::int64_t batch_size)
      : name_(file.string()), inputs_(inputs), targets_(targets), batch_size_(batch_size) {
    base::require(inputs.dim() >= 1 && targets.dim() >= 1 && inputs.size(0) == targets.size(0) &&
                      inputs.size(0) > 0,
                  ErrorKind::data,
                  "{}: {} inputs and {} targets do not go together",
                  name_,
                  inputs.dim() > 0 ? inputs.size(0) : 0,
                  targets.dim() > 0 ? targets.size(0) : 0);
    try {
      module_ = torch::jit::load(name_);
    } catch (const c10::Error& error) {
      base::fail(ErrorKind::data, "{}: is no TorchScript module: {}", name_, words_of(error));
    }
    module_.eval();
    const auto parameters = parameters_of(module_);
    base::require(!parameters.empty(), ErrorKind::data, "{}: has no parameters", name_);
    std::int64_t begin = 0;
    std::vector<at::Tensor> flat;
    for (const auto& [name, value] : parameters) {
      base::require(value.scalar_type() == parameters.front().second.scalar_type(),
                    ErrorKind::data,
                    "{}: its parameters are of several number types",
                    name_);
      tensors_.push_back({.name = name, .sizes = value.sizes().vec(), .begin = begin});
      begin += value.numel();
      flat.push_back(value.detach().reshape({-1}));
    }
    weights_ = at::cat(flat).clone();
    try_it();
  }

  [[nodiscard]] std::string describe() const override {
    return fmt::format("{}, {} samples", name_, num_samples());
  }
  [[nodiscard]] const std::vector<net::WeightTensor>& tensors() const override { return tensors_; }
  [[nodiscard]] const at::Tensor& weights() const override { return weights_; }
  [[nodiscard]] std::int64_t num_samples() const override { return inputs_.size(0); }
  [[nodiscard]] std::int64_t num_batches() const override {
    return (num_samples() + batch_size_ - 1) / batch_size_;
  }
  [[nodiscard]] std::int64_t batch_samples(std::int64_t batch) const override {
    return std::min(batch_size_, num_samples() - batch * batch_size_);
  }

  [[nodiscard]] Value value(const at::Tensor& weights) const override {
    const c10::NoGradGuard no_gradients;
    const auto module = module_at(weights);
    LossSums sums;
    for (std::int64_t batch = 0; batch < num_batches(); ++batch) {
      sums.add(sums_of(loss(*module, batch), batch));
    }
    return sums.value();
  }

  Value gradient(const at::Tensor& weights, at::Tensor& into) const override {
    const auto module = module_at(weights);
    into.zero_();
    LossSums sums;
    for (std::int64_t batch = 0; batch < num_batches(); ++batch) {
      sums.add(add_gradient(*module, batch, into));
    }
    into.div_(static_cast<double>(sums.samples));
    return sums.value();
  }

  Value batch_gradient(const at::Tensor& weights,
                       std::int64_t batch,
                       at::Tensor& into) const override {
    const auto module = module_at(weights);
    const LossSums sums = add_gradient(*module, batch, into.zero_());
    into.div_(static_cast<double>(sums.samples));
    return sums.value();
  }

  [[nodiscard]] bool has_second_derivatives() const override { return true; }

  void second_derivative(const at::Tensor& weights,
                         const at::Tensor& v,
                         at::Tensor& into) const override {
    const auto module = module_at(weights);
    into.zero_();
    for (std::int64_t batch = 0; batch < num_batches(); ++batch) {
      const auto leaves = leaves_of(*module);
      const at::Tensor mean = loss(*module, batch);
      const auto first = torch::autograd::grad({mean}, leaves, {}, true, true, true);
      std::vector<at::Tensor> outputs;
      std::vector<at::Tensor> cotangents;
      for (std::size_t i = 0; i < first.size(); ++i) {
        if (!first[i].defined() || !first[i].requires_grad()) continue;
        outputs.push_back(first[i]);
        cotangents.push_back(part_of(v, i));
      }
      if (outputs.empty()) continue;
      add(torch::autograd::grad(outputs, leaves, cotangents, {}, false, true),
          static_cast<double>(batch_samples(batch)) / static_cast<double>(num_samples()),
          into);
    }
  }

  [[nodiscard]] std::uint64_t gradient_bytes() const override {
    return 3 * weights_.element_size() * static_cast<std::uint64_t>(size());
  }

 private:
  [[nodiscard]] at::Tensor part_of(const at::Tensor& flat, std::size_t i) const {
    return flat.narrow(0, tensors_[i].begin, tensors_[i].numel()).view(tensors_[i].sizes);
  }

  static std::vector<at::Tensor> leaves_of(const torch::jit::Module& module) {
    std::vector<at::Tensor> leaves;
    for (auto& [name, value] : parameters_of(module)) leaves.push_back(value.requires_grad_(true));
    return leaves;
  }

  /// A copy of the module with these weights, which goes back where it came from.
  [[nodiscard]] std::shared_ptr<torch::jit::Module> module_at(const at::Tensor& weights) const {
    std::unique_ptr<torch::jit::Module> module;
    {
      const std::scoped_lock lock(mutex_);
      if (!free_.empty()) {
        module = std::move(free_.back());
        free_.pop_back();
      } else {
        module = std::make_unique<torch::jit::Module>(module_.deepcopy());
      }
    }
    const c10::NoGradGuard no_gradients;
    const auto parameters = parameters_of(*module);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      at::Tensor target = parameters[i].second;
      target.detach().copy_(part_of(weights, i));
    }
    return {module.release(), [this](torch::jit::Module* taken) {
              const std::scoped_lock lock(mutex_);
              free_.emplace_back(taken);
            }};
  }

  [[nodiscard]] at::Tensor loss(torch::jit::Module& module, std::int64_t batch) const {
    const auto rows = [&](const at::Tensor& all) {
      return all.narrow(0, batch * batch_size_, batch_samples(batch));
    };
    const auto result = module.forward({rows(inputs_), rows(targets_)});
    base::require(result.isTensor() && result.toTensor().numel() == 1 &&
                      at::isFloatingType(result.toTensor().scalar_type()),
                  ErrorKind::data,
                  "{}: forward(inputs, targets) must return one number, the mean loss; found {}",
                  name_,
                  result.isTensor()
                      ? fmt::format("a tensor of {} entries", result.toTensor().numel())
                      : result.tagKind());
    return result.toTensor().sum();
  }

  [[nodiscard]] LossSums sums_of(const at::Tensor& mean, std::int64_t batch) const {
    return {.losses = mean.item<double>() * static_cast<double>(batch_samples(batch)),
            .samples = batch_samples(batch)};
  }

  void add(const std::vector<at::Tensor>& gradients, double factor, at::Tensor& into) const {
    const c10::NoGradGuard no_gradients;
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      if (gradients[i].defined()) part_of(into, i).add_(gradients[i], factor);
    }
  }

  LossSums add_gradient(torch::jit::Module& module, std::int64_t batch, at::Tensor& into) const {
    const auto leaves = leaves_of(module);
    const at::Tensor mean = loss(module, batch);
    add(torch::autograd::grad({mean}, leaves, {}, {}, false, /*allow_unused=*/true),
        static_cast<double>(batch_samples(batch)),
        into);
    return sums_of(mean, batch);
  }

  /// One gradient, so that what is wrong with the module is said before anything is measured.
  void try_it() const {
    at::Tensor gradient = at::zeros_like(weights_);
    try {
      const auto module = module_at(weights_);
      leaves_of(*module);
      base::require(loss(*module, 0).requires_grad(),
                    ErrorKind::data,
                    "{}: its loss does not depend on its parameters",
                    name_);
      add_gradient(*module, 0, gradient);
    } catch (const Error&) {
      throw;
    } catch (const c10::Error& error) {
      base::fail(
          ErrorKind::data, "{}: forward(inputs, targets) failed: {}", name_, words_of(error));
    } catch (const std::exception& error) {
      base::fail(
          ErrorKind::data, "{}: forward(inputs, targets) failed: {}", name_, words_of(error));
    }
  }

  std::string name_;
  at::Tensor inputs_;
  at::Tensor targets_;
  std::int64_t batch_size_;
  torch::jit::Module module_;
  std::vector<net::WeightTensor> tensors_;
  at::Tensor weights_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<torch::jit::Module>> free_;
};

}  // namespace

std::unique_ptr<Objective> script_objective(const std::filesystem::path& file,
                                            const at::Tensor& inputs,
                                            const at::Tensor& targets,
                                            std::int64_t batch_size) {
  return std::make_unique<ScriptObjective>(file, inputs, targets, batch_size);
}

}  // namespace overparam::curvature
