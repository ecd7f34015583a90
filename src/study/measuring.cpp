// SPDX-License-Identifier: Apache-2.0
#include "measuring.hpp"

#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "json_fields.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/base/progress.hpp"
#include "overparam/base/text.hpp"
#include "overparam/base/work_queue.hpp"
#include "row_files.hpp"

namespace overparam::study {

using claims::Point;
using claims::Row;
using nlohmann::json;

namespace {

constexpr const char* kRows = "rows.jsonl";

json to_json(const Row& row) {
  json values = json::object();
  for (const auto& [name, value] : row.values) values[name] = finite_or_null(value);
  return {{"design", row.design}, {"family", row.family}, {"values", values}};
}

Row row_from_json(const json& object) {
  Row row{.design = object.at("design"), .family = object.at("family")};
  for (const auto& [name, value] : object.at("values").items()) {
    row.values[name] = number_or_nan(value);
  }
  return row;
}

/// Takes the rows of these owners out of the file, and leaves those of others.
void forget_rows(const std::filesystem::path& path, const std::set<std::string>& owners) {
  if (!std::filesystem::exists(path)) return;
  std::string kept;
  for_each_row(path, [&](const json& line) {
    if (!owners.contains(line.at("of").get<std::string>())) kept += base::json_text(line) + '\n';
  });
  base::write_file(path, kept);
}

/// Rows by the key of their measurement, in memory and on disk.
class RowStore {
 public:
  explicit RowStore(const std::filesystem::path& folder) {
    if (folder.empty()) return;
    base::make_writable_folder(folder);
    for_each_row(folder / kRows, [&](const json& line) {
      std::vector<Row> rows;
      for (const auto& row : line.at("rows")) rows.push_back(row_from_json(row));
      rows_[line.at("key")] = std::move(rows);
    });
    writer_.emplace(folder / kRows);
  }

  [[nodiscard]] const std::vector<Row>* find(const std::string& key) const {
    const auto entry = rows_.find(key);
    return entry == rows_.end() ? nullptr : &entry->second;
  }

  /// May be called from several workers.
  void add(const Measurement& measurement, std::vector<Row> rows) {
    const std::scoped_lock lock(mutex_);
    if (writer_) {
      json lines = json::array();
      for (const auto& row : rows) lines.push_back(to_json(row));
      writer_->append({{"key", measurement.key}, {"of", measurement.owner}, {"rows", lines}});
    }
    rows_[measurement.key] = std::move(rows);
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<Row>> rows_;
  std::optional<base::JsonLinesWriter> writer_;
};

}  // namespace

Measurement measurement_of(const std::string& owner,
                           int revision,
                           const Point& point,
                           std::uint64_t bytes,
                           const std::function<std::vector<Row>(const Point&)>& run) {
  return {.owner = owner,
          .key = base::stable_key(
              fmt::format("{}|{}|{}|{}", owner, revision, point.design, point.describe())),
          .name = fmt::format("{} {}", owner, point.design),
          .bytes = bytes,
          .run = [run, point] { return run(point); }};
}

std::vector<Row> rows_of(const std::vector<Measured>& measured, const std::string& owner) {
  std::vector<Row> rows;
  for (const auto& one : measured) {
    if (one.owner == owner) rows.insert(rows.end(), one.rows.begin(), one.rows.end());
  }
  return rows;
}

MeasuringResult measure_all(const std::vector<Measurement>& plan,
                            const MeasuringOptions& options,
                            const std::string& what,
                            const Voice& voice) {
  if (options.fresh && !options.folder.empty()) {
    std::set<std::string> owners;
    for (const auto& measurement : plan) owners.insert(measurement.owner);
    forget_rows(options.folder / kRows, owners);
  }
  RowStore store(options.folder);
  std::vector<base::WorkItem> items;
  for (const auto& measurement : plan) {
    if (store.find(measurement.key) != nullptr) continue;
    items.push_back(
        {.name = measurement.name, .bytes = measurement.bytes, .run = [&store, &measurement] {
           auto rows = measurement.run();
           // An interrupt ends the training inside early: such rows measure nothing.
           if (!base::interrupted()) store.add(measurement, std::move(rows));
         }});
  }
  MeasuringResult result{.reused = static_cast<std::int64_t>(plan.size() - items.size())};
  voice.say(fmt::format(
      "{}: {} measurements, {} of them already there", what, plan.size(), result.reused));

  base::ProgressLine progress("measured", static_cast<std::int64_t>(items.size()), voice.progress);
  const base::WorkQueue queue(
      {.threads = options.threads,
       .on_finished = [&](std::int64_t done, std::int64_t, const std::string& name) {
         progress.update(done, name);
       }});
  const auto summary = queue.run(items);
  progress.finish();
  result.now = summary.finished;
  result.interrupted = base::interrupted();
  if (!result.interrupted) {
    for (const auto& failure : summary.failures) voice.warn(failure.name + " failed");
    summary.rethrow();
  }

  for (const auto& measurement : plan) {
    if (const auto* rows = store.find(measurement.key)) {
      result.measured.push_back({.owner = measurement.owner, .rows = *rows});
    }
  }
  return result;
}

}  // namespace overparam::study
