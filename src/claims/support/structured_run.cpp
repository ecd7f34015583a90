// SPDX-License-Identifier: Apache-2.0
#include "overparam/claims/structured_run.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "overparam/base/require.hpp"
#include "overparam/linalg/lanczos.hpp"
#include "overparam/linalg/products.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/net/sign_pattern.hpp"
#include "overparam/train/trainer.hpp"

namespace overparam::claims {

namespace {

train::Problem problem_of(const data::Samples& samples, std::int64_t num_classes) {
  return {.inputs = samples.inputs,
          .targets = samples.targets.to(samples.inputs.scalar_type()),
          .labels = samples.labels,
          .num_classes = num_classes,
          .loss = net::find_loss("cross-entropy")};
}

/// Shares of |matrix|_F^2 by singular direction, descending.
std::vector<double> energy_shares_of(const at::Tensor& matrix) {
  const auto columns = matrix.size(1);
  at::Tensor gram = at::empty({columns, columns}, matrix.options());
  linalg::multiply(gram, matrix.t(), matrix);
  at::Tensor energies = linalg::symmetric_eigenvalues(gram.to(at::kDouble)).clamp_min(0);
  energies = (energies / energies.sum()).flip(0).contiguous();
  return {energies.data_ptr<double>(), energies.data_ptr<double>() + columns};
}

}  // namespace

double StructuredResult::energy_of_rank(std::int64_t rank) const {
  const auto count = std::min<std::int64_t>(rank, std::ssize(energy_shares));
  return std::accumulate(energy_shares.begin(), energy_shares.begin() + count, 0.0);
}

StructuredResult run_structured(const data::Dataset& dataset, const StructuredSetting& setting) {
  base::require(dataset.test.has_value() && dataset.num_classes > 1,
                ErrorKind::data,
                "{}: classes and a test part are needed",
                dataset.name);
  const auto problem = problem_of(dataset.train, dataset.num_classes);
  const auto test = problem_of(*dataset.test, dataset.num_classes);
  const auto shape = net::make_architecture("two-layer-gaussian",
                                            {.input_size = problem.inputs.size(1),
                                             .num_outputs = problem.targets.size(1),
                                             .width = setting.width});
  net::Network network(shape, setting.seed, problem.inputs.options());
  net::Workspace workspace(network.options());
  const at::Tensor start = network.parameters()[0].clone();
  const net::SignPattern signs(network.architecture(), network.record(problem.inputs, workspace));

  // `train` makes an unbiased step for the sum over samples, the source one for their mean.
  const double mean_step = setting.step_times_width / static_cast<double>(setting.width);
  const auto trained = train::train(network,
                                    problem,
                                    {.method = train::Method::sgd,
                                     .step_size = mean_step / static_cast<double>(problem.size()),
                                     .batch_size = setting.batch,
                                     .stop = {.max_steps = setting.steps},
                                     .measure_every = setting.steps,
                                     .seed = setting.seed});

  const at::Tensor update = network.parameters()[0] - start;  // (m, dx)
  return {
      .train_accuracy = trained.final_evaluation.accuracy,
      .test_accuracy = train::evaluate(network, test, workspace).accuracy,
      .changed_signs = signs.changed_share(network.record(problem.inputs, workspace)).front(),
      .relative_distance = update.norm().item<double>() / start.norm().item<double>(),
      .energy_shares = energy_shares_of(update),
  };
}

base::MemoryPlan plan_structured(std::int64_t samples, std::int64_t dimension, std::int64_t width) {
  const auto [n, d, m] = std::tuple(samples, dimension, width);
  base::MemoryPlan plan(fmt::format("a two-layer network of width {}", m));
  plan.add("weights, their start and the update", {3, m, d}, sizeof(float));
  plan.add("features and sign patterns", {2, n, m}, sizeof(float));
  plan.add("inputs", {2, n, d}, sizeof(float));
  plan.add("singular values of the update", {4, d, d}, sizeof(double));
  return plan;
}

}  // namespace overparam::claims
