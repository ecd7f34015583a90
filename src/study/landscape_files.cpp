// SPDX-License-Identifier: Apache-2.0
#include "landscape_files.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>

#include "json_fields.hpp"
#include "overparam/base/array_files.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/hdf5.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/base/mapped_array.hpp"
#include "overparam/base/require.hpp"

namespace overparam::study {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kFacts = "landscape.json";
constexpr const char* kAxes = "axes.safetensors";
constexpr const char* kCells = "cells.npy";

/// "epoch 40" -> "epoch-40"
std::string folder_name(const std::string& name) {
  std::string folder;
  for (const char c : name) {
    folder += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' ? c : '-';
  }
  return folder;
}

json to_json(const linalg::Estimate& estimate) {
  return {{"value", finite_or_null(estimate.value)},
          {"standard_error", finite_or_null(estimate.standard_error)}};
}

linalg::Estimate estimate_from(const json& object) {
  return {.value = number_or_nan(object, "value"),
          .standard_error = number_or_nan(object, "standard_error")};
}

json to_json(const CurvatureFacts& facts) {
  return {{"method", facts.method},
          {"curvature", finite_or_null(facts.curvature)},
          {"of_batches", to_json(facts.of_batches)},
          {"held_out", to_json(facts.held_out)},
          {"residual", finite_or_null(facts.residual)},
          {"claimed_residual", finite_or_null(facts.claimed_residual)},
          {"products", facts.products},
          {"converged", facts.converged}};
}

json to_json(const curvature::LineMinimum& minimum) {
  return {{"step", minimum.step},
          {"objective", finite_or_null(minimum.objective)},
          {"evaluations", minimum.evaluations}};
}

curvature::LineMinimum minimum_from(const json& object) {
  return {.step = object.at("step"),
          .objective = number_or_nan(object, "objective"),
          .evaluations = object.at("evaluations")};
}

CurvatureFacts curvature_from(const json& object) {
  return {.method = object.at("method"),
          .curvature = number_or_nan(object, "curvature"),
          .of_batches = estimate_from(object.at("of_batches")),
          .held_out = estimate_from(object.at("held_out")),
          .residual = number_or_nan(object, "residual"),
          .claimed_residual = number_or_nan(object, "claimed_residual"),
          .products = object.at("products"),
          .converged = object.at("converged")};
}

SecondOpinion second_opinion_from(const json& object) {
  SecondOpinion opinion;
  opinion.facts = curvature_from(object);
  opinion.cosine = number_or_nan(object, "cosine");
  opinion.difference = number_or_nan(object, "difference");
  return opinion;
}

json to_json(const curvature::DescentCriteria& criteria) {
  return {{"best_step", finite_or_null(criteria.best_step)},
          {"drop", finite_or_null(criteria.drop)},
          {"benefit", finite_or_null(criteria.benefit)},
          {"second_order_share", finite_or_null(criteria.second_order_share)},
          {"quadratic", finite_or_null(criteria.quadratic)}};
}

curvature::DescentCriteria criteria_from(const json& object) {
  return {.best_step = number_or_nan(object, "best_step"),
          .drop = number_or_nan(object, "drop"),
          .benefit = number_or_nan(object, "benefit"),
          .second_order_share = number_or_nan(object, "second_order_share"),
          .quadratic = number_or_nan(object, "quadratic")};
}

template <typename Value, typename Read>
std::optional<Value> optional_at(const json& object, const char* key, const Read& read) {
  if (!object.contains(key) || object.at(key).is_null()) return std::nullopt;
  return read(object.at(key));
}

template <typename Value>
json or_null(const std::optional<Value>& value) {
  return value ? to_json(*value) : json();
}

}  // namespace

