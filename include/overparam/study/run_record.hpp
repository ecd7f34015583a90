// SPDX-License-Identifier: Apache-2.0
// A run on disk: everything that a page, a certificate or a later reader needs.
//
//     run.json              summary, facts, machine, versions
//     config.toml           all settings; `overparam train --config` repeats the run
//     metrics.jsonl         one line for each recorded step
//     weights-initial.safetensors, weights.safetensors
//     arrays/inputs.npy, targets.npy, outputs.npy, pictures.npy
//     checkpoint/           while the run could go on
//     report.html
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "overparam/claims/run_facts.hpp"
#include "overparam/linalg/narrow.hpp"
#include "overparam/report/figure.hpp"
#include "overparam/study/kernel_regime.hpp"
#include "overparam/train/trajectory.hpp"

namespace overparam::study {

inline constexpr int kSchema = 1;

/// In the folder of a demo's wide run, this names the other runs of the demo.
inline constexpr const char* kDemo = "demo.json";

/// What the linear model at the initial weights said before the start.
struct PredictedCurve {
  double ratio = 0;                   ///< the share of F_0 that `steps` leads to
  std::optional<std::int64_t> steps;  ///< nothing: never, or no prediction for this loss
  double uncertainty = 0;
  std::vector<double> step, objective;
};

struct RunRecord {
  /// Steps needed over steps that the linear model predicts to the same share of F_0; NaN where
  /// the run did not get there, or there is no prediction.
  [[nodiscard]] double excess() const;

  std::string name;
  std::string created;
  std::string settings_toml;
  std::string data_name, data_source, normalisation;
  std::int64_t closest_first = -1, closest_second = -1;
  std::int64_t num_duplicates = 0, num_conflicting = 0;
  claims::RunFacts facts;
  std::string stopped_by;
  bool reached_target = false;
  double train_accuracy = 0;  ///< NaN without labels
  double test_accuracy = 0;   ///< NaN without a test part
  double seconds = 0;
  std::int64_t num_parameters = 0, num_trained = 0;
  std::uint64_t peak_memory = 0;
  nlohmann::json environment;  ///< machine and versions of the run, not of whoever reads it
  nlohmann::json products;     ///< of a run in narrow precision; null in plain
  PredictedCurve predicted;
  KernelRegime regime;
  report::ImageGrid pictures;
};

/// The document `train --json` prints and run.json holds.
nlohmann::json to_json(const RunRecord& record);

/// One line of metrics.jsonl, and back.
nlohmann::json to_json(const train::TrajectoryPoint& point);
train::TrajectoryPoint point_from_json(const nlohmann::json& line);

/// Writes arrays/pictures.npy, if there are any; run.json holds their labels.
void write_pictures(const std::filesystem::path& folder, const report::ImageGrid& grid);
std::vector<std::string> picture_labels(const report::ImageGrid& grid);

/// The pictures of a run, as many as there are labels.
/// @throws Error(data) if the file does not hold so many
report::ImageGrid read_pictures(const std::filesystem::path& folder,
                                const std::vector<std::string>& labels);

/// Reads run.json, metrics.jsonl and the pictures of a folder.
/// @throws Error(data) naming what is missing or damaged
RunRecord read_run(const std::filesystem::path& folder);

/// Machine and versions, for every document.
nlohmann::json environment_json();

/// The format that products are made in, and the measured table that decides.
nlohmann::json products_json(linalg::Products used);

/// The version of this library, "0.1.0".
std::string version();

}  // namespace overparam::study
