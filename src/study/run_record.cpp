// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/run_record.hpp"

#include <ATen/ATen.h>
#include <torch/version.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "json_fields.hpp"
#include "overparam/base/array_files.hpp"
#include "overparam/base/blas.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/base/memory.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/threads.hpp"
#include "overparam/study/convergence_order.hpp"
#include "row_files.hpp"
#include "run_folder.hpp"

namespace overparam::study {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

json to_json(const claims::InitialFacts& facts) {
  return {{"smallest_norm", finite_or_null(facts.smallest_norm)},
          {"largest_norm", finite_or_null(facts.largest_norm)},
          {"smallest_separation", finite_or_null(facts.smallest_separation)},
          {"largest_backward", finite_or_null(facts.largest_backward)},
          {"largest_product", finite_or_null(facts.largest_product)},
          {"lambda_min", finite_or_null(facts.lambda_min)},
          {"spectrum", facts.spectrum},
          {"num_samples", facts.num_samples}};
}

claims::InitialFacts initial_from_json(const json& object) {
  return {.smallest_norm = numbers_or_nan(object.at("smallest_norm")),
          .largest_norm = numbers_or_nan(object.at("largest_norm")),
          .smallest_separation = numbers_or_nan(object.at("smallest_separation")),
          .largest_backward = numbers_or_nan(object.at("largest_backward")),
          .largest_product = number_or_nan(object, "largest_product"),
          .lambda_min = number_or_nan(object, "lambda_min"),
          .spectrum = object.value("spectrum", std::vector<double>()),
          .num_samples = object.at("num_samples")};
}

json to_json(const PredictedCurve& curve) {
  return {{"ratio", curve.ratio},
          {"steps", curve.steps ? json(*curve.steps) : json()},
          {"uncertainty", finite_or_null(curve.uncertainty)},
          {"step", curve.step},
          {"objective", finite_or_null(curve.objective)}};
}

PredictedCurve curve_from_json(const json& object) {
  PredictedCurve curve{.ratio = object.at("ratio"),
                       .uncertainty = number_or_nan(object, "uncertainty"),
                       .step = object.at("step"),
                       .objective = numbers_or_nan(object.at("objective"))};
  if (!object.at("steps").is_null()) curve.steps = object.at("steps").get<std::int64_t>();
  return curve;
}

constexpr const char* kPictures = "arrays/pictures.npy";

RunRecord record_from_json(const json& document) {
  const auto& data = document.at("data");
  const auto& network = document.at("network");
  RunRecord record;
  record.name = document.at("name");
  record.created = document.at("created");
  record.settings_toml = document.at("settings");
  record.data_name = data.at("name");
  record.data_source = data.at("source");
  record.normalisation = document.at("normalisation");
  record.closest_first = data.at("closest_pair").at(0);
  record.closest_second = data.at("closest_pair").at(1);
  record.num_duplicates = data.at("duplicates");
  record.num_conflicting = data.at("conflicting_duplicates");
  record.stopped_by = document.at("stopped_by");
  record.reached_target = document.at("reached_target");
  record.train_accuracy = number_or_nan(document, "train_accuracy");
  record.test_accuracy = number_or_nan(document, "test_accuracy");
  record.seconds = document.at("seconds");
  record.num_parameters = network.at("parameters");
  record.num_trained = network.at("trained_parameters");
  record.peak_memory = document.at("peak_memory_bytes");
  record.environment = document.at("environment");
  if (document.contains("products")) record.products = document.at("products");
  record.predicted = curve_from_json(document.at("prediction"));
  if (const auto regime = document.find("kernel_regime"); regime != document.end()) {
    record.regime = {.drift = number_or_nan(*regime, "kernel_drift"),
                     .num_samples = regime->at("samples")};
  }
  auto& facts = record.facts;
  facts.n = data.at("samples");
  facts.d = network.at("outputs");
  facts.m = network.at("width");
  facts.L = network.at("depth");
  facts.input_size = network.at("input_size");
  facts.separation = number_or_nan(document, "separation");
  facts.irreducible_objective = data.at("irreducible_objective");
  facts.network = network.at("name");
  facts.method = document.at("method");
  facts.loss = document.at("loss");
  facts.batch_size = document.at("batch_size");
  facts.step_size = document.at("step_size");
  facts.lambda_max = document.at("lambda_max");
  facts.initial_objective = number_or_nan(document, "initial_objective");
  facts.final_objective = number_or_nan(document, "objective");
  facts.steps = document.at("steps");
  facts.initial = initial_from_json(document.at("initial"));
  return record;
}

}  // namespace

