// SPDX-License-Identifier: Apache-2.0
#include "support/two_layer.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "overparam/data/prepare.hpp"
#include "overparam/data/sources.hpp"
#include "overparam/kernel/infinite.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/linalg/products.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/net/sign_pattern.hpp"
#include "support/training.hpp"

namespace overparam::claims {

namespace {

/// What a run is held against: the rates of |u - y|^2 per unit time.
struct Rates {
  double promised = 0;                          ///< of the theorem's bound
  std::function<double(double lambda)> linear;  ///< of a mode of the kernel
};

/// A problem, a network and the limit kernel's ends.
struct Start {
  train::Problem problem;
  net::Network network;
  double lambda_0 = 0;
  double lambda_max = 0;
  double clock = 1;  ///< kernel times this is H

  Start(const Point& point, const std::string& trained)
      : problem(unit_problem(point)), network(two_layer_network(point, problem, trained)) {
    const at::Tensor spectrum =
        linalg::symmetric_eigenvalues(kernel::two_layer_kernel(problem.inputs));
    lambda_0 = spectrum[0].item<double>();
    lambda_max = spectrum[-1].item<double>();
    if (point.get("mean_field", 0) != 0) clock = point.at("m");
    if (point.settings.contains("near")) bring_targets_near(problem, network, point.at("near"));
  }
};

/// What is read off a training on its way.
class Course {
 public:
  Course(const Point& point, const Start& start, Rates rates)
      : point_(point),
        start_(start),
        rates_(std::move(rates)),
        ratio_(point.get("ratio", 1e-4)),
        first_weights_(start.network.parameters()[0].clone()) {}

  /// When the bound says that the run is over.
  [[nodiscard]] double horizon() const { return std::log(1 / ratio_) / rates_.promised; }
  [[nodiscard]] double ratio() const { return ratio_; }

  [[nodiscard]] bool is_over() const {
    return run_.objectives.back() <= ratio_ * run_.objectives.front() ||
           run_.steps.back() >= horizon();
  }

  /// Kernel, weights and signs are compared whenever |u - y|^2 has halved.
  void see(double time,
           double squared_residual,
           const net::Network& network,
           const net::Tape& tape) {
    run_.steps.push_back(time);
    run_.objectives.push_back(squared_residual);
    if (time == 0) {
      signs_ = net::SignPattern(network.architecture(), tape);
      compare(network, tape);
      return;
    }
    const double bound = run_.objectives.front() * std::exp(-rates_.promised * time);
    over_bound_ = std::max(over_bound_, squared_residual / bound);
    if (squared_residual <= compared_at_ / 2 || is_over()) compare(network, tape);
  }

  [[nodiscard]] Row row() const {
    const double n = static_cast<double>(start_.problem.size());
    const double m = static_cast<double>(first_weights_.size(0));
    const double tail = -run_.tail().slope;
    Row row = row_of(point_);
    row.values["lambda_0"] = start_.lambda_0;
    row.values["least_kept"] = least_lambda_ / start_.lambda_0;
    row.values["over_bound"] = over_bound_;
    row.values["tail_rate"] = tail;
    row.values["tail_over_limit"] = tail / rates_.linear(start_.lambda_0);
    row.values["tail_over_kernel"] = tail / rates_.linear(lambda_now_);
    row.values["displacement"] = displacement_;
    row.values["relative_displacement"] = displacement_ / std::sqrt(run_.objectives.front());
    row.values["displacement_over_bound"] =
        displacement_ * std::sqrt(m) * start_.lambda_0 / std::sqrt(n * run_.objectives.front());
    row.values["flips_share"] = flips_share_;
    row.values["flips_over_radius"] = flips_share_ / displacement_;
    return row;
  }

 private:
  void compare(const net::Network& network, const net::Tape& tape) {
    compared_at_ = run_.objectives.back();
    lambda_now_ = start_.clock * kernel_ends(network, tape.inputs()).smallest;
    least_lambda_ = std::min(least_lambda_, lambda_now_);
    const at::Tensor moved = network.parameters()[0] - first_weights_;  // (m, dx)
    displacement_ = std::max(displacement_, moved.norm(2, 1).max().item<double>());
    flips_share_ = std::max(flips_share_, signs_.changed_share(tape).front());
  }

  Point point_;
  const Start& start_;
  Rates rates_;
  double ratio_;
  at::Tensor first_weights_;  // (m, dx)
  net::SignPattern signs_;
  TrainingRun run_;  // steps: times; objectives: |u - y|^2
  double compared_at_ = 0;
  double lambda_now_ = 0;
  double least_lambda_ = std::numeric_limits<double>::infinity();
  double over_bound_ = 0;
  double displacement_ = 0;
  double flips_share_ = 0;
};

/// W' = -grad F.
class Flow {
 public:
  Flow(net::Network& network, const train::Problem& problem)
      : network_(network), problem_(problem), workspace_(network.options()) {}

