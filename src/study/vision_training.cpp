// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "overparam/base/array_files.hpp"
#include "overparam/base/clock.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/base/progress.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/curvature/objective.hpp"
#include "overparam/linalg/plain_float32.hpp"
#include "overparam/linalg/vectors.hpp"
#include "overparam/study/vision_run.hpp"
#include "row_files.hpp"
#include "run_folder.hpp"
#include "run_settings.hpp"
#include "vision_settings.hpp"

namespace overparam::study {

namespace fs = std::filesystem;

namespace {

/// One run from its images to its record.
class VisionRun {
 public:
  VisionRun(const VisionProblem& problem, const RunOutput& output, const Voice& voice)
      : problem_(problem),
        output_(output),
        voice_(voice),
        options_(vision_options(problem.settings)),
        tensor_options_(
            at::TensorOptions(number_type(problem.settings)).device(device_of(problem.settings))),
        max_seconds_(problem.settings.number("train.max_seconds")),
        target_accuracy_(problem.settings.number("train.target_accuracy")),
        measure_every_(problem.settings.integer("train.measure_every")),
        snapshots_(parse_snapshots(problem.settings)) {}

  VisionRecord run() {
    introduce();
    prepare_run_folder(problem_.settings, output_);
    state_ = train::initial_state(problem_.architecture, options_.seed, tensor_options_);
    initial_weights_ = state_.weights.cpu().clone();
    if (output_.resume) restore();
    claim_run_folder(problem_.settings, output_);
    if (!output_.resume) start_files();
    train();
    finish();
    return std::move(record_);
  }

 private:
  void introduce() const {
    const std::int64_t n = num_samples();
    const std::int64_t tests = problem_.test_images.defined() ? problem_.test_images.size(0) : 0;
    voice_.say("recipe: " + recipe_text(problem_.settings, n));
    voice_.say("memory " +
               plan_vision_memory(problem_.settings, problem_.architecture, n + tests).describe());
    // A backward pass costs two forward ones.
    const double products = 3 * problem_.architecture.products_per_image() * static_cast<double>(n);
    voice_.say(fmt::format("an epoch is {} steps and {:.2g} multiplications",
                           base::format_count((n + options_.batch_size - 1) / options_.batch_size),
                           products));
  }

  [[nodiscard]] std::int64_t num_samples() const { return problem_.train.labels.size(0); }
  [[nodiscard]] double seconds() const { return former_seconds_ + watch_.seconds(); }

  [[nodiscard]] bool has_time() const { return max_seconds_ <= 0 || seconds() < max_seconds_; }

  /// State and recorded epochs of an interrupted run.
  void restore() {
    auto checkpoint = train::load_vision_checkpoint(output_.folder / kCheckpoint,
                                                    problem_.architecture,
                                                    problem_.settings.fingerprint(),
                                                    tensor_options_);
    state_ = std::move(checkpoint.state);
    former_seconds_ = checkpoint.seconds;
    for_each_row(output_.folder / kMetrics, [&](const nlohmann::json& line) {
      auto epoch = vision_epoch_from_json(line);
      if (epoch.epoch <= state_.epoch) record_.epochs.push_back(epoch);
    });
    voice_.say(fmt::format("resuming after epoch {}", base::format_count(state_.epoch)));
    std::vector<std::string> missed;
    for (const auto epoch : snapshots_) {
      if (epoch <= state_.epoch && !fs::exists(snapshot_path(epoch))) {
        missed.push_back(std::to_string(epoch));
      }
    }
    if (!missed.empty()) {
      voice_.warn(fmt::format("snapshots of the epochs {} were not kept, and are past",
                              base::join(missed, ", ")));
    }
  }

  void start_files() const {
    if (output_.folder.empty()) return;
    base::make_writable_folder(output_.folder / "arrays");
    base::make_writable_folder(output_.folder / kCheckpointFolder);
    base::write_safetensors(output_.folder / kInitialWeights, current_file());
    base::write_npy(output_.folder / "arrays/labels.npy", problem_.train.labels);
    write_pictures(output_.folder, problem_.pictures);
  }

  [[nodiscard]] base::TensorFile current_file() const {
    return train::snapshot_file(
        problem_.architecture, state_.weights, state_.statistics, state_.epoch);
  }

  [[nodiscard]] fs::path snapshot_path(std::int64_t epoch) const {
    return output_.folder / kSnapshots / fmt::format("epoch-{:03}.safetensors", epoch);
  }

