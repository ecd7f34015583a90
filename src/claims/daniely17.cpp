// SPDX-License-Identifier: Apache-2.0
// Daniely 2017 trains the read-out B alone, which is a convex problem with the conjugate kernel
// h_L . h'_L -> c_L. Training hidden layers is another task with another kernel: two points at
// distance delta have lambda_min ~ delta^2 / 2 in the first and (m/d) delta L (L + 1) / (4 pi) in
// the second, since close inputs differ little in their features, but at the few neurons between
// them by a whole sign. Equally spaced points on a circle have delta^3 against delta. With depth,
// features of different inputs merge (c_L -> 1), while the hidden layers' kernel gains a share a
// layer.
#include <ATen/ATen.h>

#include <cmath>

#include "overparam/data/geometry.hpp"
#include "overparam/kernel/infinite.hpp"
#include "overparam/linalg/lanczos.hpp"
#include "overparam/net/catalogue.hpp"
#include "support/experiment.hpp"
#include "support/training.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

/// Of F, for two points whose residual has a single mode.
constexpr double kTargetRatio = 0.1;

/// Seeds averaged over.
constexpr double kBatch = 12;

/// The paper's network with one group of its blocks trained. Setting "linear" takes the identity
/// for ReLU.
net::Architecture shape_training(const char* trained, const Point& point) {
  const bool linear = point.get("linear", 0) != 0;
  auto shape = net::make_architecture("fc",
                                      {.input_size = point.integer("dx") + 1,
                                       .width = point.integer("m"),
                                       .depth = point.integer("L"),
                                       .activation = linear ? "identity" : "relu"});
  net::select_trained(shape, trained);
  return shape;
}

double least_eigenvalue(const at::Tensor& kernel) {
  return linalg::symmetric_eigenvalues(kernel)[0].item<double>();
}

/// c_L of the inputs' rows.
at::Tensor conjugate_kernel(const at::Tensor& inputs, std::int64_t depth) {
  const std::int64_t n = inputs.size(0);
  at::Tensor kernel =
      (inputs.unsqueeze(0) - inputs.unsqueeze(1)).norm(2, 2).contiguous();  // (n, n)
  double* entry = kernel.data_ptr<double>();
  for (std::int64_t i = 0; i < n * n; ++i) {
    const double apart = kernel::feature_distances(entry[i], depth).back();
    entry[i] = 1 - apart * apart / 2;
  }
  return kernel;
}

/// Two points at each of several distances, both kernels through the same weights.
std::vector<Row> measure_pairs(Point point) {
  const net::Architecture hidden = shape_training("hidden", point);
  const net::Architecture last = shape_training("last", point);
  const auto weights = net::Parameters::initial(hidden, point.seed(), at::kDouble);
  std::vector<Row> rows;
  for (const double delta : {0.01, 0.02, 0.04, 0.08, 0.16}) {
    point.settings["delta"] = delta;
    const at::Tensor inputs = sphere_problem(point, at::kDouble).inputs;
    Row row = row_of(point);
    row.values["batch"] = std::floor(point.at("seed") / kBatch);
    row.values["lambda_last"] = kernel_ends(net::Network(last, weights), inputs).smallest;
    row.values["lambda_hidden"] =
        kernel_ends(net::Network(hidden, weights), inputs).smallest / point.at("m");
    rows.push_back(std::move(row));
  }
  return rows;
}

