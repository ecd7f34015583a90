// SPDX-License-Identifier: Apache-2.0
// A network of images, trained by SGD as its source trains it, and the folder that it leaves:
//
//     run.json              summary, facts, machine, versions
//     config.toml           all settings, those of the recipe too; it repeats the run
//     metrics.jsonl         one line an epoch
//     snapshots/epoch-005.safetensors, ...
//     weights-initial.safetensors, weights.safetensors
//     arrays/labels.npy     as trained on, after noise; pictures.npy
//     checkpoint/           while the run could go on
//     report.html
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "overparam/base/memory.hpp"
#include "overparam/data/prepare.hpp"
#include "overparam/net/vision.hpp"
#include "overparam/report/page.hpp"
#include "overparam/study/settings.hpp"
#include "overparam/study/training.hpp"
#include "overparam/study/voice.hpp"
#include "overparam/train/vision.hpp"
#include "overparam/train/vision_checkpoint.hpp"

namespace overparam::study {

/// Whether the settings name a network of images.
bool is_vision(const Settings& settings);

/// @throws Error(usage) for a network of images, which `command` cannot take
void refuse_vision(const Settings& settings, const std::string& command);

/// The settings with every value that a run on so many images uses: what was given, and for the
/// rest the recipe of the network's source. Resolving twice changes nothing.
/// @throws Error(usage) for a setting that networks of images do not read, or a value they cannot
/// have
Settings resolve_vision(const Settings& given, std::int64_t num_samples);

/// The recipe in one line, and which of its values are not the source's.
std::string recipe_text(const Settings& resolved, std::int64_t num_samples);

/// Reads "5,40,90", "all" or "" as ascending epochs up to `epochs`. @throws Error(usage)
std::vector<std::int64_t> parse_snapshots(const Settings& settings);

/// Images that a network can be trained on, and the network.
struct VisionProblem {
  Settings settings;  ///< resolved
  net::VisionArchitecture architecture;
  train::VisionData train;
  at::Tensor test_images;  ///< scaled as the training part; undefined where there is no test part
  at::Tensor test_labels;
  data::ImageScale scale;
  std::string data_name, data_source;
  std::int64_t num_changed_labels = 0;  ///< training labels that noise has changed
  report::ImageGrid pictures;
};

/// From settings to images. The same settings give the same images, labels and network.
/// @throws Error(usage) as `resolve_vision`, and for samples that are no square images or that the
/// network cannot take; Error(data) for files and for data without labels; Error(capacity) if the
/// run would not fit the memory
VisionProblem prepare_vision(const Settings& settings);

/// Bytes that training takes at once, with so many images in both parts.
base::MemoryPlan plan_vision_memory(const Settings& resolved,
                                    const net::VisionArchitecture& architecture,
                                    std::int64_t num_images);

/// One line of metrics.jsonl. Losses are means over images.
struct VisionEpoch {
  std::int64_t epoch = 0;  ///< finished
  double step_size = 0;
  double objective = 0;  ///< over the batches as SGD met them, augmented
  double accuracy = 0;
  double test_objective = std::numeric_limits<double>::quiet_NaN();
  double test_accuracy = std::numeric_limits<double>::quiet_NaN();
  double radius = 0;  ///< omega_t, see train::vision_radius

  /// f and |grad f|^2 over the first `num_measured` training images as they are, with running means
  /// and variances; NaN in the epochs between.
  double measured_objective = std::numeric_limits<double>::quiet_NaN();
  double squared_gradient = std::numeric_limits<double>::quiet_NaN();

  /// Of the epoch's last step, see train::EpochReport.
  double step_objective = 0, step_linear = 0, step_gap = 0, step_length = 0;
  double seconds = 0;  ///< of the run so far
};

struct VisionRecord {
  std::string name;
  std::string created;
  std::string settings_toml;
  std::string recipe;  ///< in one line

  std::string data_name, data_source, labels;  ///< `labels` as in data.labels
  std::int64_t num_samples = 0, num_test = 0, num_classes = 0, channels = 0, side = 0;
  std::int64_t num_changed_labels = 0;
  data::ImageScale scale;

  std::string network, activation;
  std::int64_t width = 0, num_parameters = 0, num_statistics = 0;

  std::int64_t batch_size = 0;
  double step_size = 0, momentum = 0, weight_decay = 0;
  std::vector<train::StepChange> schedule;  ///< in epochs
  bool augment = false;
  std::int64_t num_measured = 0;

  std::vector<VisionEpoch> epochs;
  std::vector<std::int64_t> snapshots;  ///< epochs
  std::string stopped_by;  ///< epochs, target_accuracy, max_seconds, not_finite, interrupted
  bool reached_target = false;
  double train_objective = 0;  ///< at the end, over all training images as they are
  double train_accuracy = 0;
  double test_objective = 0;  ///< NaN without a test part
  double test_accuracy = 0;
  double seconds = 0;
  std::uint64_t peak_memory = 0;
  nlohmann::json environment;
  report::ImageGrid pictures;
};

/// Says the recipe and the memory plan, trains, measures after each epoch, and fills the folder.
/// An interrupted run leaves a checkpoint of the last whole epoch and returns with stopped_by =
/// "interrupted"; resumed, it ends with the same bits.
/// @throws Error(usage) if the folder holds a finished run or a checkpoint with other settings
/// @throws Error(data) if there is no checkpoint to resume from, or it is not this run's; the
/// folder is then as it was
VisionRecord run_vision_training(const VisionProblem& problem,
                                 const RunOutput& output,
                                 const Voice& voice);

/// The document `train --json` prints and run.json holds, without the epochs.
nlohmann::json to_json(const VisionRecord& record);

/// One line of metrics.jsonl, and back.
nlohmann::json to_json(const VisionEpoch& epoch);
VisionEpoch vision_epoch_from_json(const nlohmann::json& line);

/// Whether a folder holds a finished run of a network of images.
bool is_vision_run(const std::filesystem::path& folder);

/// @throws Error(data) naming what is missing or damaged
VisionRecord read_vision_run(const std::filesystem::path& folder);

/// A file of weights in the folder of a run.
struct SnapshotFile {
  std::int64_t epoch = 0;  ///< 0: the initial weights
  std::filesystem::path path;
};

/// Those of a run by epoch, each epoch once: the initial weights, the snapshots, and of a finished
/// run the last weights. @throws Error(data) for a folder without any
std::vector<SnapshotFile> snapshots_of(const std::filesystem::path& folder);

/// The network of a run after an epoch.
/// @throws Error(data) for an epoch that was not kept, naming those that were; and for a file that
/// is broken, of another epoch or of another network than the run's initial weights
train::VisionSnapshot load_snapshot(const std::filesystem::path& folder, std::int64_t epoch);

/// The result of a run in two columns.
report::Table vision_table(const VisionRecord& record);

/// The page of a run: loss, accuracy, distance, gradient, the gap of Theorem 4, snapshots,
/// settings.
report::Page vision_page(const VisionRecord& record);

}  // namespace overparam::study