json to_json(const Landscape& landscape) {
  json modes = json::array();
  for (const auto& mode : landscape.modes) {
    modes.push_back({{"mode", mode.mode},
                     {"objective", finite_or_null(mode.objective)},
                     {"gradient_norm", finite_or_null(mode.gradient_norm)}});
  }
  json axes = json::array();
  for (const auto& axis : landscape.axes) {
    axes.push_back({{"name", axis.name},
                    {"is_gradient", axis.is_gradient},
                    {"is_negative", axis.is_negative},
                    {"length", axis.length},
                    {"curvature", or_null(axis.curvature)}});
  }
  json path = json::array();
  for (const auto& point : landscape.path) {
    path.push_back(
        {{"name", point.name}, {"x", point.x}, {"y", point.y}, {"residual", point.residual}});
  }
  json second;
  if (landscape.second) {
    second = to_json(landscape.second->facts);
    second["cosine"] = finite_or_null(landscape.second->cosine);
    second["difference"] = finite_or_null(landscape.second->difference);
  }
  return {{"name", landscape.name},
          {"epoch", landscape.epoch},
          {"step_size", finite_or_null(landscape.step_size)},
          {"weights_norm", landscape.weights_norm},
          {"objective", finite_or_null(landscape.here.objective)},
          {"accuracy", finite_or_null(landscape.here.accuracy)},
          {"gradient_norm", finite_or_null(landscape.gradient_norm)},
          {"modes", modes},
          {"axes", axes},
          {"cosine", finite_or_null(landscape.cosine)},
          {"largest", finite_or_null(landscape.largest)},
          {"second", second},
          {"descent", or_null(landscape.descent)},
          {"criteria", or_null(landscape.criteria)},
          {"trace", or_null(landscape.trace)},
          {"density",
           {{"points", landscape.density_points},
            {"values", landscape.density},
            {"standard_errors", landscape.density_errors}}},
          {"negative_share", or_null(landscape.negative_share)},
          {"x", landscape.x},
          {"y", landscape.y},
          {"path", path},
          {"seconds", landscape.seconds}};
}

Landscape landscape_from_json(const json& document) {
  Landscape landscape{.name = document.at("name"),
                      .epoch = document.at("epoch"),
                      .step_size = number_or_nan(document, "step_size"),
                      .weights_norm = document.at("weights_norm")};
  landscape.here = {.objective = number_or_nan(document, "objective"),
                    .accuracy = number_or_nan(document, "accuracy")};
  landscape.gradient_norm = number_or_nan(document, "gradient_norm");
  for (const auto& mode : document.at("modes")) {
    landscape.modes.push_back(
        {mode.at("mode"), number_or_nan(mode, "objective"), number_or_nan(mode, "gradient_norm")});
  }
  for (const auto& axis : document.at("axes")) {
    landscape.axes.push_back(
        {.name = axis.at("name"),
         .is_gradient = axis.at("is_gradient"),
         .is_negative = axis.at("is_negative"),
         .length = axis.at("length"),
         .curvature = optional_at<CurvatureFacts>(axis, "curvature", curvature_from)});
  }
  landscape.cosine = number_or_nan(document, "cosine");
  landscape.largest = number_or_nan(document, "largest");
  landscape.second = optional_at<SecondOpinion>(document, "second", second_opinion_from);
  landscape.criteria = optional_at<curvature::DescentCriteria>(document, "criteria", criteria_from);
  landscape.descent = optional_at<curvature::LineMinimum>(document, "descent", minimum_from);
  landscape.trace = optional_at<linalg::Estimate>(document, "trace", estimate_from);
  const auto& density = document.at("density");
  landscape.density_points = density.at("points").get<std::vector<double>>();
  landscape.density = density.at("values").get<std::vector<double>>();
  for (const auto& error : density.at("standard_errors")) {
    landscape.density_errors.push_back(error.is_null() ? INFINITY : error.get<double>());
  }
  landscape.negative_share =
      optional_at<linalg::Estimate>(document, "negative_share", estimate_from);
  landscape.x = document.at("x").get<std::vector<double>>();
  landscape.y = document.at("y").get<std::vector<double>>();
  for (const auto& point : document.at("path")) {
    landscape.path.push_back(
        {point.at("name"), point.at("x"), point.at("y"), point.at("residual")});
  }
  landscape.seconds = document.at("seconds");
  return landscape;
}

void forget_landscape(const fs::path& folder, const std::string& name) {
  const fs::path below = folder / folder_name(name);
  // Cells first: facts without cells are a search to go on from, cells without facts are no one's.
  fs::remove(below / kCells);
  base::MappedArray::forget(below / kCells);
  fs::remove(below / kFacts);
}

LandscapeFiles::LandscapeFiles(const fs::path& folder,
                               const std::string& name,
                               std::string identity,
                               at::Tensor weights)
    : folder_(folder / folder_name(name)),
      identity_(std::move(identity)),
      weights_(std::move(weights)) {
  base::make_writable_folder(folder_);
}