std::string version() { return OVERPARAM_VERSION; }

json environment_json() {
  return {{"overparam", version()},
          {"libtorch", TORCH_VERSION},
          {"blas", base::blas_name()},
          {"processor", processor_name()},
          {"cores", base::available_threads()}};
}

json products_json(linalg::Products used) {
  json rates = json::object();
  for (const auto& [products, flops] : linalg::product_table()) {
    rates[linalg::to_string(products)] = flops;
  }
  return {{"used", linalg::to_string(used)}, {"operations_per_second", rates}};
}

double RunRecord::excess() const {
  if (!predicted.steps || *predicted.steps == 0) return std::numeric_limits<double>::quiet_NaN();
  for (const auto& point : facts.trajectory) {
    if (point.objective <= predicted.ratio * facts.initial_objective) {
      return static_cast<double>(point.step) / static_cast<double>(*predicted.steps);
    }
  }
  return std::numeric_limits<double>::quiet_NaN();
}

json to_json(const RunRecord& record) {
  const auto& facts = record.facts;
  json document{
      {"schema", kSchema},
      {"version", version()},
      {"kind", "train"},
      {"name", record.name},
      {"created", record.created},
      {"initial_objective", finite_or_null(facts.initial_objective)},
      {"objective", finite_or_null(facts.final_objective)},
      {"steps", facts.steps},
      {"stopped_by", record.stopped_by},
      {"reached_target", record.reached_target},
      {"train_accuracy", finite_or_null(record.train_accuracy)},
      {"separation", finite_or_null(facts.separation)},
      {"step_size", facts.step_size},
      {"lambda_max", facts.lambda_max},
      {"predicted_steps", record.predicted.steps ? json(*record.predicted.steps) : json()},
      {"normalisation", record.normalisation},
      {"seconds", record.seconds},
      {"method", facts.method},
      {"loss", facts.loss},
      {"batch_size", facts.batch_size},
      {"peak_memory_bytes", record.peak_memory},
      {"network",
       {{"name", facts.network},
        {"width", facts.m},
        {"depth", facts.L},
        {"outputs", facts.d},
        {"input_size", facts.input_size},
        {"parameters", record.num_parameters},
        {"trained_parameters", record.num_trained}}},
      {"data",
       {{"name", record.data_name},
        {"source", record.data_source},
        {"samples", facts.n},
        {"closest_pair", {record.closest_first, record.closest_second}},
        {"duplicates", record.num_duplicates},
        {"conflicting_duplicates", record.num_conflicting},
        {"irreducible_objective", facts.irreducible_objective}}},
      {"initial", to_json(facts.initial)},
      {"prediction", to_json(record.predicted)},
      {"kernel_regime",
       {{"answer", record.regime.answer()},
        {"kernel_drift", finite_or_null(record.regime.drift)},
        {"samples", record.regime.num_samples},
        {"radius", facts.trajectory.empty() ? json() : json(facts.trajectory.back().radius())},
        {"sign_changes",
         facts.trajectory.empty() ? json() : finite_or_null(facts.trajectory.back().sign_changes)},
        {"steps_over_predicted", finite_or_null(record.excess())}}},
      {"environment", record.environment},
      {"products", record.products},
      {"settings", record.settings_toml},
      {"picture_labels", picture_labels(record.pictures)},
  };
  if (std::isfinite(record.test_accuracy)) document["test_accuracy"] = record.test_accuracy;
  if (const auto order = convergence_order(record)) document["newton"] = to_json(*order);
  json certificate = json::array();
  for (const auto& line : claims::certify(facts)) {
    certificate.push_back({{"claim", line.claim},
                           {"quantity", line.quantity},
                           {"measured", finite_or_null(line.measured)},
                           {"bound", finite_or_null(line.bound)},
                           {"constant", finite_or_null(line.constant())},
                           {"kind", line.upper ? "upper" : "lower"},
                           {"holds", line.holds()}});
  }
  document["certificate"] = certificate;
  return document;
}

