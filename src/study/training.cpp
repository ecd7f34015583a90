// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/training.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "overparam/base/array_files.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/base/memory.hpp"
#include "overparam/base/progress.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/data/prepare.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/train/checkpoint.hpp"
#include "overparam/train/step_size.hpp"
#include "row_files.hpp"
#include "run_folder.hpp"
#include "run_settings.hpp"

namespace overparam::study {

namespace fs = std::filesystem;

namespace {

/// One run from its settings to its record.
class TrainingRun {
 public:
  TrainingRun(const Settings& settings,
              const PreparedData& data,
              const RunOutput& output,
              const Voice& voice)
      : settings_(settings),
        data_(data),
        output_(output),
        voice_(voice),
        seed_(static_cast<std::uint64_t>(settings.integer("run.seed"))),
        architecture_(build_architecture(settings, network_input(data))),
        problem_(training_problem(data, settings)),
        rule_(train::parse_step_rule(settings.text("train.step"))),
        options_(train_options(settings)) {}

  RunRecord run() {
    plan();
    check_options();
    prepare_run_folder(settings_, output_);
    net::Network network(architecture_,
                         seed_,
                         at::TensorOptions(number_type(settings_)).device(device_of(settings_)));
    if (options_.method == train::Method::gauss_newton) {
      expect_fit();
    } else {
      choose_step(network);
      predict(network);
    }
    train(network);
    finish(network);
    return std::move(record_);
  }

 private:
  void plan() {
    const auto plan = plan_memory(settings_, architecture_, problem_.size());
    memory_limit_ = memory_limit(settings_);
    plan.check(memory_limit_);
    voice_.say("memory " + plan.describe());
  }

  /// Finds wrong settings before any folder is made. The step size is not known yet.
  void check_options() const {
    auto options = options_;
    options.step_size = 1;
    options.validate(problem_.size());
  }

  void choose_step(const net::Network& network) {
    net::Workspace workspace(network.options());
    const auto choice = train::choose_step(rule_, network, problem_, options_, workspace);
    options_.step_size = choice.step_size;
    record_.facts.lambda_max = choice.lambda_max;
    record_.facts.step_size = choice.step_size;
    options_.validate(problem_.size());
    voice_.say(fmt::format("step size {:.4g} ({}), lambda_max(K) = {:.4g}, delta = {:.4g}",
                           choice.step_size,
                           train::to_string(rule_),
                           choice.lambda_max,
                           problem_.separation));
  }

  /// What is known beforehand of whether F can come to nothing.
  void expect_fit() {
    options_.newton.memory_limit = memory_limit_;
    record_.predicted.ratio = options_.stop.target_ratio;
    const std::int64_t outputs = problem_.size() * data_.num_outputs;
    const std::int64_t trained = architecture_.num_trained_parameters();
    if (outputs > trained) {
      voice_.warn(fmt::format(
          "too narrow for certainty: {} outputs to fit with {} trained weights, so that K is "
          "singular; where F cannot reach 0 the run ends in a least-squares answer",
          base::format_count(outputs),
          base::format_count(trained)));
    }
    if (const double floor = irreducible_objective(); floor > 0) {
      voice_.warn(
          fmt::format("{} samples repeat an input with another target: F cannot fall below {:.6g}",
                      data_.duplicates.num_conflicting,
                      floor));
    }
  }

  /// What conflicting duplicates force; 0 where it is not known for the loss.
  [[nodiscard]] double irreducible_objective() const {
    if (problem_.loss.name == "squared") return data_.duplicates.irreducible_squared;
    if (problem_.loss.name == "cross-entropy") return data_.duplicates.irreducible_cross_entropy;
    return 0;
  }

  /// The share of F_0 at which the first of the run's targets for F is met.
  double target_ratio(const net::Network& network, net::Workspace& workspace) const {
    const auto& stop = options_.stop;
    if (stop.target_objective <= 0)
      return stop.target_ratio > 0 ? stop.target_ratio : kDefaultRatio;
    const double start = train::evaluate(network, problem_, workspace).objective;
    return std::max(stop.target_ratio, stop.target_objective / start);
  }

