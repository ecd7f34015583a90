// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "json_fields.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/study/vision_run.hpp"
#include "row_files.hpp"
#include "run_folder.hpp"

namespace overparam::study {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kKind = "vision-run";

json schedule_json(const std::vector<train::StepChange>& schedule) {
  json list = json::array();
  for (const auto& [epoch, factor] : schedule) {
    list.push_back({{"epoch", epoch}, {"factor", factor}});
  }
  return list;
}

VisionRecord record_from_json(const json& document) {
  const auto& data = document.at("data");
  const auto& network = document.at("network");
  const auto& recipe = document.at("recipe");
  VisionRecord record{.name = document.at("name"),
                      .created = document.at("created"),
                      .settings_toml = document.at("settings"),
                      .recipe = recipe.at("text"),
                      .data_name = data.at("name"),
                      .data_source = data.at("source"),
                      .labels = data.at("labels"),
                      .num_samples = data.at("samples"),
                      .num_test = data.at("test_samples"),
                      .num_classes = data.at("classes"),
                      .channels = data.at("channels"),
                      .side = data.at("side"),
                      .num_changed_labels = data.at("changed_labels"),
                      .scale = {.mean = data.at("mean"),
                                .deviation = data.at("deviation"),
                                .source = data.at("scaled_by")},
                      .network = network.at("name"),
                      .activation = network.at("activation"),
                      .width = network.at("width"),
                      .num_parameters = network.at("parameters"),
                      .num_statistics = network.at("statistics"),
                      .batch_size = recipe.at("batch_size"),
                      .step_size = recipe.at("step_size"),
                      .momentum = recipe.at("momentum"),
                      .weight_decay = recipe.at("weight_decay"),
                      .augment = recipe.at("augment"),
                      .num_measured = document.at("measured_images"),
                      .snapshots = document.at("snapshots"),
                      .stopped_by = document.at("stopped_by"),
                      .reached_target = document.at("reached_target"),
                      .train_objective = number_or_nan(document, "objective"),
                      .train_accuracy = number_or_nan(document, "train_accuracy"),
                      .test_objective = number_or_nan(document, "test_objective"),
                      .test_accuracy = number_or_nan(document, "test_accuracy"),
                      .seconds = document.at("seconds"),
                      .peak_memory = document.at("peak_memory_bytes"),
                      .environment = document.at("environment")};
  for (const auto& change : recipe.at("schedule")) {
    record.schedule.push_back({.step = change.at("epoch"), .factor = change.at("factor")});
  }
  return record;
}

/// The name of a snapshot's file is "epoch-005.safetensors".
std::optional<std::int64_t> epoch_of(const fs::path& path) {
  constexpr std::string_view kPrefix = "epoch-";
  const std::string stem = path.stem().string();
  if (path.extension() != ".safetensors" || !stem.starts_with(kPrefix)) return std::nullopt;
  const std::string digits = stem.substr(kPrefix.size());
  const bool are_digits = std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  if (!are_digits || digits.empty()) return std::nullopt;
  return base::parse_integer(digits);
}

/// How many epochs a finished run had.
std::int64_t last_epoch(const fs::path& folder) {
  const fs::path path = folder / kRecord;
  try {
    return base::read_json(path).at("epochs");
  } catch (const json::exception& error) {
    base::fail(ErrorKind::data, "{}: damaged ({})", path.string(), error.what());
  }
}

}  // namespace

json to_json(const VisionEpoch& epoch) {
  json line{{"epoch", epoch.epoch},
            {"seconds", epoch.seconds},
            {"step_size", epoch.step_size},
            {"objective", finite_or_null(epoch.objective)},
            {"accuracy", finite_or_null(epoch.accuracy)},
            {"radius", finite_or_null(epoch.radius)},
            {"step_objective", finite_or_null(epoch.step_objective)},
            {"step_linear", finite_or_null(epoch.step_linear)},
            {"step_gap", finite_or_null(epoch.step_gap)},
            {"step_length", finite_or_null(epoch.step_length)}};
  if (std::isfinite(epoch.test_accuracy)) {
    line["test_objective"] = finite_or_null(epoch.test_objective);
    line["test_accuracy"] = epoch.test_accuracy;
  }
  if (std::isfinite(epoch.squared_gradient)) {
    line["measured_objective"] = finite_or_null(epoch.measured_objective);
    line["squared_gradient"] = epoch.squared_gradient;
  }
  return line;
}

VisionEpoch vision_epoch_from_json(const json& line) {
  return {.epoch = line.at("epoch"),
          .step_size = line.at("step_size"),
          .objective = number_or_nan(line, "objective"),
          .accuracy = number_or_nan(line, "accuracy"),
          .test_objective = number_or_nan(line, "test_objective"),
          .test_accuracy = number_or_nan(line, "test_accuracy"),
          .radius = number_or_nan(line, "radius"),
          .measured_objective = number_or_nan(line, "measured_objective"),
          .squared_gradient = number_or_nan(line, "squared_gradient"),
          .step_objective = number_or_nan(line, "step_objective"),
          .step_linear = number_or_nan(line, "step_linear"),
          .step_gap = number_or_nan(line, "step_gap"),
          .step_length = number_or_nan(line, "step_length"),
          .seconds = line.at("seconds")};
}