json to_json(const train::TrajectoryPoint& point) {
  json line{{"step", point.step},
            {"seconds", point.seconds},
            {"objective", finite_or_null(point.objective)},
            {"accuracy", finite_or_null(point.accuracy)}};
  if (point.is_full) {
    line["squared_gradient"] = finite_or_null(point.squared_gradient);
    line["spectral_distance"] = finite_or_null(point.spectral_distance);
    line["frobenius_distance"] = finite_or_null(point.frobenius_distance);
    line["sign_changes"] = point.sign_changes;
  }
  if (point.newton) {
    line["predicted"] = finite_or_null(point.newton->predicted);
    line["iterations"] = point.newton->iterations;
    line["residual"] = finite_or_null(point.newton->residual);
    line["lambda"] = point.newton->damping;
    line["length"] = point.newton->length;
  }
  return line;
}

train::TrajectoryPoint point_from_json(const json& line) {
  train::TrajectoryPoint point{.step = line.at("step"),
                               .seconds = line.at("seconds"),
                               .objective = number_or_nan(line, "objective"),
                               .accuracy = number_or_nan(line, "accuracy"),
                               .is_full = line.contains("frobenius_distance")};
  if (point.is_full) {
    point.squared_gradient = number_or_nan(line, "squared_gradient");
    point.spectral_distance = numbers_or_nan(line.at("spectral_distance"));
    point.frobenius_distance = number_or_nan(line, "frobenius_distance");
    point.sign_changes = line.at("sign_changes").get<std::vector<double>>();
  }
  if (line.contains("predicted")) {
    point.newton = {.predicted = number_or_nan(line, "predicted"),
                    .iterations = line.at("iterations"),
                    .residual = number_or_nan(line, "residual"),
                    .damping = line.at("lambda"),
                    .length = line.at("length")};
  }
  return point;
}

void write_pictures(const fs::path& folder, const report::ImageGrid& grid) {
  if (grid.images.empty()) return;
  const auto count = static_cast<std::int64_t>(grid.images.size());
  at::Tensor pixels = at::empty({count, grid.channels, grid.height, grid.width}, at::kFloat);
  for (std::int64_t i = 0; i < count; ++i) {
    std::ranges::copy(grid.images[static_cast<std::size_t>(i)].pixels, pixels[i].data_ptr<float>());
  }
  base::write_npy(folder / kPictures, pixels);
}

std::vector<std::string> picture_labels(const report::ImageGrid& grid) {
  std::vector<std::string> labels;
  for (const auto& image : grid.images) labels.push_back(image.label);
  return labels;
}

report::ImageGrid read_pictures(const fs::path& folder, const std::vector<std::string>& labels) {
  report::ImageGrid grid{.id = "samples",
                         .title = "The first training samples",
                         .caption = "As they were read, before normalisation, with their labels."};
  if (labels.empty()) return grid;
  const at::Tensor pixels = base::read_npy(folder / kPictures).to(at::kFloat).contiguous();
  base::require(pixels.dim() == 4 && pixels.size(0) == std::ssize(labels),
                ErrorKind::data,
                "{}: does not hold the {} pictures that run.json lists",
                (folder / kPictures).string(),
                labels.size());
  grid.channels = static_cast<int>(pixels.size(1));
  grid.height = static_cast<int>(pixels.size(2));
  grid.width = static_cast<int>(pixels.size(3));
  for (const auto& label : labels) {
    const at::Tensor image = pixels[std::ssize(grid.images)];
    const float* begin = image.data_ptr<float>();
    grid.images.push_back({.pixels = {begin, begin + image.numel()}, .label = label});
  }
  return grid;
}

RunRecord read_run(const fs::path& folder) {
  const fs::path path = folder / kRecord;
  base::require(fs::exists(path),
                ErrorKind::data,
                "{}: not a finished run, it has no run.json",
                folder.string());
  try {
    const json document = base::read_json(path);
    const std::string kind = document.is_object() ? document.value("kind", "") : "";
    base::require(kind != "vision-run",
                  ErrorKind::data,
                  "{}: the run of a network of images: report and landscape take it",
                  path.string());
    base::require(kind == "train", ErrorKind::data, "{}: not a training run", path.string());
    RunRecord record = record_from_json(document);
    record.pictures = read_pictures(folder, document.at("picture_labels"));
    const fs::path metrics = folder / kMetrics;
    base::require(
        fs::exists(metrics), ErrorKind::data, "{}: missing from the run", metrics.string());
    for_each_row(metrics, [&](const json& line) {
      record.facts.trajectory.push_back(point_from_json(line));
    });
    return record;
  } catch (const json::exception& error) {
    base::fail(ErrorKind::data, "{}: damaged ({})", path.string(), error.what());
  }
}

}  // namespace overparam::study
