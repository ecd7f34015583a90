// SPDX-License-Identifier: Apache-2.0
#include "support/tangent.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "overparam/base/require.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/linalg/lanczos.hpp"
#include "overparam/linalg/spectral_norm.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/net/sign_pattern.hpp"
#include "overparam/train/trainer.hpp"
#include "support/experiment.hpp"
#include "support/perturbations.hpp"
#include "support/training.hpp"

namespace overparam::claims {

namespace {

constexpr std::int64_t kBallSamples = 5;
constexpr std::int64_t kTrainingSamples = 10;
constexpr std::uint64_t kRandomDirections = 3;

/// sum over the last dimension of a * b, float64
at::Tensor row_products(const at::Tensor& a, const at::Tensor& b) {
  return (a * b).sum(-1, false, at::kDouble);
}

double mean_of(const at::Tensor& values) { return values.mean().item<double>(); }

/// held <- the larger of each
void raise(Values& held, const Values& values) {
  for (const auto& [name, value] : values) {
    const auto [entry, inserted] = held.try_emplace(name, value);
    if (!inserted) entry->second = std::max(entry->second, value);
  }
}

/// |W'_l|_2 of the trained blocks.
std::vector<double> spectral_norms(const net::Parameters& displacement,
                                   const net::Architecture& architecture) {
  std::vector<double> norms;
  for (std::size_t block = 0; block < architecture.blocks.size(); ++block) {
    if (!architecture.blocks[block].trained) continue;
    norms.push_back(linalg::spectral_norm(displacement[static_cast<int>(block)]));
  }
  return norms;
}

/// Compares the tangent space of perturbed networks with that of the first one.
class TangentComparison {
 public:
  TangentComparison(const net::Network& start, const at::Tensor& inputs, net::Workspace& workspace)
      : inputs_(inputs),
        workspace_(workspace),
        gradients_(start, inputs, workspace),
        kernel_(kernel::tangent_kernel(start, inputs)),
        features_(last_features(start)) {}

  /// (n) of each, by name.
  [[nodiscard]] std::map<std::string, at::Tensor> changes(const net::Network& moved) const {
    const TangentFeatures after(moved, inputs_, workspace_);
    const at::Tensor kernel = kernel::tangent_kernel(moved, inputs_);
    const at::Tensor h = last_features(moved);
    const std::int64_t n = inputs_.size(0);
    return {
        {"gradient_change",
         (gradients_.squared_changes(after) / gradients_.squared_norms()).sqrt()},
        {"kernel_change", relative_kernel_change(kernel, kernel_).amax(1).view({n, -1}).amax(1)},
        {"flips", ((h > 0) != (features_ > 0)).sum(1).to(at::kDouble)},
        {"change_h", (h - features_).norm(2, 1).to(at::kDouble)},
    };
  }

 private:
  [[nodiscard]] at::Tensor last_features(const net::Network& network) const {
    return network.record(inputs_, workspace_)
        .features(network.architecture().num_layers() - 2)
        .clone();
  }

  at::Tensor inputs_;
  net::Workspace& workspace_;
  TangentFeatures gradients_;
  at::Tensor kernel_;
  at::Tensor features_;  // (n, m) of the last hidden layer
};

/// The worst that pushes at one sample's last hidden layer do to that sample.
Values worst_against(const net::Network& network,
                     const TangentComparison& comparison,
                     const net::Tape& tape,
                     std::int64_t sample,
                     double omega) {
  const int depth = network.architecture().num_layers() - 2;
  const at::Tensor g = at::mv(network.parameters()[depth], tape.features(depth - 1).view({-1}));
  const at::Tensor off = g.masked_fill(g >= 0, std::numeric_limits<double>::infinity());
  const double budget = 0.7 * omega * std::max(1.0, static_cast<double>(depth));
  Values worst;
  for (const at::Tensor& push : {flip_target(g, budget), flip_target(off, budget)}) {
    const auto moved = push_adversary(network, tape, depth, push, omega);
    Values values;
    for (const auto& [name, all] : comparison.changes(moved)) {
      values[name] = all[sample].item<double>();
    }
    raise(worst, values);
  }
  return worst;
}

/// Gradient descent's outputs beside those of the linear model with the same steps.
class LinearShadow {
 public:
  /// @param kernel K_0 (n d, n d)   @param outputs y(W^(0)), (n, d)
  LinearShadow(at::Tensor kernel, const at::Tensor& outputs, const at::Tensor& targets, double eta)
      : kernel_(std::move(kernel)),
        targets_(targets.to(at::kDouble).reshape({-1})),
        outputs_(outputs.to(at::kDouble).reshape({-1})),
        eta_(eta),
        start_(objective()) {}