json to_json(const VisionRecord& record) {
  json document{
      {"schema", kSchema},
      {"version", version()},
      {"kind", kKind},
      {"name", record.name},
      {"created", record.created},
      {"stopped_by", record.stopped_by},
      {"reached_target", record.reached_target},
      {"epochs", record.epochs.empty() ? 0 : record.epochs.back().epoch},
      {"objective", finite_or_null(record.train_objective)},
      {"train_accuracy", finite_or_null(record.train_accuracy)},
      {"radius", record.epochs.empty() ? json() : finite_or_null(record.epochs.back().radius)},
      {"seconds", record.seconds},
      {"peak_memory_bytes", record.peak_memory},
      {"measured_images", record.num_measured},
      {"snapshots", record.snapshots},
      {"network",
       {{"name", record.network},
        {"width", record.width},
        {"activation", record.activation},
        {"parameters", record.num_parameters},
        {"statistics", record.num_statistics}}},
      {"data",
       {{"name", record.data_name},
        {"source", record.data_source},
        {"labels", record.labels},
        {"samples", record.num_samples},
        {"test_samples", record.num_test},
        {"classes", record.num_classes},
        {"channels", record.channels},
        {"side", record.side},
        {"changed_labels", record.num_changed_labels},
        {"mean", record.scale.mean},
        {"deviation", record.scale.deviation},
        {"scaled_by", record.scale.source}}},
      {"recipe",
       {{"text", record.recipe},
        {"batch_size", record.batch_size},
        {"step_size", record.step_size},
        {"momentum", record.momentum},
        {"weight_decay", record.weight_decay},
        {"schedule", schedule_json(record.schedule)},
        {"augment", record.augment}}},
      {"environment", record.environment},
      {"settings", record.settings_toml},
      {"picture_labels", picture_labels(record.pictures)},
  };
  if (std::isfinite(record.test_accuracy)) {
    document["test_objective"] = finite_or_null(record.test_objective);
    document["test_accuracy"] = record.test_accuracy;
  }
  return document;
}

bool is_vision_run(const fs::path& folder) {
  if (!fs::exists(folder / kRecord)) return false;
  try {
    const json document = base::read_json(folder / kRecord);
    return document.is_object() && document.value("kind", json()) == kKind;
  } catch (const Error&) {
    return false;  // whoever reads it says what is damaged
  }
}

VisionRecord read_vision_run(const fs::path& folder) {
  const fs::path path = folder / kRecord;
  base::require(fs::exists(path),
                ErrorKind::data,
                "{}: not a finished run, it has no run.json",
                folder.string());
  base::require(is_vision_run(folder),
                ErrorKind::data,
                "{}: not a run of a network of images",
                path.string());
  try {
    const json document = base::read_json(path);
    VisionRecord record = record_from_json(document);
    record.pictures = read_pictures(folder, document.at("picture_labels"));
    const fs::path metrics = folder / kMetrics;
    base::require(
        fs::exists(metrics), ErrorKind::data, "{}: missing from the run", metrics.string());
    for_each_row(metrics,
                 [&](const json& line) { record.epochs.push_back(vision_epoch_from_json(line)); });
    return record;
  } catch (const json::exception& error) {
    base::fail(ErrorKind::data, "{}: damaged ({})", path.string(), error.what());
  }
}

std::vector<SnapshotFile> snapshots_of(const fs::path& folder) {
  std::vector<SnapshotFile> files;
  if (fs::exists(folder / kInitialWeights)) files.push_back({0, folder / kInitialWeights});
  if (fs::is_directory(folder / kSnapshots)) {
    for (const auto& entry : fs::directory_iterator(folder / kSnapshots)) {
      if (const auto epoch = epoch_of(entry.path())) files.push_back({*epoch, entry.path()});
    }
  }
  if (fs::exists(folder / kWeights) && fs::exists(folder / kRecord)) {
    files.push_back({last_epoch(folder), folder / kWeights});
  }
  base::require(!files.empty(),
                ErrorKind::data,
                "{}: holds no weights of a network of images, expected {} and {}/",
                folder.string(),
                kInitialWeights,
                kSnapshots);
  std::ranges::stable_sort(files, {}, &SnapshotFile::epoch);
  const auto repeated = std::ranges::unique(files, {}, &SnapshotFile::epoch);
  files.erase(repeated.begin(), repeated.end());
  return files;
}

train::VisionSnapshot load_snapshot(const fs::path& folder, std::int64_t epoch) {
  const auto files = snapshots_of(folder);
  const auto file = std::ranges::find(files, epoch, &SnapshotFile::epoch);
  std::vector<std::string> kept;
  for (const auto& other : files) kept.push_back(std::to_string(other.epoch));
  base::require(file != files.end(),
                ErrorKind::data,
                "{}: the weights after epoch {} were not kept; there are those after {}",
                folder.string(),
                epoch,
                base::join(kept, ", "));
  auto snapshot = train::read_snapshot(file->path);
  base::require(snapshot.epoch == epoch,
                ErrorKind::data,
                "{}: holds the weights after epoch {}, expected {}",
                file->path.string(),
                snapshot.epoch,
                epoch);
  if (epoch == 0) return snapshot;
  const auto initial = train::read_snapshot(folder / kInitialWeights);
  base::require(train::describe(snapshot.architecture) == train::describe(initial.architecture),
                ErrorKind::data,
                "{}: of the network {}, expected that of the run, {}",
                file->path.string(),
                train::describe(snapshot.architecture),
                train::describe(initial.architecture));
  return snapshot;
}

}  // namespace overparam::study
