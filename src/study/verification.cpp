// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/verification.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>

#include "json_fields.hpp"
#include "overparam/base/clock.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/base/progress.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/base/work_queue.hpp"
#include "overparam/study/run_record.hpp"
#include "row_files.hpp"

namespace overparam::study {

using claims::Claim;
using claims::Point;
using claims::Row;
using nlohmann::json;

namespace {

constexpr const char* kRows = "rows.jsonl";

std::string key_of(const Claim& claim, const Point& point) {
  return base::stable_key(
      fmt::format("{}|{}|{}|{}", claim.id, claim.revision, point.design, point.describe()));
}

json to_json(const Row& row) {
  json values = json::object();
  for (const auto& [name, value] : row.values) values[name] = finite_or_null(value);
  return {{"design", row.design}, {"family", row.family}, {"values", values}};
}

Row row_from_json(const json& object) {
  Row row{.design = object.at("design"), .family = object.at("family")};
  for (const auto& [name, value] : object.at("values").items()) {
    row.values[name] =
        value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
  }
  return row;
}

/// Rows by the key of their point, in memory and on disk.
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
  void add(const std::string& key, const Claim& claim, std::vector<Row> rows) {
    const std::scoped_lock lock(mutex_);
    if (writer_) {
      json lines = json::array();
      for (const auto& row : rows) lines.push_back(to_json(row));
      writer_->append({{"key", key}, {"claim", claim.id}, {"rows", lines}});
    }
    rows_[key] = std::move(rows);
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<Row>> rows_;
  std::optional<base::JsonLinesWriter> writer_;
};

std::vector<const Claim*> chosen_claims(const std::vector<std::string>& only) {
  std::vector<const Claim*> chosen;
  if (only.empty()) {
    for (const auto& claim : claims::claims()) chosen.push_back(&claim);
  }
  for (const auto& id : only) {
    const Claim* claim = &claims::find_claim(id);
    if (std::ranges::find(chosen, claim) == chosen.end()) chosen.push_back(claim);
  }
  return chosen;
}

std::vector<Point> points_of(const Claim& claim, const VerifyOptions& options) {
  std::vector<Point> points;
  for (const auto& design : claim.designs(options.scale)) {
    for (auto& point : claims::points_of(design, options.seed)) points.push_back(std::move(point));
  }
  return points;
}

std::string repeat_command(const Claim& claim, const VerifyOptions& options) {
  std::string command = fmt::format("overparam verify --only {}", claim.id);
  if (options.scale != claims::Scale::standard) {
    command += fmt::format(" --scale {}", claims::to_string(options.scale));
  }
  if (options.seed != 0) command += fmt::format(" --seed {}", options.seed);
  return command;
}

json to_json(const claims::FittedLaw& law) {
  return {{"name", law.name},
          {"predicted", law.predicted},
          {"bound", claims::to_string(law.bound)},
          {"fitted", finite_or_null(law.fitted)},
          {"low", finite_or_null(law.interval.low)},
          {"high", finite_or_null(law.interval.high)},
          {"constant", finite_or_null(law.constant)},
          {"points", law.points},
          {"inside_window", law.inside},
          {"verdict", claims::to_string(law.kind)}};
}

json to_json(const claims::CheckResult& check) {
  return {{"name", check.name},
          {"meaning", check.meaning},
          {"measured", finite_or_null(check.measured)},
          {"low", check.low},
          {"high", check.high},
          {"holds", check.holds}};
}

json to_json(const ClaimOutcome& outcome) {
  const Claim& claim = *outcome.claim;
  const auto& verdict = outcome.verdict;
  json expected = json::array();
  for (const auto kind : claim.expected) expected.push_back(claims::to_string(kind));
  json laws = json::array();
  for (const auto& law : verdict.laws) laws.push_back(to_json(law));
  json checks = json::array();
  for (const auto& check : verdict.checks) checks.push_back(to_json(check));
  return {{"id", claim.id},
          {"group", claims::to_string(claim.group)},
          {"statement", claim.statement},
          {"source", claim.source},
          {"quantity", claim.quantity},
          {"verdict", claims::to_string(verdict.kind)},
          {"expected", expected},
          {"as_expected", outcome.expected},
          {"reason", verdict.reason},
          {"laws", laws},
          {"checks", checks},
          {"inside_window", verdict.rows_inside},
          {"window", claim.window},
          {"seeds", verdict.seeds},
          {"rows", verdict.rows},
          {"repeat", outcome.repeat}};
}

}  // namespace

bool Verification::all_expected() const {
  return std::ranges::all_of(outcomes, [](const auto& outcome) { return outcome.expected; });
}

Verification verify(const VerifyOptions& options, const Voice& voice) {
  const base::Stopwatch watch;
  const auto chosen = chosen_claims(options.only);
  RowStore store(options.folder);

  Verification result{.options = options};
  std::vector<base::WorkItem> items;
  for (const Claim* claim : chosen) {
    for (const auto& point : points_of(*claim, options)) {
      const std::string key = key_of(*claim, point);
      if (store.find(key) != nullptr) {
        ++result.reused;
        continue;
      }
      items.push_back({.name = fmt::format("{} {}", claim->id, point.design),
                       .bytes = claim->memory ? claim->memory(point) : 0,
                       .run = [&store, claim, point, key] {
                         auto rows = claim->measure(point);
                         // An interrupt ends the training inside early: such rows measure nothing.
                         if (!base::interrupted()) store.add(key, *claim, std::move(rows));
                       }});
    }
  }
  voice.say(fmt::format("{} claims at scale {}: {} measurements, {} of them already there",
                        chosen.size(),
                        claims::to_string(options.scale),
                        items.size() + static_cast<std::size_t>(result.reused),
                        result.reused));

  base::ProgressLine progress("measured", static_cast<std::int64_t>(items.size()), voice.progress);
  const base::WorkQueue queue(
      {.threads = options.threads,
       .on_finished = [&](std::int64_t done, std::int64_t, const std::string& name) {
         progress.update(done, name);
       }});
  const auto summary = queue.run(items);
  progress.finish();
  result.measured = summary.finished;
  result.interrupted = base::interrupted();
  if (!result.interrupted) {
    for (const auto& failure : summary.failures) voice.warn(failure.name + " failed");
    summary.rethrow();
  }

  for (const Claim* claim : chosen) {
    ClaimOutcome outcome{.claim = claim, .repeat = repeat_command(*claim, options)};
    for (const auto& point : points_of(*claim, options)) {
      if (const auto* rows = store.find(key_of(*claim, point))) {
        outcome.rows.insert(outcome.rows.end(), rows->begin(), rows->end());
      }
    }
    outcome.verdict = claims::judge(*claim, outcome.rows);
    outcome.expected = claims::is_expected(*claim, outcome.verdict);
    result.outcomes.push_back(std::move(outcome));
  }
  result.seconds = watch.seconds();
  return result;
}

json to_json(const Verification& verification) {
  json list = json::array();
  for (const auto& outcome : verification.outcomes) list.push_back(to_json(outcome));
  return {{"schema", kSchema},
          {"version", version()},
          {"kind", "verify"},
          {"scale", claims::to_string(verification.options.scale)},
          {"seed", verification.options.seed},
          {"claims", list},
          {"all_expected", verification.all_expected()},
          {"measured", verification.measured},
          {"reused", verification.reused},
          {"interrupted", verification.interrupted},
          {"seconds", verification.seconds},
          {"environment", environment_json()}};
}

report::Table verdict_table(const Verification& verification) {
  report::Table table{
      .title = "Claims",
      .columns = {{"claim", "the entry's name; --only takes it"},
                  {"verdict", "over all laws and checks of the claim"},
                  {"law", "what is fitted, against what"},
                  {"bound", "the exponent the statement gives, and which side it binds"},
                  {"fitted", "the measured exponent", 3},
                  {"low", "95 % interval", 3},
                  {"high", "95 % interval", 3},
                  {"law's verdict", ""},
                  {"in window", "points inside the statement's window, of all"}}};
  for (const auto& outcome : verification.outcomes) {
    const auto& verdict = outcome.verdict;
    const std::string mark = outcome.expected ? "" : " (unexpected)";
    report::Cell id = outcome.claim->id;
    report::Cell kind = claims::to_string(verdict.kind) + mark;
    if (verdict.rows == 0) {
      std::vector<report::Cell> cells{id, kind, verdict.reason};
      cells.resize(table.columns.size());
      table.add_row(std::move(cells));
    }
    for (const auto& law : verdict.laws) {
      table.add_row(
          {id,
           kind,
           law.name,
           fmt::format("{} {}", claims::to_string(law.bound), base::format_number(law.predicted)),
           law.fitted,
           law.interval.low,
           law.interval.high,
           claims::to_string(law.kind),
           fmt::format("{} of {}", law.inside, law.points)});
      id = std::monostate();
      kind = std::monostate();
    }
    for (const auto& check : verdict.checks) {
      table.add_row({id,
                     kind,
                     check.name,
                     "check",
                     check.measured,
                     check.low,
                     check.high,
                     check.holds ? "holds" : "fails",
                     fmt::format("{} of {}", verdict.rows_inside, verdict.rows)});
      id = std::monostate();
      kind = std::monostate();
    }
  }
  return table;
}

}  // namespace overparam::study
