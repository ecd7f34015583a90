// SPDX-License-Identifier: Apache-2.0
#include "two_layer_run.hpp"

#include <ATen/ATen.h>

#include <cmath>

#include "overparam/data/prepare.hpp"
#include "overparam/data/sources.hpp"
#include "overparam/kernel/infinite.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/net/sign_pattern.hpp"
#include "overparam/train/trainer.hpp"

namespace overparam::study {

namespace {

train::Problem problem_of(const TwoLayerSetting& setting) {
  auto dataset = data::find_generator("sphere").generate({.num_samples = setting.samples,
                                                          .dimension = setting.dimension,
                                                          .num_outputs = 1,
                                                          .seed = setting.seed});
  data::normalise(dataset, data::Normalisation::unit, setting.type);
  return {.inputs = dataset.train.inputs,
          .targets = dataset.train.targets.to(setting.type),
          .loss = net::find_loss("squared")};
}

/// The limit kernel's share of the curves: in its eigenbasis every coordinate of the residual
/// shrinks by 1 - eta lambda a step.
void add_limit_dynamics(const TwoLayerSetting& setting,
                        const at::Tensor& inputs,
                        const at::Tensor& residual,
                        TwoLayerCurves& curves) {
  const at::Tensor kernel = kernel::two_layer_kernel(inputs);
  const auto [eigenvalues, vectors] = at::linalg_eigh(kernel);
  curves.least_eigenvalue = eigenvalues[0].item<double>();
  curves.largest_eigenvalue = eigenvalues[-1].item<double>();
  const at::Tensor shrink = (1 - setting.step_size * eigenvalues).square_();  // (n)
  at::Tensor energy = vectors.t().mv(residual).square_();                     // (n)
  for (std::int64_t epoch = 0; epoch <= setting.epochs; ++epoch) {
    curves.limit_error.push_back(energy.mean().item<double>());
    energy.mul_(shrink);
  }
}

}  // namespace

TwoLayerCurves run_two_layer(const TwoLayerSetting& setting) {
  const train::Problem problem = problem_of(setting);
  auto shape = net::make_architecture("two-layer",
                                      {.input_size = setting.dimension, .width = setting.width});
  net::Network network(shape, setting.seed, problem.inputs.options());
  constexpr int kFirst = 0;
  const at::Tensor start = network.parameters()[kFirst].clone();  // (m, dx)
  at::Tensor moved = at::empty_like(start);

  TwoLayerCurves curves;
  net::SignPattern signs;
  const auto watch = [&](const train::Moment& moment) {
    if (moment.step == 0) {
      signs = net::SignPattern(network.architecture(), *moment.tape);
      const at::Tensor residual = moment.tape->outputs() - problem.targets;  // (n, 1)
      add_limit_dynamics(setting, problem.inputs, residual.view({-1}).to(at::kDouble), curves);
    }
    at::sub_out(moved, network.parameters()[kFirst], start);
    const double distance = moved.norm(2, 1).max().item<double>();
    curves.squared_error.push_back(2 * moment.evaluation.objective /
                                   static_cast<double>(setting.samples));
    curves.changed_signs.push_back(signs.changed_share(*moment.tape).front());
    curves.squared_distance.push_back(distance * distance);
  };
  train::train(network,
               problem,
               {.step_size = setting.step_size, .stop = {.max_steps = setting.epochs}},
               {.on_measurement = watch});
  return curves;
}

base::MemoryPlan plan_two_layer(const TwoLayerSetting& setting) {
  const auto bytes = static_cast<std::uint64_t>(c10::elementSize(setting.type));
  const auto [n, d, m] = std::tuple(setting.samples, setting.dimension, setting.width);
  base::MemoryPlan plan(fmt::format("a two-layer network of width {}", m));
  plan.add("weights, their start and the difference", {3, m, d}, bytes);
  plan.add("features, cotangents and derivatives", {3, n, m}, bytes);
  plan.add("sign patterns", {3, n, m}, 1);
  plan.add("inputs", {2, n, d}, bytes);
  plan.add("limit kernel and its eigenvectors", {5, n, n}, sizeof(double));
  return plan;
}

}  // namespace overparam::study
