// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/data_plan.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "needed_width.hpp"
#include "overparam/base/clock.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/random.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/kernel/infinite.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/linalg/solve.hpp"
#include "overparam/linalg/spectrum.hpp"
#include "overparam/study/training.hpp"
#include "overparam/study/vision_run.hpp"
#include "overparam/train/step_size.hpp"
#include "overparam/train/subset.hpp"
#include "overparam/train/trainer.hpp"
#include "plan_runs.hpp"
#include "run_settings.hpp"

namespace overparam::study {

namespace {

constexpr std::int64_t kFewestSamples = 10;
constexpr std::int64_t kExcessSamples = 50;
constexpr double kExcessSteps = 200;  ///< that the subset's training should come to
constexpr std::int64_t kNewtonSamples = 100;
constexpr std::int64_t kNewtonRows = 1000;
constexpr double kNewtonOperations = 3e10;  ///< of one kernel
constexpr double kTimedOperations = 4e10;

/// Samples without those that repeat an earlier one, ascending.
at::Tensor distinct_indices(const PreparedData& data) {
  at::Tensor keep = at::ones({data.dataset.train.size()}, at::kBool);
  bool* kept = keep.data_ptr<bool>();
  for (const auto& group : data.duplicates.groups) {
    for (std::size_t i = 1; i < group.members.size(); ++i) kept[group.members[i]] = false;
  }
  return keep.nonzero().reshape({-1});
}

/// All of the indices, or so many in a random order.
at::Tensor some_of(const at::Tensor& indices, std::int64_t count, std::uint64_t seed) {
  if (indices.size(0) <= count) return indices;
  auto order = base::random_permutation(indices.size(0), base::Stream(seed, "plan.samples"));
  order.resize(static_cast<std::size_t>(count));
  return indices.index_select(0, at::tensor(order, at::kLong));
}

bool are_constant(const at::Tensor& targets) {
  return at::equal(targets, targets.narrow(0, 0, 1).expand_as(targets));
}

/// One plan, stage by stage.
class Planner {
 public:
  Planner(const Settings& settings, const Voice& voice, const PlanLimits& limits)
      : settings_(settings),
        voice_(voice),
        limits_(limits),
        seed_(static_cast<std::uint64_t>(settings.integer("run.seed"))),
        memory_limit_(memory_limit(settings)) {}

  DataPlan run() {
    stage("data", [this] { look_at_data(); });
    stage("limit kernel", [this] { find_limit(); });
    stage("width", [this] { find_width(); });
    stage("step size", [this] { find_step(); });
    stage("linear model", [this] { predict(); });
    stage("training a subset", [this] { train_subset(); });
    stage("gauss-newton on a subset", [this] { count_newton(); });
    stage("one step", [this] { time_one_step(); });
    return std::move(plan_);
  }

 private:
  template <typename Action>
  void stage(const char* name, const Action& action) {
    if (base::interrupted()) {
      plan_.interrupted = true;
      return;
    }
    const base::Stopwatch watch;
    action();
    plan_.stages.emplace_back(name, watch.seconds());
    plan_.interrupted = base::interrupted();
    voice_.say(fmt::format("{}: {}", name, base::format_seconds(watch.seconds())));
  }

  void look_at_data() {
    plan_.prepared = prepare_data(settings_);
    problem_ = training_problem(plan_.prepared, settings_);
    architecture_ = build_architecture(settings_, network_input(plan_.prepared));
    const auto memory = plan_memory(settings_, architecture_, problem_.size());
    memory.check(memory_limit_);
    plan_.duration.memory = memory.total();
    plan_.duration.memory_items = memory.describe();

    const NetworkShape shape = network_shape(settings_);
    plan_.network = shape.name;
    plan_.width = shape.width;
    plan_.depth = shape.depth;
    plan_.outputs = plan_.prepared.num_outputs;
    plan_.seed = settings_.integer("run.seed");
    plan_.loss = problem_.loss.name;
    plan_.constant_targets = are_constant(problem_.targets);
    distinct_ = distinct_indices(plan_.prepared);
    rule_ = train::parse_step_rule(settings_.text("train.step"));
    options_ = train_options(settings_);
    options_.step_size = 1;  // not known yet
    options_.validate(problem_.size());
    number_options_ = at::TensorOptions(number_type(settings_)).device(device_of(settings_));
    const net::Network network(architecture_, seed_, number_options_);
    net::Workspace workspace(number_options_);
    plan_.initial_objective = train::evaluate(network, problem_, workspace).objective;
  }