  /// Compares at the present step, and makes the model's next one.
  void observe(const at::Tensor& outputs, double objective_of_network) {
    const at::Tensor apart = outputs.to(at::kDouble).reshape({-1}) - outputs_;
    outputs_apart_ = std::max(outputs_apart_, apart.abs().max().item<double>());
    objectives_apart_ = std::abs(objective_of_network - objective()) / start_;
    sup_objectives_apart_ = std::max(sup_objectives_apart_, objectives_apart_);
    outputs_ = outputs_ - eta_ * at::mv(kernel_, outputs_ - targets_);
  }

  [[nodiscard]] Values values() const {
    return {{"outputs_apart", outputs_apart_},
            {"objectives_apart", objectives_apart_},
            {"sup_objectives_apart", sup_objectives_apart_}};
  }

 private:
  [[nodiscard]] double objective() const {
    return 0.5 * (outputs_ - targets_).pow(2).sum().item<double>();
  }

  at::Tensor kernel_;
  at::Tensor targets_;
  at::Tensor outputs_;
  double eta_;
  double start_;
  double outputs_apart_ = 0;
  double objectives_apart_ = 0;
  double sup_objectives_apart_ = 0;
};

net::Network network_of(const Point& point, const train::Problem& problem) {
  if (point.get("smooth", 0) == 0) return fc_network(point, problem);
  const auto shape = net::make_architecture("fc",
                                            {.input_size = problem.inputs.size(1),
                                             .num_outputs = point.integer("d"),
                                             .width = point.integer("m"),
                                             .depth = point.integer("L"),
                                             .activation = "softplus"});
  return {shape, point.seed(), problem.inputs.options()};
}

void set_targets(train::Problem& problem, const net::Network& start, const Point& point) {
  const double grown = point.get("grown", 0) != 0 ? std::sqrt(point.at("m")) : 1;
  const double scale = point.get("scale", 1) * grown;
  if (point.get("plain", 0) != 0) {
    problem.targets.mul_(scale);
  } else {
    bring_targets_near(problem, start, scale);
  }
}

}  // namespace

TangentFeatures::TangentFeatures(const net::Network& network,
                                 const at::Tensor& inputs,
                                 net::Workspace& workspace) {
  const net::Tape tape = network.record(inputs, workspace);
  network.backward(
      tape,
      net::unit_cotangents(tape),
      workspace,
      [&](const net::Use& use, const at::Tensor& delta, const net::Gathered& gathered) {
        base::ensure(use.positions == 1 && network.architecture().uses_of(use.block) == 1,
                     "TangentFeatures: block {} is not dense, or shared",
                     use.block);
        linalg::Scratch space;
        deltas_.push_back(use.gain * delta);
        below_.push_back(gathered.rows(workspace, space).clone());
      });
}

at::Tensor TangentFeatures::squared_norms() const {
  at::Tensor sum = at::zeros({below_.front().size(0)}, at::kDouble);
  for (std::size_t k = 0; k < deltas_.size(); ++k) {
    sum += row_products(deltas_[k], deltas_[k]).sum(0) * row_products(below_[k], below_[k]);
  }
  return sum;
}

at::Tensor TangentFeatures::squared_changes(const TangentFeatures& moved) const {
  at::Tensor sum = at::zeros({below_.front().size(0)}, at::kDouble);
  for (std::size_t k = 0; k < deltas_.size(); ++k) {
    const at::Tensor& z = moved.below_[k];
    const at::Tensor by_delta = moved.deltas_[k] - deltas_[k];  // (d, n, m)
    const at::Tensor by_z = z - below_[k];                      // (n, m)
    sum += row_products(by_delta, by_delta).sum(0) * row_products(z, z) +
           row_products(deltas_[k], deltas_[k]).sum(0) * row_products(by_z, by_z) +
           2 * row_products(by_delta, deltas_[k]).sum(0) * row_products(z, by_z);
  }
  return sum;
}

at::Tensor relative_kernel_change(const at::Tensor& moved, const at::Tensor& start) {
  const at::Tensor size = start.diagonal().sqrt();
  return (moved - start).abs() / at::outer(size, size);
}

std::vector<Row> measure_tangent_ball(const Point& original) {
  Point point = original;
  point.settings.try_emplace("d", 1);
  point.settings["n"] = kBallSamples;
  point.settings["dx"] = 20;
  const train::Problem problem = sphere_problem(point, at::kFloat);
  net::Network network = fc_network(point, problem);
  net::Workspace workspace(network.options());
  const double flat = point.get("flat", 0);
  if (flat > 0) flatten_rows(network, problem.inputs, flat, workspace);

  const TangentComparison comparison(network, problem.inputs, workspace);
  std::vector<net::Parameters> random;
  for (std::uint64_t i = 0; i < kRandomDirections; ++i) {
    random.push_back(random_direction(network, point.seed() + 1000 * i));
  }
  std::vector<net::Parameters> gradient(1);
  {
    const net::Tape tape = network.record(problem.inputs, workspace);
    gradient[0] = gradient_direction(network, tape, tape.outputs() - problem.targets, workspace);
  }
  std::vector<net::Tape> tapes;  // of each sample alone
  for (std::int64_t i = 0; i < kBallSamples; ++i) {
    tapes.push_back(network.record(problem.inputs.narrow(0, i, 1), workspace));
  }

  std::vector<double> radii{1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1};
  if (point.settings.contains("omega")) radii = {point.at("omega")};
  if (point.settings.contains("root_m")) radii = {point.at("root_m") / std::sqrt(point.at("m"))};
  std::vector<Row> rows;
  for (const double omega : radii) {
    point.settings["omega"] = omega;
    const auto add_row = [&](const char* family, const Values& changes, double choices) {
      Row row = row_of(point, family);
      row.values.insert(changes.begin(), changes.end());
      row.values["counted"] = row.at("flips") * kBallSamples * choices;
      rows.push_back(std::move(row));
    };
    const auto add_mean = [&](const char* family, const std::vector<net::Parameters>& directions) {
      const auto choices = static_cast<double>(directions.size());
      Values means;
      for (const auto& direction : directions) {
        for (const auto& [name, all] : comparison.changes(perturbed(network, direction, omega))) {
          means[name] += mean_of(all) / choices;
        }
      }
      add_row(family, means, choices);
    };
    add_mean("random", random);
    add_mean("gradient", gradient);
    Values mean;
    for (std::int64_t i = 0; i < kBallSamples; ++i) {
      const auto& tape = tapes[static_cast<std::size_t>(i)];
      for (const auto& [name, value] : worst_against(network, comparison, tape, i, omega)) {
        mean[name] += value / kBallSamples;
      }
    }
    add_row("adversarial", mean, 1);
  }
  return rows;
}

std::vector<Row> measure_tangent_training(const Point& original) {
  Point point = original;
  point.settings.try_emplace("d", 1);
  point.settings.try_emplace("n", kTrainingSamples);
  point.settings.try_emplace("delta", 0.5);
  point.settings["dx"] = 20;
  train::Problem problem = sphere_problem(point, at::kFloat);
  const net::Network start = network_of(point, problem);
  net::Workspace workspace(start.options());
  set_targets(problem, start, point);

  const TangentFeatures gradients(start, problem.inputs, workspace);
  const at::Tensor kernel = kernel::tangent_kernel(start, problem.inputs);
  const net::Tape tape = start.record(problem.inputs, workspace);
  const net::SignPattern signs(start.architecture(), tape);
  const double eta = 0.5 / linalg::symmetric_eigenvalues(kernel)[-1].item<double>();
  LinearShadow shadow(kernel, tape.outputs(), problem.targets, eta);

  net::Network network = start.clone();
  const auto result = train::train(
      network,
      problem,
      {.step_size = eta, .stop = {.max_steps = 20'000, .target_ratio = point.get("ratio", 0.01)}},
      {.on_measurement = [&](const train::Moment& moment) {
        shadow.observe(moment.tape->outputs(), moment.evaluation.objective);
      }});

  net::Parameters displacement = network.parameters().clone();
  displacement.add(start.parameters(), -1);
  const auto norms = spectral_norms(displacement, start.architecture());
  const at::Tensor linear = start.jvp(tape, displacement, workspace);
  const net::Tape end = network.record(problem.inputs, workspace);
  const at::Tensor squared =
      gradients.squared_changes({network, problem.inputs, workspace}) / gradients.squared_norms();
  const auto flips = signs.changed_share(end);

  Row row = row_of(point, "trajectory");
  row.values.merge(shadow.values());
  row.values["steps"] = static_cast<double>(result.steps);
  row.values["omega"] = std::ranges::max(norms);
  row.values["gradient_change"] = std::sqrt(mean_of(squared));
  row.values["kernel_change"] =
      relative_kernel_change(kernel::tangent_kernel(network, problem.inputs), kernel)
          .max()
          .item<double>();
  if (!flips.empty()) row.values["flips_share"] = std::ranges::max(flips);
  row.values["linearisation"] =
      (end.outputs() - tape.outputs() - linear).abs().max().item<double>();
  double sum = 0;
  for (const double norm : norms) sum += norm;
  row.values["linearisation_slope"] = row.at("linearisation") / sum;
  return {row};
}

std::vector<Row> measure_tangent(const Point& point) {
  return point.design == "training" ? measure_tangent_training(point) : measure_tangent_ball(point);
}

std::vector<Design> tangent_designs(Scale scale, int quick_seeds) {
  return {
      {.name = "omega",
       .fixed = {{"m", pick(scale, 512.0, 1024.0, 4096.0)}, {"L", pick(scale, 1.0, 2.0, 2.0)}},
       .seeds = pick(scale, quick_seeds, 4, 12)},
      {.name = "m",
       .fixed = {{"L", pick(scale, 1.0, 2.0, 2.0)}, {"root_m", 1}},
       .axes = {{"m",
                 pick<std::vector<double>>(scale,
                                           {64, 128, 256, 512},
                                           {64, 128, 256, 512, 1024},
                                           {128, 256, 512, 1024, 2048, 4096})}},
       .seeds = pick(scale, 3, 4, 12)},
      {.name = "L",
       .fixed = {{"m", pick(scale, 128.0, 256.0, 1024.0)}, {"omega", 0.003}},
       .axes = {{"L",
                 pick<std::vector<double>>(
                     scale, {1, 2, 4, 8}, {1, 2, 4, 8, 16}, {1, 2, 4, 8, 16, 32})}},
       .seeds = pick(scale, 3, 4, 10)},
      {.name = "training",
       .fixed = {{"L", pick(scale, 1.0, 2.0, 2.0)}},
       .axes = {{"m",
                 pick<std::vector<double>>(scale,
                                           {32, 64, 128, 256, 512},
                                           {32, 64, 128, 256, 512},
                                           {64, 128, 256, 512, 1024, 2048})}},
       .seeds = pick(scale, 3, 6, 12)},
  };
}

std::vector<Design> small_tangent_designs() {
  return {
      {.name = "omega", .fixed = {{"m", 512}, {"L", 1}}, .seeds = 3},
      {.name = "m",
       .fixed = {{"L", 1}, {"root_m", 1}},
       .axes = {{"m", {48, 96, 192, 384}}},
       .seeds = 2},
      {.name = "L",
       .fixed = {{"m", 64}, {"omega", 0.003}},
       .axes = {{"L", {1, 2, 4, 8}}},
       .seeds = 2},
      {.name = "training", .fixed = {{"L", 1}}, .axes = {{"m", {32, 64, 128, 192}}}, .seeds = 3}};
}

std::vector<Design> centred_and_plain(const Values& fixed,
                                      const std::vector<double>& widths,
                                      int seeds) {
  Values plain = fixed;
  plain["plain"] = 1;
  return {{.name = "centred", .fixed = fixed, .axes = {{"m", widths}}, .seeds = seeds},
          {.name = "plain", .fixed = plain, .axes = {{"m", widths}}, .seeds = seeds}};
}

std::uint64_t tangent_memory(const Point& point) {
  Point filled = point;
  filled.settings.try_emplace("n", kTrainingSamples);
  return 2 * measurement_memory(filled);
}

}  // namespace overparam::claims