  /// The linear model's steps to the run's target, and its curve.
  void predict(const net::Network& network) {
    auto& predicted = record_.predicted;
    net::Workspace workspace(network.options());
    predicted.ratio = target_ratio(network, workspace);
    const bool is_plain =
        options_.momentum == 0 && options_.weight_decay == 0 && options_.schedule.empty();
    if (problem_.loss.name != "squared" || !is_plain) {
      voice_.say(
          "predicted steps: none, the linear model's closed form is for the squared loss and "
          "plain steps of one size");
      return;
    }
    // With a given step size the user waits for nothing else; the others have just computed
    // lambda_max.
    const bool is_number = rule_.kind == train::StepRule::Kind::number;
    const auto prediction = train::predict_steps(
        network, problem_, options_.step_size, predicted.ratio, workspace, is_number ? 0.15 : 20);
    predicted.steps = prediction.steps;
    predicted.uncertainty = prediction.uncertainty;
    const double last =
        2.0 * static_cast<double>(prediction.steps.value_or(options_.stop.max_steps));
    for (double step = 0; step <= std::max(last, 10.0); step = std::max(step + 1, step * 1.05)) {
      predicted.step.push_back(std::floor(step));
      predicted.objective.push_back(prediction.model.objective(std::floor(step)));
    }
    voice_.say(
        prediction.steps
            ? fmt::format("predicted steps to {:.2g} of the start: {} (linear model at the "
                          "initial weights, {} products of K)",
                          predicted.ratio,
                          base::format_count(*prediction.steps),
                          prediction.products)
            : fmt::format("predicted steps to {:.2g} of the start: never in the linear model",
                          predicted.ratio));
  }

  void start_files(const net::Network& network) const {
    if (output_.folder.empty()) return;
    base::make_writable_folder(output_.folder / "arrays");
    base::make_writable_folder(output_.folder / kCheckpointFolder);
    base::write_safetensors(output_.folder / kInitialWeights, train::weights_file(network));
    base::write_npy(output_.folder / "arrays/inputs.npy", problem_.inputs);
    base::write_npy(output_.folder / "arrays/targets.npy", problem_.targets);
    write_pictures(output_.folder, data_.pictures);
  }

  void train(net::Network& network) {
    net::Workspace workspace(network.options());
    auto trajectory = watch_trajectory(network);
    train::TrainState state;
    std::optional<base::JsonLinesWriter> metrics;
    if (output_.resume) state = restore(network, trajectory);
    train::check_training(network, problem_, options_);  // while the folder's former run is whole
    claim_run_folder(settings_, output_);
    if (!output_.resume) start_files(network);
    if (!output_.folder.empty()) metrics = open_metrics(trajectory);

    base::ProgressLine progress("step", options_.stop.max_steps, voice_.progress, state.step);
    std::size_t written = trajectory.points().size();
    const auto write_new = [&] {
      for (; metrics && written < trajectory.points().size(); ++written) {
        metrics->append(to_json(trajectory.points()[written]));
      }
    };
    train::Callbacks callbacks{
        .on_measurement =
            [&](const train::Moment& moment) {
              trajectory.observe(with_former_step(moment));
              write_new();
              if (progress.due(moment.step)) progress.update(moment.step, describe(moment, state));
            },
        .on_plan = [&](const std::string& text) { voice_.say("gauss-newton: " + text); },
        .checkpoint_seconds = settings_.number("train.checkpoint_seconds"),
    };
    if (!output_.folder.empty()) {
      callbacks.on_checkpoint = [&](const train::TrainState& now) { save(network, now); };
    }
    result_ = train::train(network, problem_, options_, state, callbacks);
    progress.finish();
    warn_of_divergence();
    explain_end();
    if (!output_.folder.empty() && may_go_on()) save(network, state);
    if (result_.reason != train::StopReason::interrupted) {
      finish_trajectory(trajectory, network, workspace);
      if (metrics) rewrite_metrics(trajectory);
    }
    record_.facts.trajectory = trajectory.points();
  }

  [[nodiscard]] bool may_go_on() const {
    return result_.reason == train::StopReason::interrupted ||
           result_.reason == train::StopReason::max_steps ||
           result_.reason == train::StopReason::max_seconds;
  }

  /// Its first pass has a workspace of its own, which is free again before the training.
  train::Trajectory watch_trajectory(const net::Network& network) const {
    net::Workspace workspace(network.options());
    return {network, problem_, options_.method, seed_, workspace};
  }

  /// The last point in full, with the step that led to it.
  void finish_trajectory(train::Trajectory& trajectory,
                         const net::Network& network,
                         net::Workspace& workspace) const {
    train::Moment end{result_.steps, result_.seconds, result_.final_evaluation, network, workspace};
    std::optional<train::NewtonStep> newton;
    if (!trajectory.points().empty()) newton = trajectory.points().back().newton;
    if (newton && trajectory.points().back().step == end.step) end.newton = &*newton;
    trajectory.finish(end);
  }

  void warn_of_divergence() const {
    if (result_.reason != train::StopReason::diverged &&
        result_.reason != train::StopReason::not_finite) {
      return;
    }
    voice_.warn(
        fmt::format("diverged at step {}: the objective went from {:.4g} to {:.4g}; the step "
                    "size {:.4g} is too large (1/lambda_max(K) = {:.4g})",
                    base::format_count(result_.steps),
                    result_.initial_objective,
                    result_.final_evaluation.objective,
                    options_.step_size,
                    1 / record_.facts.lambda_max));
  }