  /// The most samples, halved until kernel, factor and Lanczos vectors fit.
  [[nodiscard]] std::int64_t samples_that_fit() const {
    std::int64_t count = std::min(problem_.size(), limits_.limit_samples);
    const auto fits = [&] {
      auto memory = linalg::plan_spectrum(count);
      memory.add("kernel", {2, count, count}, sizeof(double));
      return memory.fits(memory_limit_);
    };
    while (count > 1 && !fits()) count /= 2;
    return count;
  }

  void find_limit() {
    auto& limit = plan_.limit;
    limit_samples_ = some_of(at::arange(problem_.size(), at::kLong), samples_that_fit(), seed_);
    try {
      const kernel::InfiniteKernel infinite(architecture_);
      limit.known = true;
      limit.method = infinite.method();
      limit.standard_error = infinite.standard_error();
      limit.scale = infinite.scale();
      const at::Tensor inputs = limit_inputs();
      theta_ = at::empty({inputs.size(0), inputs.size(0)}, at::kDouble);
      if (!infinite.fill(inputs, theta_)) return;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::usage) throw;
      limit.reason = error.what();
      return;
    }
    measure_limit();
  }

  [[nodiscard]] at::Tensor limit_inputs() const {
    return problem_.inputs.to(at::kCPU).index_select(0, limit_samples_);
  }

  /// Eigenvalues of the distinct samples' kernel; those of all follow where there are no others.
  void measure_limit() {
    auto& limit = plan_.limit;
    constexpr std::int64_t kDense = 1500;
    const at::Tensor is_distinct = at::zeros({problem_.size()}, at::kBool);
    is_distinct.index_fill_(0, distinct_, true);
    const at::Tensor kept = is_distinct.index_select(0, limit_samples_).nonzero().reshape({-1});
    limit.samples = limit_samples_.size(0);
    limit.distinct = kept.size(0);
    const bool repeats = limit.distinct < limit.samples;
    const at::Tensor distinct =
        repeats ? theta_.index_select(0, kept).index_select(1, kept) : theta_;
    const auto found = linalg::spectrum(distinct, {.dense_up_to = kDense, .seed = seed_});
    limit.eigenvalues_by = found.method;
    limit.jitter = found.jitter;
    limit.singular = found.singular;
    limit.lambda_min_distinct = limit.scale * found.bottom[0].item<double>();
    const double largest_distinct = limit.scale * found.top[0].item<double>();
    limit.condition_distinct = found.condition;
    limit.lambda_min = repeats ? 0 : limit.lambda_min_distinct;
    limit.lambda_max = repeats ? limit.scale * largest_of_theta() : largest_distinct;
    limit.condition = repeats ? std::numeric_limits<double>::infinity() : limit.condition_distinct;
    if (found.all.defined()) {
      const at::Tensor all = found.all * limit.scale;
      limit.eigenvalues.assign(all.data_ptr<double>(), all.data_ptr<double>() + all.numel());
    }
  }

  [[nodiscard]] double largest_of_theta() const {
    return linalg::extreme_eigenvalues(
               linalg::dense_operator(theta_), theta_.size(0), {.seed = seed_})
        .largest;
  }

  void find_width() {
    if (!plan_.limit.known) {
      plan_.needed.reason = plan_.limit.reason;
      return;
    }
    if (plan_.limit.singular) {
      plan_.needed.reason = "the limit kernel of the distinct samples is singular";
      return;
    }
    plan_.needed = needed_width(settings_,
                                network_input(plan_.prepared),
                                problem_.inputs.to(at::kCPU).index_select(0, distinct_),
                                limits_,
                                voice_);
  }

  /// As many samples as a product of the finite kernel affords.
  [[nodiscard]] train::Problem affordable_problem() const {
    constexpr double kPassesOfProduct = 14.0 / 6;
    const double each = kPassesOfProduct * operations_of_step(architecture_);
    const auto count = std::max<std::int64_t>(1, std::llround(limits_.product_operations / each));
    if (problem_.size() <= count) return problem_;
    return train::subset_of(problem_,
                            some_of(at::arange(problem_.size(), at::kLong), count, seed_));
  }