  void train() {
    std::optional<base::JsonLinesWriter> metrics;
    if (!output_.folder.empty()) {
      std::string lines;
      for (const auto& epoch : record_.epochs) lines += base::json_text(to_json(epoch)) + '\n';
      base::write_file(output_.folder / kMetrics, lines);
      metrics.emplace(output_.folder / kMetrics);
    }
    base::ProgressLine progress("epoch", options_.epochs, voice_.progress, state_.epoch);
    base::Stopwatch since_checkpoint;
    record_.stopped_by = "epochs";
    while (state_.epoch < options_.epochs) {
      const auto report = train_epoch(progress);
      if (!report.complete) {
        record_.stopped_by = base::interrupted() ? "interrupted" : "max_seconds";
        break;
      }
      record_.epochs.push_back(measured(report));
      const auto& last = record_.epochs.back();
      if (metrics) metrics->append(to_json(last));
      if (!report.finite) {
        record_.stopped_by = "not_finite";
        break;
      }
      keep_snapshot();
      progress.update(state_.epoch, describe(last));
      if (target_accuracy_ > 0 && last.accuracy >= target_accuracy_) {
        record_.stopped_by = "target_accuracy";
        record_.reached_target = true;
        break;
      }
      if (since_checkpoint.seconds() >= problem_.settings.number("train.checkpoint_seconds")) {
        save();
        since_checkpoint = {};
      }
    }
    progress.finish();
    if (may_go_on()) save();
    if (record_.stopped_by == "not_finite") {
      voice_.warn(
          fmt::format("diverged in epoch {}: a loss is not finite; the step size {} is too "
                      "large",
                      base::format_count(state_.epoch),
                      options_.step_size_of(state_.epoch - 1)));
    }
  }

  [[nodiscard]] bool may_go_on() const {
    return record_.stopped_by == "epochs" || record_.stopped_by == "max_seconds" ||
           record_.stopped_by == "interrupted";
  }

  train::EpochReport train_epoch(base::ProgressLine& progress) {
    const std::int64_t steps = (num_samples() + options_.batch_size - 1) / options_.batch_size;
    const std::string former = record_.epochs.empty() ? "" : describe(record_.epochs.back()) + "  ";
    std::int64_t step = 0;
    return train::train_epoch(problem_.architecture, problem_.train, options_, state_, [&] {
      if (progress.due(state_.epoch)) {
        progress.update(state_.epoch, fmt::format("{}step {}/{}", former, step, steps));
      }
      ++step;
      return !base::interrupted() && has_time();
    });
  }

  [[nodiscard]] VisionEpoch measured(const train::EpochReport& report) const {
    VisionEpoch epoch{.epoch = report.epoch,
                      .step_size = report.step_size,
                      .objective = report.objective,
                      .accuracy = report.accuracy,
                      .step_objective = report.step_objective,
                      .step_linear = report.step_linear,
                      .step_gap = report.step_gap,
                      .step_length = report.step_length};
    epoch.radius =
        train::vision_radius(problem_.architecture, state_.weights.cpu(), initial_weights_);
    if (report.finite) {
      if (problem_.test_images.defined()) {
        const auto test = score_of(problem_.test_images, problem_.test_labels);
        epoch.test_objective = test.objective;
        epoch.test_accuracy = test.accuracy;
      }
      if (is_measured(report.epoch)) measure_gradient(epoch);
    }
    epoch.seconds = seconds();
    return epoch;
  }

  [[nodiscard]] bool is_measured(std::int64_t epoch) const {
    return epoch == 1 || epoch % measure_every_ == 0 || epoch == options_.epochs ||
           std::ranges::binary_search(snapshots_, epoch);
  }

  void measure_gradient(VisionEpoch& epoch) const {
    const std::int64_t count = num_measured();
    const auto objective = curvature::vision_objective(problem_.architecture,
                                                       state_.weights,
                                                       state_.statistics,
                                                       problem_.train.images.narrow(0, 0, count),
                                                       problem_.train.labels.narrow(0, 0, count),
                                                       {.batch_size = measured_batch()});
    at::Tensor gradient = at::empty_like(state_.weights);
    epoch.measured_objective = objective->gradient(state_.weights, gradient).objective;
    epoch.squared_gradient = linalg::inner_product(gradient, gradient);
  }

  [[nodiscard]] std::int64_t num_measured() const { return std::min(num_samples(), kMostMeasured); }

  [[nodiscard]] train::VisionScore score_of(const at::Tensor& images,
                                            const at::Tensor& labels) const {
    // Without a backward pass few features live at once.
    const std::int64_t batch = std::min<std::int64_t>(256, 2 * options_.batch_size);
    return train::score(problem_.architecture, state_, images, labels, batch);
  }