/// Steps of GD on B alone for two points with targets apart from each other.
std::vector<Row> measure_steps(const Point& point) {
  train::Problem problem = sphere_problem(point, at::kDouble);
  problem.targets[0].fill_(1);
  problem.targets[1].fill_(-1);
  net::Network network(shape_training("last", point), point.seed(), at::kDouble);
  bring_targets_near(problem, network, 1);
  const auto run = train_run(
      network, problem, "critical", {.stop = {.max_steps = 100'000, .target_ratio = kTargetRatio}});
  Row row = row_of(point);
  row.values["steps"] = run.steps_to(kTargetRatio);
  return {row};
}

/// Both kernels of infinite width.
std::vector<Row> measure_limit(Point point) {
  const train::Problem problem = point.design == "circle" ? circle_problem(point, at::kDouble)
                                                          : sphere_problem(point, at::kDouble);
  const std::int64_t depth = point.integer("L");
  point.settings["delta"] = data::separation(problem.inputs).distance;
  Row row = row_of(point);
  row.values["lambda_last"] = least_eigenvalue(conjugate_kernel(problem.inputs, depth));
  row.values["lambda_hidden"] =
      least_eigenvalue(kernel::infinite_kernel(problem.inputs, depth)) / 2;
  return {row};
}

/// Design "pairs": networks. "T": training. "circle", n points at equal angles, and "L", n points
/// as they come: infinite width, because lambda_min of many points needs many neurons between each
/// two.
std::vector<Row> measure(const Point& original) {
  Point point = original;
  if (point.design == "circle") return measure_limit(point);
  point.settings["dx"] = 20;
  if (point.design == "L") return measure_limit(point);
  point.settings["n"] = 2;
  return point.design == "T" ? measure_steps(point) : measure_pairs(point);
}

std::uint64_t memory(const Point& point) {
  const double n = point.get("n", 2);
  return point.settings.contains("m") ? measurement_memory(point)
                                      : static_cast<std::uint64_t>(sizeof(double) * 30 * n * n);
}

/// Pairs averaged over batches of seeds: few neurons lie between two close points, so that the mean
/// of their number is linear in delta where the mean of its logarithm is not.
std::vector<Row> summarise(const std::vector<Row>& rows) {
  std::vector<Row> result;
  for (const auto& row : rows) {
    if (row.design != "pairs") result.push_back(row);
  }
  for (const auto& group : group_by(rows_of(rows, "pairs"), {"delta", "batch"})) {
    Row mean = group.front();
    for (const char* name : {"lambda_last", "lambda_hidden"}) {
      mean.values[name] = linalg::mean(column(group, name));
    }
    result.push_back(std::move(mean));
  }
  return result;
}

/// delta^2 / (1 + delta (L + 1) / (3 pi))^2 without its second factor.
bool features_apart(const Row& row) { return row.at("delta") < 0.1; }

/// A few hundred neurons between two points, over all seeds.
bool enough_neurons_between(const Row& row) { return row.at("delta") > 0.015; }

Law exact(const char* name,
          const char* design,
          const char* y,
          double exponent,
          std::function<bool(const Row&)> keep = {}) {
  return {.name = name,
          .design = design,
          .x = "delta",
          .y = y,
          .predicted = exponent,
          .bound = Bound::exact,
          .limit = Limit::small,
          .keep = std::move(keep)};
}

Check over_depth(const char* name, const char* column, double low, double high) {
  return {.name = name,
          .meaning = "features merge with depth; the kernel of hidden layers gains a share a layer",
          .value =
              [column](const std::vector<Row>& rows) {
                return mean_where("L", column, {{"L", 64}})(rows) /
                       mean_where("L", column, {{"L", 4}})(rows);
              },
          .low = low,
          .high = high};
}

std::vector<Design> designs(Scale scale) {
  return {
      {.name = "pairs",
       .fixed = {{"m", pick(scale, 256.0, 512.0, 1024.0)}, {"L", 4}},
       .seeds = pick(scale, 60, 100, 200)},
      {.name = "circle",
       .fixed = {{"L", 2}},
       .axes = {{"n",
                 pick<std::vector<double>>(
                     scale, {16, 32, 64, 128}, {16, 32, 64, 128}, {16, 32, 64, 128, 256, 512})}}},
      {.name = "T",
       .fixed = {{"m", pick(scale, 512.0, 1024.0, 4096.0)}, {"L", 1}},
       .axes = {{"delta", {0.025, 0.05, 0.1, 0.2}}},
       .seeds = pick(scale, 1, 6, 20)},
      {.name = "L",
       .fixed = {{"n", 20}},
       .axes = {{"L", {1, 4, 16, 64}}},
       .seeds = pick(scale, 4, 10, 30)},
  };
}

}  // namespace

Claim daniely17() {
  return {
      .id = "daniely17",
      .group = Group::neighbours,
      .statement =
          "B alone is trained with the kernel c_L, where lambda_min ~ delta^2; hidden layers have "
          "lambda_min ~ delta",
      .source = "Daniely 2017, against Section 1 of the paper",
      .quantity = "lambda_min of the tangent kernel of B and of W_1..W_L over m, T for B alone",
      .window = "no condition on m: exponents of kernels at initialisation",
      .inside_window = everywhere,
      .expected = {VerdictKind::consistent},
      .designs = designs,
      .measure = measure,
      .memory = memory,
      .summarise = summarise,
      .laws = {exact(
                   "lambda_min in delta, two points, B", "pairs", "lambda_last", 2, features_apart),
               exact("lambda_min in delta, two points, hidden layers",
                     "pairs",
                     "lambda_hidden",
                     1,
                     enough_neurons_between),
               exact("lambda_min in delta, circle, B", "circle", "lambda_last", 3),
               exact("lambda_min in delta, circle, hidden layers", "circle", "lambda_hidden", 1),
               exact("T in delta, B", "T", "steps", -2)},
      .checks = {all_reach("0.1 F_0", "T"),
                 over_depth("lambda_min at L = 64 over L = 4, B", "lambda_last", 0, 0.5),
                 over_depth(
                     "lambda_min at L = 64 over L = 4, hidden layers", "lambda_hidden", 4, 100)},
      .positive_control =
          {.description = "pairs at L = 4, m = 256, and training at L = 1, m = 512",
           .designs = {{.name = "pairs", .fixed = {{"m", 256}, {"L", 4}}, .seeds = 48},
                       {.name = "circle", .fixed = {{"L", 1}}, .axes = {{"n", {16, 32, 64}}}},
                       {.name = "T",
                        .fixed = {{"m", 512}, {"L", 1}},
                        .axes = {{"delta", {0.05, 0.1, 0.2}}},
                        .seeds = 2},
                       {.name = "L", .fixed = {{"n", 10}}, .axes = {{"L", {4, 64}}}}}},
      .negative_control =
          {.description =
               "no signs to change: with the identity for ReLU both kernels fall as delta^2",
           .designs = {{.name = "pairs",
                        .fixed = {{"m", 256}, {"L", 2}, {"linear", 1}},
                        .seeds = 2}}},
  };
}

}  // namespace overparam::claims