  void find_step() {
    auto& step = plan_.step;
    const train::Problem part = affordable_problem();
    // Both curvatures of the step rule grow like n.
    const double share = static_cast<double>(part.size()) / static_cast<double>(problem_.size());
    const net::Network network(architecture_, seed_, number_options_);
    net::Workspace workspace(number_options_);
    auto sgd = options_;
    sgd.method = train::Method::sgd;
    auto gd = options_;
    gd.method = train::Method::gd;
    const auto choice = train::choose_step(rule_, network, part, sgd, workspace);
    step.samples = part.size();
    step.lambda_max = choice.lambda_max / share;
    step.batch_size = sgd.batch_of(problem_.size());
    switch (rule_.kind) {
      case train::StepRule::Kind::number:
        step.step_size = step.sgd_step = rule_.value;
        break;
      case train::StepRule::Kind::critical:
        step.step_size = rule_.value / (problem_.loss.lipschitz * step.lambda_max);
        step.sgd_step = choice.step_size * share;
        break;
      case train::StepRule::Kind::theory: {
        // Theorem 1's step falls like n^-4, Theorem 2's like n^-5.
        const auto of_gd = train::choose_step(rule_, network, part, gd, workspace);
        step.step_size = of_gd.step_size * std::pow(share, 4);
        step.sgd_step = choice.step_size * std::pow(share, 5);
        break;
      }
    }
    step.largest_step = 2 / (problem_.loss.lipschitz * step.lambda_max);
    if (!plan_.limit.known) return;
    const double grown =
        static_cast<double>(problem_.size()) / static_cast<double>(plan_.limit.samples);
    step.limit_step = 1 / (problem_.loss.lipschitz * plan_.limit.lambda_max * grown);
  }

  /// Why the closed form of the linear model does not hold; empty where it does.
  [[nodiscard]] std::string why_no_prediction() const {
    if (problem_.loss.name != "squared") return "the closed form is for the squared loss";
    const bool is_plain =
        options_.momentum == 0 && options_.weight_decay == 0 && options_.schedule.empty();
    return is_plain ? "" : "the closed form is for plain steps of one size";
  }

  [[nodiscard]] double target_ratio() const {
    const auto& stop = options_.stop;
    if (stop.target_objective <= 0) {
      return stop.target_ratio > 0 ? stop.target_ratio : kDefaultRatio;
    }
    return std::max(stop.target_ratio, stop.target_objective / plan_.initial_objective);
  }

  void predict() {
    auto& duration = plan_.duration;
    duration.ratio = target_ratio();
    duration.reason = why_no_prediction();
    if (!duration.reason.empty()) return;
    duration.reachable =
        plan_.prepared.duplicates.irreducible_squared < duration.ratio * plan_.initial_objective;
    predict_by_network();
    if (plan_.limit.known) predict_by_limit();
    if (duration.reachable) return;
    // What contradicts itself has no eigenvalue but 0: a model that sees one sees rounding.
    duration.predicted = {};
    duration.predicted_by_limit = {};
  }