  static std::string describe(const VisionEpoch& epoch) {
    std::string text = fmt::format("loss {:.4f}  accuracy {:.3f}", epoch.objective, epoch.accuracy);
    if (std::isfinite(epoch.test_accuracy))
      text += fmt::format("  test {:.3f}", epoch.test_accuracy);
    return text + fmt::format("  omega {:.3g}", epoch.radius);
  }

  void keep_snapshot() const {
    if (output_.folder.empty() || !std::ranges::binary_search(snapshots_, state_.epoch)) return;
    base::make_writable_folder(output_.folder / kSnapshots);
    base::write_safetensors(snapshot_path(state_.epoch), current_file());
  }

  void save() const {
    if (output_.folder.empty()) return;
    train::save_vision_checkpoint(output_.folder / kCheckpoint,
                                  problem_.architecture,
                                  state_,
                                  seconds(),
                                  problem_.settings.fingerprint());
  }

  void finish() {
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    record_.seconds = seconds();
    record_.train_objective = record_.train_accuracy = kNone;
    record_.test_objective = record_.test_accuracy = kNone;
    describe_run();
    if (record_.stopped_by == "interrupted") return;
    if (record_.stopped_by != "not_finite") {
      const auto train = score_of(problem_.train.images, problem_.train.labels);
      record_.train_objective = train.objective;
      record_.train_accuracy = train.accuracy;
      if (problem_.test_images.defined()) {
        const auto test = score_of(problem_.test_images, problem_.test_labels);
        record_.test_objective = test.objective;
        record_.test_accuracy = test.accuracy;
      }
    }
    record_.peak_memory = base::peak_resident_memory();
    if (output_.folder.empty()) return;
    base::write_safetensors(output_.folder / kWeights, current_file());
    for (const auto epoch : snapshots_) {
      if (fs::exists(snapshot_path(epoch))) record_.snapshots.push_back(epoch);
    }
    base::write_json(output_.folder / kRecord, to_json(record_));
    // Not before weights and record are on disk: until then it is what the run goes on from.
    if (!may_go_on()) remove_checkpoint(output_.folder);
  }

  void describe_run() {
    const auto& settings = problem_.settings;
    const auto& shape = problem_.architecture.options;
    record_.name = output_.folder.filename().string();
    record_.created = base::utc_timestamp();
    record_.settings_toml = settings.to_toml(kRunSections);
    record_.recipe = recipe_text(settings, num_samples());
    record_.data_name = problem_.data_name;
    record_.data_source = problem_.data_source;
    record_.labels = settings.text("data.labels");
    record_.num_samples = num_samples();
    record_.num_test = problem_.test_images.defined() ? problem_.test_images.size(0) : 0;
    record_.num_classes = shape.num_classes;
    record_.channels = shape.channels;
    record_.side = shape.side;
    record_.num_changed_labels = problem_.num_changed_labels;
    record_.scale = problem_.scale;
    record_.network = problem_.architecture.name;
    record_.activation = shape.activation;
    record_.width = shape.width;
    record_.num_parameters = problem_.architecture.num_parameters();
    record_.num_statistics = problem_.architecture.num_statistics();
    record_.batch_size = options_.batch_size;
    record_.step_size = options_.step_size;
    record_.momentum = options_.momentum;
    record_.weight_decay = options_.weight_decay;
    record_.schedule = options_.schedule;
    record_.augment = options_.augment;
    record_.num_measured = num_measured();
    record_.environment = environment_json();
    record_.pictures = problem_.pictures;
  }

  const VisionProblem& problem_;
  const RunOutput& output_;
  const Voice& voice_;
  train::VisionTrainOptions options_;
  at::TensorOptions tensor_options_;
  double max_seconds_;      // 0: no limit
  double target_accuracy_;  // 0: none
  std::int64_t measure_every_;
  std::vector<std::int64_t> snapshots_;  // epochs, ascending
  base::Stopwatch watch_;
  double former_seconds_ = 0;  // of the interrupted part
  train::VisionState state_;
  at::Tensor initial_weights_;
  VisionRecord record_;
};

}  // namespace

VisionRecord run_vision_training(const VisionProblem& problem,
                                 const RunOutput& output,
                                 const Voice& voice) {
  const linalg::PlainFloat32 plain_float32;
  return VisionRun(problem, output, voice).run();
}

}  // namespace overparam::study