std::optional<LandscapeFiles::Kept> LandscapeFiles::read_facts() const {
  if (!fs::exists(folder_ / kFacts) || !fs::exists(folder_ / kAxes)) return std::nullopt;
  const json document = base::read_json(folder_ / kFacts);
  Kept kept;
  try {
    const bool same = document.at("identity") == identity_;
    base::require(
        same,
        ErrorKind::usage,
        "{}: holds a landscape of other settings; choose another --out, or add --fresh to "
        "replace it",
        folder_.string());
    kept.landscape = landscape_from_json(document);
  } catch (const json::exception& error) {
    base::fail(ErrorKind::data, "{}: {}", (folder_ / kFacts).string(), error.what());
  }
  const auto file = base::read_safetensors(folder_ / kAxes);
  for (std::size_t i = 0; i < kept.landscape.axes.size(); ++i) {
    const at::Tensor* axis = file.find(i == 0 ? "x" : "y");
    base::require(axis != nullptr && axis->numel() == weights_.numel(),
                  ErrorKind::data,
                  "{}: lacks an axis of {} numbers",
                  (folder_ / kAxes).string(),
                  weights_.numel());
    kept.axes.push_back(axis->to(weights_.options()));
  }
  return kept;
}

fs::path LandscapeFiles::cells() const { return folder_ / kCells; }

std::optional<at::Tensor> LandscapeFiles::read_cells(std::int64_t rows,
                                                     std::int64_t columns) const {
  if (!fs::exists(cells())) return std::nullopt;
  at::Tensor read = base::read_npy(cells());
  base::require(
      read.sizes() == at::IntArrayRef{2, rows, columns} && read.scalar_type() == at::kDouble,
      ErrorKind::data,
      "{}: expected cells (2, {}, {}) in float64, found {} in {}; --fresh makes them again",
      cells().string(),
      rows,
      columns,
      fmt::format("({})", fmt::join(read.sizes(), ", ")),
      at::toString(read.scalar_type()));
  return read;
}

void LandscapeFiles::write_facts(const Landscape& landscape,
                                 const std::vector<at::Tensor>& axes) const {
  base::TensorFile file;
  file.tensors.emplace_back("centre", weights_.cpu());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    file.tensors.emplace_back(i == 0 ? "x" : "y", axes[i].cpu().contiguous());
  }
  base::write_safetensors(folder_ / kAxes, file);
  json document = to_json(landscape);
  document["identity"] = identity_;
  base::write_json(folder_ / kFacts, document);
}

void LandscapeFiles::write_results(const Landscape& landscape,
                                   const std::vector<at::Tensor>& axes) const {
  json document = to_json(landscape);
  document["identity"] = identity_;
  base::write_json(folder_ / kFacts, document);
  const at::Tensor x = at::tensor(landscape.x, at::kDouble);
  const at::Tensor y = at::tensor(landscape.y, at::kDouble);
  base::write_npy(folder_ / "x.npy", x);
  base::write_npy(folder_ / "y.npy", y);
  std::string csv = "x,y,objective,accuracy\r\n";
  const auto objective = landscape.objective.accessor<double, 2>();
  const auto accuracy = landscape.accuracy.accessor<double, 2>();
  for (std::int64_t i = 0; i < std::ssize(landscape.y); ++i) {
    for (std::int64_t j = 0; j < std::ssize(landscape.x); ++j) {
      csv += fmt::format("{},{},{},{}\r\n",
                         landscape.x[static_cast<std::size_t>(j)],
                         landscape.y[static_cast<std::size_t>(i)],
                         objective[i][j],
                         accuracy[i][j]);
    }
  }
  base::write_file(folder_ / "cells.csv", csv);
  if (!base::has_hdf5()) return;
  // loss-landscape's surfaces run over (x, y), and their accuracies are in percent.
  base::TensorFile surface{.tensors = {{"xcoordinates", x},
                                       {"ycoordinates", y},
                                       {"train_loss", landscape.objective.t().contiguous()},
                                       {"train_acc", (100 * landscape.accuracy).t().contiguous()},
                                       {"xdirection/0", axes[0].cpu().contiguous()}},
                           .metadata = {{"subject", landscape.name}}};
  if (axes.size() > 1) surface.tensors.emplace_back("ydirection/0", axes[1].cpu().contiguous());
  base::write_hdf5(folder_ / "surface.h5", surface);
}

}  // namespace overparam::study