  /// gd and sgd from one Lanczos process: the residual's spectral measure serves both.
  void predict_by_network() {
    auto& duration = plan_.duration;
    const train::Problem part = affordable_problem();
    const net::Network network(architecture_, seed_, number_options_);
    net::Workspace workspace(number_options_);
    const kernel::TangentProduct product(network, part.inputs, workspace);
    const at::Tensor residual = (product.outputs() - part.targets).to(at::kDouble).reshape({-1});
    linalg::Lanczos process([&](const at::Tensor& v, at::Tensor& out) { product(v, out); },
                            residual,
                            train::most_products(residual.numel()));
    const base::Stopwatch watch;
    const double grown = static_cast<double>(problem_.size()) / static_cast<double>(part.size());
    const double step_size = plan_.step.step_size * grown;
    const auto found = kernel::predict_steps(process, step_size, duration.ratio, 5e-3, [&] {
      return watch.seconds() < limits_.prediction_seconds && !base::interrupted();
    });
    duration.model = fmt::format("the network of width {}", plan_.width);
    duration.samples = part.size();
    duration.products = found.products;
    duration.uncertainty = found.uncertainty;
    duration.predicted.gd = found.steps;
    const auto measure = linalg::spectral_measure(process);
    duration.predicted.sgd =
        kernel::LinearModel(measure, plan_.step.sgd_step * grown).steps_to(duration.ratio);
    const kernel::LinearModel model(measure, step_size);
    const double last = 1.5 * static_cast<double>(found.steps.value_or(10'000));
    for (double step = 0; step <= std::max(last, 10.0); step = std::max(step + 1, step * 1.1)) {
      duration.curve_steps.push_back(std::floor(step));
      duration.curve_objectives.push_back(model.objective(std::floor(step)) * grown);
    }
  }

  void predict_by_limit() {
    auto& duration = plan_.duration;
    const train::Problem part = train::subset_of(problem_, limit_samples_);
    const net::Network network(architecture_, seed_, number_options_);
    net::Workspace workspace(number_options_);
    const at::Tensor residual = (network.forward(part.inputs, workspace) - part.targets)
                                    .to(at::TensorOptions(at::kDouble).device(at::kCPU));
    const auto product = linalg::dense_operator(theta_);
    linalg::Lanczos process(
        [&](const at::Tensor& v, at::Tensor& out) {
          at::Tensor rows = out.view(residual.sizes());
          product(v.view(residual.sizes()), rows);
          out *= plan_.limit.scale;
        },
        residual.reshape({-1}),
        train::most_products(residual.numel()));
    const base::Stopwatch watch;
    const double step_size = rule_.kind == train::StepRule::Kind::critical
                                 ? rule_.value / (problem_.loss.lipschitz * plan_.limit.lambda_max)
                                 : plan_.step.step_size;
    duration.predicted_by_limit.gd =
        kernel::predict_steps(process, step_size, duration.ratio, 5e-3, [&] {
          return watch.seconds() < limits_.prediction_seconds / 4 && !base::interrupted();
        }).steps;
    const double slower = plan_.step.sgd_step / plan_.step.step_size;
    duration.predicted_by_limit.sgd =
        kernel::LinearModel(linalg::spectral_measure(process), step_size * slower)
            .steps_to(duration.ratio);
  }

  [[nodiscard]] train::Problem distinct_part(std::int64_t count) const {
    return train::subset_of(problem_, some_of(distinct_, count, seed_));
  }

  void train_subset() {
    auto& duration = plan_.duration;
    if (problem_.loss.name != "squared") return;
    const double each = operations_of_step(architecture_) * kExcessSteps;
    const auto part = distinct_part(std::clamp<std::int64_t>(
        std::llround(limits_.training_operations / each), kFewestSamples, kExcessSamples));
    const auto found =
        measure_excess(architecture_, part, number_options_, seed_, duration.ratio, limits_);
    duration.excess_samples = part.size();
    duration.excess_steps = found.steps;
    duration.excess_ratio = found.ratio;
    duration.excess = found.excess;
  }

  /// As many as a dense kernel in every step affords.
  [[nodiscard]] std::int64_t newton_samples() const {
    std::int64_t count =
        std::clamp<std::int64_t>(kNewtonRows / plan_.prepared.num_outputs, 1, kNewtonSamples);
    const auto operations = [&] {
      return kernel::plan_kernel(architecture_, count, 0, {}, sizeof(float)).operations;
    };
    while (count > kFewestSamples && operations() > kNewtonOperations) count /= 2;
    return count;
  }

  void count_newton() {
    auto& duration = plan_.duration;
    if (problem_.loss.name != "squared") return;
    const auto part = distinct_part(newton_samples());
    duration.newton_samples = part.size();
    const auto found = count_newton_steps(
        architecture_, part, number_options_, seed_, duration.ratio, memory_limit_);
    duration.newton_steps = found.steps;
    duration.newton_ratio = found.ratio;
    duration.subset_lambda_min = found.lambda_min;
    duration.subset_lambda_max = found.lambda_max;
  }

  void time_one_step() {
    auto& duration = plan_.duration;
    const auto count = std::clamp<std::int64_t>(
        std::llround(kTimedOperations / operations_of_step(architecture_)), 1, problem_.size());
    const auto part = count == problem_.size()
                          ? problem_
                          : train::subset_of(problem_, at::arange(count, at::kLong));
    duration.timed_samples = count;
    duration.seconds_per_step =
        time_step(architecture_, part, number_options_, seed_, plan_.step.step_size) *
        static_cast<double>(problem_.size()) / static_cast<double>(count);
  }

  const Settings& settings_;
  const Voice& voice_;
  PlanLimits limits_;
  std::uint64_t seed_;
  std::uint64_t memory_limit_;  // bytes; 0: what is available
  net::Architecture architecture_;
  train::Problem problem_;
  train::StepRule rule_;
  train::TrainOptions options_;
  at::TensorOptions number_options_;
  at::Tensor distinct_;       // indices
  at::Tensor limit_samples_;  // indices
  at::Tensor theta_;          // of these
  DataPlan plan_;
};

}  // namespace

DataPlan plan_data(const Settings& settings, const Voice& voice, const PlanLimits& limits) {
  refuse_vision(settings, "plan");
  return Planner(settings, voice, limits).run();
}

}  // namespace overparam::study
