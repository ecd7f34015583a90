// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/data_summary.hpp"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>

#include "json_fields.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/data/prepare.hpp"
#include "overparam/study/run_record.hpp"
#include "prepare_stages.hpp"

namespace overparam::study {

namespace {

using base::format_count;
using base::format_number;
using data::Normalisation;

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::vector<std::string> parts;
  for (const auto size : shape) parts.push_back(std::to_string(size));
  return base::join(parts, " x ");
}

std::string class_text(const DataSummary& summary) {
  std::vector<std::string> parts;
  const auto& dataset = summary.prepared.dataset;
  for (std::size_t c = 0; c < summary.class_counts.size(); ++c) {
    parts.push_back(fmt::format(
        "{}: {}", dataset.class_name(static_cast<std::int64_t>(c)), summary.class_counts[c]));
  }
  return base::join(parts, ", ");
}

}  // namespace

DataSummary summarise_data(const Settings& settings) {
  DataSummary summary;
  const PreparedData raw = read_data(settings);
  const auto dtype = number_type(settings);
  for (const auto normalisation : {Normalisation::footnote3,
                                   Normalisation::sphere,
                                   Normalisation::unit,
                                   Normalisation::none}) {
    if (base::interrupted()) return summary;
    NormalisedView view{.normalisation = normalisation,
                        .is_chosen = normalisation == raw.normalisation};
    PreparedData prepared = raw;  // shares the raw inputs
    try {
      normalise_and_measure(prepared, normalisation, dtype);
      view.dimension = prepared.dataset.train.inputs.size(1);
      view.separation = prepared.separation;
    } catch (const Error& error) {
      if (view.is_chosen) throw;
      view.problem = error.what();
    }
    if (normalisation == Normalisation::none) {
      const at::Tensor norms = prepared.dataset.train.inputs.norm(2, 1);
      summary.largest_norm = norms.max().item<double>();
      summary.smallest_norm = norms.min().item<double>();
    }
    if (view.is_chosen) summary.prepared = std::move(prepared);
    summary.views.push_back(std::move(view));
  }
  const auto& train = summary.prepared.dataset.train;
  if (train.labels.defined()) {
    const at::Tensor counts = at::bincount(train.labels, {}, summary.prepared.dataset.num_classes);
    for (std::int64_t c = 0; c < counts.size(0); ++c) {
      summary.class_counts.push_back(counts[c].item<std::int64_t>());
    }
  }
  return summary;
}

nlohmann::json to_json(const DataSummary& summary) {
  const auto& prepared = summary.prepared;
  const auto& dataset = prepared.dataset;
  nlohmann::json views = nlohmann::json::object();
  for (const auto& view : summary.views) {
    views[data::to_string(view.normalisation)] =
        view.problem.empty()
            ? nlohmann::json{{"separation", finite_or_null(view.separation.distance)},
                             {"dimension", view.dimension}}
            : nlohmann::json{{"problem", view.problem}};
  }
  return {{"schema", kSchema},
          {"version", version()},
          {"kind", "data"},
          {"name", dataset.name},
          {"source", dataset.source},
          {"samples", dataset.train.size()},
          {"test_samples", dataset.test ? dataset.test->size() : 0},
          {"shape", dataset.shape},
          {"classes", dataset.num_classes},
          {"class_counts", summary.class_counts},
          {"outputs", prepared.num_outputs},
          {"largest_norm", summary.largest_norm},
          {"smallest_norm", summary.smallest_norm},
          {"normalisation", data::to_string(prepared.normalisation)},
          {"separation", finite_or_null(prepared.separation.distance)},
          {"closest_pair", {prepared.separation.first, prepared.separation.second}},
          {"separation_of_distinct", finite_or_null(prepared.distinct_separation.distance)},
          {"duplicates", prepared.duplicates.num_duplicates},
          {"conflicting_duplicates", prepared.duplicates.num_conflicting},
          {"irreducible_objective", prepared.duplicates.irreducible_squared},
          {"irreducible_cross_entropy", prepared.duplicates.irreducible_cross_entropy},
          {"normalisations", views}};
}

report::Table data_table(const DataSummary& summary) {
  const auto& prepared = summary.prepared;
  const auto& dataset = prepared.dataset;
  report::Table table{.columns = {{"quantity", ""}, {"value", ""}}};
  const auto add = [&](const std::string& name, const std::string& value) {
    table.add_row({name, value});
  };
  add("data", dataset.name);
  add("source", dataset.source);
  add("samples",
      fmt::format("{} training, {} test",
                  format_count(dataset.train.size()),
                  format_count(dataset.test ? dataset.test->size() : 0)));
  add("one input", shape_text(dataset.shape));
  add("norms",
      fmt::format("{} to {} before normalisation",
                  format_number(summary.smallest_norm, 4),
                  format_number(summary.largest_norm, 4)));
  if (!summary.class_counts.empty()) add("classes", class_text(summary));
  for (const auto& view : summary.views) {
    const std::string name = data::to_string(view.normalisation);
    add(fmt::format("separation, {}{}", name, view.is_chosen ? " (chosen)" : ""),
        view.problem.empty() ? fmt::format("{} between samples {} and {}",
                                           format_number(view.separation.distance, 4),
                                           view.separation.first,
                                           view.separation.second)
                             : view.problem);
  }
  const auto& duplicates = prepared.duplicates;
  add("duplicates",
      duplicates.groups.empty()
          ? "none"
          : fmt::format(
                "{} samples repeat an earlier one in {} groups; the distinct ones are {} apart",
                format_count(duplicates.num_duplicates),
                format_count(static_cast<std::int64_t>(duplicates.groups.size())),
                format_number(prepared.distinct_separation.distance, 4)));
  if (duplicates.num_conflicting > 0) {
    add("conflicts",
        fmt::format(
            "{} samples have equal inputs and different targets: no network gets the squared "
            "objective below {}",
            format_count(duplicates.num_conflicting),
            format_number(duplicates.irreducible_squared, 6)));
  }
  return table;
}

report::Page data_page(const DataSummary& summary) {
  report::Page page{.title = "Data", .subtitle = summary.prepared.dataset.name};
  report::Table table = data_table(summary);
  table.title = "Summary";
  page.blocks.push_back(std::move(table));
  if (!summary.prepared.pictures.images.empty()) page.blocks.push_back(summary.prepared.pictures);
  return page;
}

}  // namespace overparam::study