  /// One step of the classical Runge-Kutta method, from weights W: slopes k_1 at W, k_2 and k_3
  /// half a step along the slope before, k_4 a whole one; W moves along (k_1 + 2 k_2 + 2 k_3 + k_4)
  /// / 6.
  void advance(double step) {
    const net::Parameters origin = network_.parameters().clone();
    net::Parameters mean = zeros();
    net::Parameters slope = zeros();
    constexpr double kReach[] = {0.5, 0.5, 1, 0};  // to where the next slope is taken
    constexpr double kWeight[] = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6};
    for (int stage = 0; stage < 4; ++stage) {
      const net::Tape tape = network_.record(problem_.inputs, workspace_);
      network_.add_gradient(tape, tape.outputs() - problem_.targets, -1, slope, workspace_, 0);
      mean.add(slope, kWeight[stage]);
      network_.parameters() = origin.clone();
      network_.parameters().add(slope, kReach[stage] * step);
    }
    network_.parameters().add(mean, step);
  }

 private:
  [[nodiscard]] net::Parameters zeros() const {
    return net::Parameters::trained_zeros(network_.architecture(), network_.options());
  }

  net::Network& network_;
  const train::Problem& problem_;
  net::Workspace workspace_;
};

}  // namespace

train::Problem unit_problem(const Point& point) {
  data::Dataset dataset = data::find_generator("sphere").generate({
      .num_samples = point.integer("n"),
      .dimension = static_cast<std::int64_t>(point.get("dx", 20)),
      // Points come with length 1/sqrt 2.
      .separation = point.get("delta", 0) / std::numbers::sqrt2,
      .seed = point.seed(),
  });
  data::encode_targets(dataset, 1);
  data::normalise(dataset, data::Normalisation::unit, at::kDouble);
  return {.inputs = dataset.train.inputs,
          .targets = dataset.train.targets.to(at::kDouble),
          .loss = net::find_loss("squared"),
          .separation = point.get("delta", 0)};
}

net::Network two_layer_network(const Point& point,
                               const train::Problem& problem,
                               const std::string& trained) {
  auto shape = net::make_architecture(
      "two-layer", {.input_size = problem.inputs.size(1), .width = point.integer("m")});
  net::select_trained(shape, trained);
  if (point.get("mean_field", 0) != 0) {
    shape.layers.back().terms.front().gain /= std::sqrt(point.at("m"));
  }
  return {shape, point.seed(), problem.inputs.options()};
}

std::uint64_t two_layer_memory(const Point& point) {
  const double n = point.at("n");
  const double numbers = point.get("m", 1024) * (8 * point.get("dx", 20) + 8 * n) + 10 * n * n;
  return static_cast<std::uint64_t>(sizeof(double) * numbers);
}

Design mean_field_design(std::vector<double> widths, int seeds) {
  return {.name = "m",
          .fixed = {{"n", 4}, {"delta", 0.8}, {"dx", 10}, {"mean_field", 1}, {"ratio", 0.01}},
          .axes = {{"m", std::move(widths)}},
          .seeds = seeds};
}

double reachable_share(const net::Network& network, const at::Tensor& inputs, double radius) {
  at::Tensor g = at::empty({inputs.size(0), network.parameters()[0].size(0)}, inputs.options());
  linalg::multiply(g, inputs, network.parameters()[0].t());
  return (g.abs() <= radius).to(at::kDouble).mean().item<double>();
}

std::vector<Row> measure_flow(const Point& point, const std::string& trained) {
  const Start start(point, trained);
  net::Network network = start.network.clone();
  net::Workspace workspace(network.options());
  Course course(point, start, {start.lambda_0, [](double lambda) { return 2 * lambda; }});
  // A step of this size is wrong by 2 % in the fastest mode and far less in the slow ones.
  const double step = 1 / kernel_ends(network, start.problem.inputs).largest;
  Flow flow(network, start.problem);
  for (double time = 0;; time += step / start.clock) {
    {
      const net::Tape tape = network.record(start.problem.inputs, workspace);
      const double residual = (tape.outputs() - start.problem.targets).norm().item<double>();
      course.see(time, residual * residual, network, tape);
    }
    if (course.is_over()) break;
    flow.advance(step);
  }
  return {course.row()};
}

std::vector<Row> measure_descent(const Point& point) {
  const Start start(point, "first");
  const double n = point.at("n");
  const double eta = point.settings.contains("eta_over_theory")
                         ? point.at("eta_over_theory") * start.lambda_0 / (n * n)
                         : 1 / start.lambda_max;
  Course course(point, start, {-std::log1p(-eta * start.lambda_0 / 2) / eta, [eta](double lambda) {
                                 return -2 * std::log1p(-eta * lambda) / eta;
                               }});
  net::Network network = start.network.clone();
  train::train(network,
               start.problem,
               {.step_size = eta * start.clock,
                .stop = {.max_steps = static_cast<std::int64_t>(std::ceil(course.horizon() / eta)),
                         .target_ratio = course.ratio()}},
               {.on_measurement = [&](const train::Moment& moment) {
                 course.see(eta * static_cast<double>(moment.step),
                            2 * moment.evaluation.objective,
                            moment.network,
                            *moment.tape);
               }});
  Row row = course.row();
  row.values["eta"] = eta;
  row.values["step_rate_over_lambda"] = eta * row.at("tail_rate") / start.lambda_0;
  return {row};
}

}  // namespace overparam::claims