  /// Why Gauss-Newton found no way further down.
  void explain_end() const {
    const double objective = result_.final_evaluation.objective;
    if (result_.reason == train::StopReason::stationary) {
      voice_.warn(fmt::format(
          "F = {:.6g} is a least-squares answer: the network linearised here cannot lower it by a "
          "millionth, or ten steps did not by a thousandth{}",
          objective,
          irreducible_objective() > 0
              ? fmt::format("; conflicting samples alone force {:.6g}", irreducible_objective())
              : ""));
    } else if (result_.reason == train::StopReason::no_descent) {
      voice_.warn(fmt::format("no step lowers F = {:.4g} any further, {:.2g} of the start: {}",
                              objective,
                              objective / result_.initial_objective,
                              settings_.text("run.dtype") == "float32"
                                  ? "that is where the rounding of float32 ends it; --dtype "
                                    "float64 goes on"
                                  : "that is where the rounding of float64 ends it"));
    }
  }

  std::string describe(const train::Moment& moment, const train::TrainState& state) const {
    std::string text = fmt::format("F = {:.4g}", moment.evaluation.objective);
    if (std::isfinite(moment.evaluation.accuracy)) {
      text += fmt::format("  accuracy {:.3f}", moment.evaluation.accuracy);
    }
    if (moment.newton != nullptr) {
      return text + fmt::format("  predicted {:.2e}  {} products",
                                moment.newton->predicted,
                                moment.newton->iterations);
    }
    const double shrunk = state.initial_objective / moment.evaluation.objective;
    if (moment.step > 0 && shrunk > 0) {
      text +=
          fmt::format("  rate {:.2e} a step", std::log(shrunk) / static_cast<double>(moment.step));
    }
    return text;
  }

  void save(const net::Network& network, const train::TrainState& state) const {
    train::save_checkpoint(output_.folder / kCheckpoint, network, state, settings_.fingerprint());
  }

  /// The point that a run is resumed at is measured again, and only the record of the interrupted
  /// part knows the step that led to it.
  [[nodiscard]] train::Moment with_former_step(const train::Moment& moment) const {
    train::Moment known = moment;
    const auto& [step, newton] = former_step_;
    if (moment.newton == nullptr && newton && step == moment.step) known.newton = &*newton;
    return known;
  }

  /// State and recorded points of an interrupted run.
  train::TrainState restore(net::Network& network, train::Trajectory& trajectory) {
    auto state =
        train::load_checkpoint(output_.folder / kCheckpoint, network, settings_.fingerprint());
    std::vector<train::TrajectoryPoint> points;
    for_each_row(output_.folder / kMetrics, [&](const nlohmann::json& line) {
      auto point = point_from_json(line);
      if (point.step == state.step) former_step_ = {point.step, point.newton};
      if (point.step < state.step) points.push_back(std::move(point));
    });
    trajectory.restore(std::move(points));
    voice_.say(fmt::format("resuming at step {}", base::format_count(state.step)));
    return state;
  }

  /// A writer behind the points that are kept from an earlier part of the run.
  base::JsonLinesWriter open_metrics(const train::Trajectory& trajectory) const {
    rewrite_metrics(trajectory);
    return base::JsonLinesWriter(output_.folder / kMetrics);
  }

  void rewrite_metrics(const train::Trajectory& trajectory) const {
    std::string lines;
    for (const auto& point : trajectory.points()) lines += base::json_text(to_json(point)) + '\n';
    base::write_file(output_.folder / kMetrics, lines);
  }

  void finish(net::Network& network) {
    record_.stopped_by = train::to_string(result_.reason);
    record_.reached_target = result_.reached_target();
    record_.seconds = result_.seconds;
    record_.train_accuracy = result_.final_evaluation.accuracy;
    record_.test_accuracy = std::numeric_limits<double>::quiet_NaN();
    net::Workspace workspace(network.options());
    if (data_.dataset.test) {
      record_.test_accuracy =
          train::evaluate(network, test_problem(data_, settings_), workspace).accuracy;
    }
    describe_run();
    if (result_.reason == train::StopReason::interrupted) return;
    if (!output_.folder.empty()) {
      base::write_safetensors(output_.folder / kWeights, train::weights_file(network));
      base::write_npy(output_.folder / kOutputs, network.forward(problem_.inputs, workspace));
    }
    write_record();
    // Not before its weights and record are on disk: until then it is what the run goes on from.
    if (!output_.folder.empty() && !may_go_on()) remove_checkpoint(output_.folder);
    const at::Tensor trained_kernel = sample_kernel(network, problem_.inputs, memory_limit_);
    // The trained weights are on disk now; the initial ones take their place.
    for (int block = 0; block < static_cast<int>(architecture_.blocks.size()); ++block) {
      net::draw_initial_block(architecture_, block, seed_, network.parameters()[block]);
    }
    record_.facts.initial =
        claims::measure_initial(network, problem_, workspace, {.memory_limit = memory_limit_});
    record_.regime =
        compare_kernels(sample_kernel(network, problem_.inputs, memory_limit_), trained_kernel);
    write_record();
  }

