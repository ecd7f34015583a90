// SPDX-License-Identifier: Apache-2.0
#include "clusters_run.hpp"

#include <ATen/ATen.h>

#include <cmath>

#include "overparam/base/random.hpp"
#include "overparam/linalg/products.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/net/sign_pattern.hpp"
#include "overparam/train/trainer.hpp"

namespace overparam::study {

namespace {

net::Architecture network_of(const ClustersSetting& setting) {
  return net::make_architecture(
      "two-layer-gaussian",
      {.input_size = setting.dimension, .num_outputs = setting.classes, .width = setting.width});
}

/// Samples go through the components in turn, so that all are equally large.
train::Problem draw(const ClustersSetting& setting, const at::Tensor& means, const char* part) {
  const double deviation = setting.noise / std::sqrt(static_cast<double>(setting.dimension));
  at::Tensor inputs = at::empty({setting.samples, setting.dimension}, at::kFloat);
  base::fill_normal(inputs, deviation, base::Stream(setting.seed, part));
  const at::Tensor component = at::arange(setting.samples).remainder(means.size(0));
  const at::Tensor labels = component.remainder(setting.classes);
  inputs.add_(means.index_select(0, component));
  at::Tensor targets = at::zeros({setting.samples, setting.classes}, at::kFloat);
  targets.scatter_(1, labels.unsqueeze(1), 1);
  return {.inputs = inputs,
          .targets = targets,
          .labels = labels,
          .num_classes = setting.classes,
          .loss = net::find_loss("cross-entropy")};
}

}  // namespace

ClustersResult run_clusters(const ClustersSetting& setting) {
  at::Tensor means =
      at::empty({setting.classes * setting.components, setting.dimension}, at::kFloat);
  base::fill_normal(means,
                    setting.spread / std::sqrt(static_cast<double>(setting.dimension)),
                    base::Stream(setting.seed, "clusters.means"));
  const auto problem = draw(setting, means, "clusters.train");
  const auto test = draw(setting, means, "clusters.test");
  net::Network network(network_of(setting), setting.seed, problem.inputs.options());
  net::Workspace workspace(network.options());
  const at::Tensor start = network.parameters()[0].clone();
  const net::SignPattern signs(network.architecture(), network.record(problem.inputs, workspace));

  // `train` makes an unbiased step for the sum over samples, the source one for their mean.
  const auto trained =
      train::train(network,
                   problem,
                   {.method = train::Method::sgd,
                    .step_size = setting.step_size / static_cast<double>(setting.samples),
                    .batch_size = setting.batch,
                    .stop = {.max_steps = setting.steps},
                    .measure_every = setting.steps,
                    .seed = setting.seed});

  const at::Tensor update = network.parameters()[0] - start;  // (m, dx)
  at::Tensor gram = at::empty({setting.dimension, setting.dimension}, update.options());
  linalg::multiply(gram, update.t(), update);
  const at::Tensor energies = at::linalg_eigvalsh(gram.to(at::kDouble)).flip(0).clamp_min(0);
  ClustersResult result{
      .train_accuracy = trained.final_evaluation.accuracy,
      .test_accuracy = train::evaluate(network, test, workspace).accuracy,
      .changed_signs = signs.changed_share(network.record(problem.inputs, workspace)).front(),
      .relative_distance = update.norm().item<double>() / start.norm().item<double>()};
  const at::Tensor shares = energies / energies.sum();
  for (std::int64_t i = 0; i < shares.size(0); ++i) {
    result.energy_shares.push_back(shares[i].item<double>());
  }
  return result;
}

base::MemoryPlan plan_clusters(const ClustersSetting& setting) {
  const auto [n, d, m] = std::tuple(setting.samples, setting.dimension, setting.width);
  base::MemoryPlan plan(fmt::format("a two-layer network of width {}", m));
  plan.add("weights, their start and the update", {3, m, d}, sizeof(float));
  plan.add("features and sign patterns", {2, n, m}, sizeof(float));
  plan.add("inputs", {4, n, d}, sizeof(float));
  plan.add("singular values of the update", {4, d, d}, sizeof(double));
  return plan;
}

}  // namespace overparam::study