  void write_record() {
    record_.peak_memory = base::peak_resident_memory();
    if (output_.folder.empty()) return;
    base::write_json(output_.folder / kRecord, to_json(record_));
  }

  void describe_run() {
    auto& facts = record_.facts;
    facts.n = problem_.size();
    facts.d = data_.num_outputs;
    const NetworkShape shape = network_shape(settings_);
    facts.network = shape.name;
    facts.m = shape.width;
    facts.L = shape.depth;
    facts.input_size = architecture_.input_size;
    facts.loss = problem_.loss.name;
    facts.separation = data_.separation.distance;
    facts.irreducible_objective = irreducible_objective();
    facts.method = train::to_string(options_.method);
    facts.batch_size = options_.batch_of(problem_.size());
    facts.initial_objective = result_.initial_objective;
    facts.final_objective = result_.final_evaluation.objective;
    facts.steps = result_.steps;
    record_.name = output_.folder.filename().string();
    record_.created = base::utc_timestamp();
    record_.settings_toml = settings_.to_toml(kRunSections);
    record_.data_name = data_.dataset.name;
    record_.data_source = data_.dataset.source;
    record_.normalisation = data::to_string(data_.normalisation);
    record_.closest_first = data_.separation.first;
    record_.closest_second = data_.separation.second;
    record_.num_duplicates = data_.duplicates.num_duplicates;
    record_.num_conflicting = data_.duplicates.num_conflicting;
    record_.num_parameters = architecture_.num_parameters();
    record_.num_trained = architecture_.num_trained_parameters();
    record_.pictures = data_.pictures;
    record_.environment = environment_json();
    if (options_.products != linalg::Products::plain) {
      record_.products = products_json(options_.products_in_use());
    }
  }

  const Settings settings_;
  const PreparedData& data_;
  const RunOutput& output_;
  const Voice& voice_;
  std::uint64_t seed_;
  std::uint64_t memory_limit_ = 0;  // bytes; 0: what is available
  net::Architecture architecture_;
  train::Problem problem_;
  train::StepRule rule_;
  train::TrainOptions options_;
  train::TrainResult result_;
  std::pair<std::int64_t, std::optional<train::NewtonStep>> former_step_;
  RunRecord record_;
};

linalg::Products products_of(const Settings& settings) {
  const std::string& precision = settings.text("run.precision");
  return precision == "narrow" ? linalg::Products::automatic : linalg::parse_products(precision);
}

}  // namespace

train::TrainOptions train_options(const Settings& settings) {
  return {
      .method = train::parse_method(settings.text("train.method")),
      .batch_size = settings.integer("train.batch"),
      .sampling = train::parse_sampling(settings.text("train.sampling")),
      .momentum = settings.number("train.momentum"),
      .weight_decay = settings.number("train.weight_decay"),
      .schedule = train::parse_schedule(settings.text("train.schedule")),
      .newton = {.solver = train::parse_solver(settings.text("train.solver")),
                 .damping = settings.number("train.damping")},
      .stop = {.max_steps = settings.integer("train.max_steps"),
               .target_objective = settings.number("train.target_objective"),
               .target_ratio = settings.number("train.target_ratio"),
               .target_accuracy = settings.number("train.target_accuracy"),
               .gradient_norm = settings.number("train.gradient_norm"),
               .max_seconds = settings.number("train.max_seconds")},
      .measure_every = settings.integer("train.measure_every"),
      .seed = static_cast<std::uint64_t>(settings.integer("run.seed")),
      .products = products_of(settings),
  };
}

std::uint64_t memory_limit(const Settings& settings) {
  const std::string& limit = settings.text("run.memory");
  const auto bytes = base::parse_bytes(limit);
  base::require(limit.empty() || bytes,
                ErrorKind::usage,
                "{}: run.memory must be a size such as 4GiB, found \"{}\"",
                settings.origin("run.memory"),
                limit);
  return bytes.value_or(0);
}

RunRecord run_training(const Settings& settings,
                       const PreparedData& data,
                       const RunOutput& output,
                       const Voice& voice) {
  return TrainingRun(settings, data, output, voice).run();
}

fs::path output_folder(const Settings& settings, const std::string& label) {
  const std::string& given = settings.text("run.out");
  return given.empty() ? fs::path("runs") / fmt::format("{}-{}", label, settings.fingerprint())
                       : fs::path(given);
}

}  // namespace overparam::study
