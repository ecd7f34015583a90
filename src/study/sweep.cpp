// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/sweep.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>

#include "json_fields.hpp"
#include "option_tables.hpp"
#include "overparam/base/catalogue.hpp"
#include "overparam/base/clock.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/base/memory.hpp"
#include "overparam/base/progress.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/base/work_queue.hpp"
#include "overparam/data/sources.hpp"
#include "overparam/study/training.hpp"
#include "overparam/study/vision_run.hpp"
#include "overparam/train/trainer.hpp"
#include "row_files.hpp"
#include "run_settings.hpp"

namespace overparam::study {

using nlohmann::json;

namespace {

constexpr const char* kRows = "rows.jsonl";
constexpr const char* kFittedNumbers[] = {"steps", "lambda_max", "frobenius_distance", "radius"};

const Option& option_called(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& option : options()) {
    if (option.key == name || option.flag == "--" + name) {
      base::require(decides_numbers(option),
                    ErrorKind::usage,
                    "--over: runs do not differ in {}; expected a setting of data, network or "
                    "train, seed, dtype or precision",
                    option.key);
      return option;
    }
    if (!decides_numbers(option)) continue;
    names.push_back(option.flag.substr(2));
    names.push_back(option.key);
  }
  base::fail(
      ErrorKind::usage, "--over: \"{}\" is not a setting{}", name, base::did_you_mean(name, names));
}

/// "0..4" as 0, 1, 2, 3, 4; anything else as it is. Texts may hold dots: "../data".
std::vector<std::string> expand(const Option& option, const std::string& value) {
  const auto dots = value.find("..");
  if (option.type == OptionType::text || dots == std::string::npos) return {value};
  const auto first = base::parse_integer(value.substr(0, dots));
  const auto last = base::parse_integer(value.substr(dots + 2));
  base::require(first && last && *first <= *last && *last - *first < 100'000,
                ErrorKind::usage,
                "--over: \"{}\" is not a range FIRST..LAST of whole numbers",
                value);
  std::vector<std::string> values;
  for (std::int64_t k = *first; k <= *last; ++k) values.push_back(std::to_string(k));
  return values;
}

/// All settings that decide a point's numbers, the rules to stop by among them.
std::string point_key(const Settings& settings) {
  std::string all = settings.to_toml({"data", "network", "train"}) + settings.text("run.seed") +
                    settings.text("run.dtype");
  // Only beside their defaults, so that the rows of older sweeps keep their keys.
  for (const char* key : {"run.precision", "run.device"}) {
    const std::string& value = settings.text(key);
    if (value != find_option(key, key).fallback) all += fmt::format(" {}={}", key, value);
  }
  return base::stable_key(all);
}

struct SweepPoint {
  Settings settings;
  std::vector<std::string> values;
};

std::vector<SweepPoint> points_of(const Settings& settings, const std::vector<SweepAxis>& axes) {
  std::vector<SweepPoint> points{{settings, {}}};
  for (const auto& axis : axes) {
    std::vector<SweepPoint> product;
    for (const auto& point : points) {
      for (const auto& value : axis.values) {
        product.push_back(point);
        product.back().settings.set(axis.key, value, "--over");
        product.back().values.push_back(product.back().settings.text(axis.key));
      }
    }
    points = std::move(product);
  }
  return points;
}

/// Whether two seeds give two data sets: a file with its own labels is the same for all of them.
bool data_need_seed(const Settings& settings) {
  const auto names = base::names_of(data::generators());
  return std::ranges::find(names, settings.text("data.source")) != names.end() ||
         settings.text("data.labels") != "true";
}

/// What decides the size of a point's data.
std::string size_key(const Settings& settings) {
  return settings.to_toml({"data"}) + settings.text("network.outputs") + ' ' +
         settings.text("run.dtype") + (wants_unit_inputs(settings) ? " unit" : "");
}

/// What decides a point's data.
std::string data_key(const Settings& settings) {
  return size_key(settings) + ' ' + (data_need_seed(settings) ? settings.text("run.seed") : "");
}

/// Data that several points train on: prepared once, and held until the last of them is done.
class SharedData {
 public:
  using Pointer = std::shared_ptr<const PreparedData>;

  /// Tells of a point that will `take` its data once. All are told before the first takes.
  void expect(const Settings& settings) { ++slots_[data_key(settings)].takers; }

  /// The data of a point, left here for its takers. @throws what `prepare_data` threw, each time
  Pointer look(const Settings& settings) {
    Slot& slot = slots_.at(data_key(settings));
    const std::scoped_lock lock(slot.mutex);
    return prepared(slot, settings);
  }

  /// The same for one taker, of whom the last takes them along.
  Pointer take(const Settings& settings) {
    Slot& slot = slots_.at(data_key(settings));
    const std::scoped_lock lock(slot.mutex);
    Pointer data = prepared(slot, settings);
    if (--slot.takers == 0) slot.data.reset();
    return data;
  }

 private:
  struct Slot {
    std::mutex mutex;
    std::int64_t takers = 0;
    Pointer data;
    std::exception_ptr error;
  };

  static Pointer prepared(Slot& slot, const Settings& settings) {
    if (slot.error) std::rethrow_exception(slot.error);
    if (slot.data) return slot.data;
    try {
      slot.data = std::make_shared<const PreparedData>(prepare_data(settings));
    } catch (...) {
      slot.error = std::current_exception();
      throw;
    }
    return slot.data;
  }

  std::map<std::string, Slot> slots_;
};

/// Plans from the data of one seed for all seeds, so that not all of them are held before the
/// start.
class Planner {
 public:
  explicit Planner(SharedData& data) : data_(data) {}

  /// Bytes of a point; 0 for one that cannot run and will say so itself.
  std::uint64_t bytes_of(const Settings& settings) {
    try {
      const auto key = size_key(settings);
      if (!sizes_.contains(key)) sizes_[key] = data_size(*data_.look(settings));
      return plan_point(settings, sizes_.at(key)).total();
    } catch (const std::exception&) {
      return 0;
    }
  }

 private:
  SharedData& data_;
  std::map<std::string, DataSize> sizes_;
};

SweepRow run_point(const SweepPoint& point, const PreparedData& data) {
  const RunRecord record = run_training(point.settings, data, {}, {});
  const auto& facts = record.facts;
  SweepRow row{
      .key = point_key(point.settings), .settings = point.values, .stopped_by = record.stopped_by};
  row.numbers = {{"steps", static_cast<double>(facts.steps)},
                 {"initial_objective", facts.initial_objective},
                 {"objective", facts.final_objective},
                 {"ratio", facts.final_objective / facts.initial_objective},
                 {"train_accuracy", record.train_accuracy},
                 {"test_accuracy", record.test_accuracy},
                 {"separation", facts.separation},
                 {"step_size", facts.step_size},
                 {"lambda_max", facts.lambda_max},
                 {"lambda_min", facts.initial.lambda_min},
                 {"seconds", record.seconds}};
  if (record.predicted.steps) {
    row.numbers["predicted_steps"] = static_cast<double>(*record.predicted.steps);
  }
  if (!facts.trajectory.empty()) {
    const auto& last = facts.trajectory.back();
    row.numbers["radius"] = last.radius();
    row.numbers["frobenius_distance"] = last.frobenius_distance;
    if (!last.sign_changes.empty()) {
      row.numbers["sign_changes"] = *std::ranges::max_element(last.sign_changes);
    }
  }
  return row;
}

json row_json(const SweepRow& row) {
  json numbers = json::object();
  for (const auto& [name, value] : row.numbers) numbers[name] = finite_or_null(value);
  return {{"key", row.key},
          {"settings", row.settings},
          {"stopped_by", row.stopped_by},
          {"numbers", numbers}};
}

SweepRow row_from_json(const json& line) {
  SweepRow row{
      .key = line.at("key"), .settings = line.at("settings"), .stopped_by = line.at("stopped_by")};
  for (const auto& [name, value] : line.at("numbers").items()) {
    row.numbers[name] = number_or_nan(value);
  }
  return row;
}

bool was_stopped_by(const SweepRow& row, std::initializer_list<train::StopReason> reasons) {
  return std::ranges::any_of(reasons, [&](train::StopReason reason) {
    return row.stopped_by == train::to_string(reason);
  });
}

bool is_usable(const SweepRow& row, const std::string& number) {
  using enum train::StopReason;
  if (number == "steps") {
    return was_stopped_by(row, {target_objective, target_ratio, target_accuracy, gradient_norm});
  }
  return !was_stopped_by(row, {diverged, not_finite});
}

std::vector<SweepFit> fit_rows(const SweepResult& result) {
  std::vector<SweepFit> fits;
  for (std::size_t a = 0; a < result.axes.size(); ++a) {
    if (result.axes[a].key == "run.seed") continue;  // a name, not a quantity
    for (const char* name : kFittedNumbers) {
      const auto points = fit_points(result, result.axes[a].key, name);
      const auto law = linalg::fit_power_law(points.x, points.y);
      if (law.levels >= 3) fits.push_back({result.axes[a].key, name, law, points.left_out});
    }
  }
  return fits;
}

}  // namespace

SweepAxis parse_axis(const std::string& text) {
  const auto equals = text.find('=');
  base::require(equals != std::string::npos && equals + 1 < text.size(),
                ErrorKind::usage,
                "--over: \"{}\" is not SETTING=VALUE,VALUE,... or SETTING=FIRST..LAST",
                text);
  const Option& option = option_called(text.substr(0, equals));
  SweepAxis axis{.key = option.key};
  for (const auto& part : base::split(text.substr(equals + 1), ',')) {
    for (auto& value : expand(option, part)) axis.values.push_back(std::move(value));
  }
  return axis;
}

DataSize data_size(const PreparedData& data) {
  const auto& train = data.dataset.train;
  DataSize size{.samples = train.size(), .input = network_input(data)};
  const auto add = [&](const data::Samples& samples) {
    for (const auto* tensor : {&samples.inputs, &samples.targets, &samples.labels}) {
      if (tensor->defined()) size.bytes += tensor->nbytes();
    }
  };
  add(train);
  if (data.dataset.test) add(*data.dataset.test);
  return size;
}

base::MemoryPlan plan_point(const Settings& settings, const DataSize& size) {
  auto plan = plan_memory(settings, build_architecture(settings, size.input), size.samples);
  plan.add("data", size.bytes);
  return plan;
}

FitPoints fit_points(const SweepResult& result,
                     const std::string& axis,
                     const std::string& number) {
  FitPoints points;
  for (std::size_t a = 0; a < result.axes.size(); ++a) {
    if (result.axes[a].key != axis) continue;
    for (const auto& row : result.rows) {
      const auto level = base::parse_number(row.settings[a]);
      const auto value = row.numbers.find(number);
      const bool is_power = level && *level > 0 && value != row.numbers.end() &&
                            std::isfinite(value->second) && value->second > 0;
      if (!is_power || !is_usable(row, number)) {
        ++points.left_out;
        continue;
      }
      points.x.push_back(*level);
      points.y.push_back(value->second);
    }
  }
  return points;
}

SweepResult run_sweep(const Settings& settings,
                      const std::vector<SweepAxis>& axes,
                      const std::filesystem::path& folder,
                      const Voice& voice) {
  const base::Stopwatch watch;
  const auto points = points_of(settings, axes);
  for (const auto& point : points) refuse_vision(point.settings, "sweep");
  base::make_writable_folder(folder);
  std::map<std::string, SweepRow> finished;
  for_each_row(folder / kRows, [&](const json& line) {
    SweepRow row = row_from_json(line);
    finished[row.key] = std::move(row);
  });
  base::JsonLinesWriter writer(folder / kRows);
  std::mutex mutex;

  SweepResult result{.axes = axes};
  SharedData data;
  std::vector<const SweepPoint*> missing;
  for (const auto& point : points) {
    if (finished.contains(point_key(point.settings))) {
      ++result.reused;
      continue;
    }
    data.expect(point.settings);
    missing.push_back(&point);
  }
  Planner planner(data);
  std::vector<base::WorkItem> items;
  for (const auto* point : missing) {
    items.push_back({.name = base::join(point->values, " "),
                     .bytes = planner.bytes_of(point->settings),
                     .run = [&, point] {
                       SweepRow row = run_point(*point, *data.take(point->settings));
                       if (row.stopped_by == "interrupted") return;
                       const std::scoped_lock lock(mutex);
                       writer.append(row_json(row));
                       finished[row.key] = std::move(row);
                     }});
  }
  voice.say(fmt::format("{} runs, {} of them already there", points.size(), result.reused));
  base::ProgressLine progress("run", static_cast<std::int64_t>(items.size()), voice.progress);
  const base::WorkQueue queue(
      {.threads = static_cast<int>(settings.integer("run.threads")),
       .memory_limit = memory_limit(settings),
       .on_finished = [&](std::int64_t done, std::int64_t, const std::string& name) {
         progress.update(done, name);
       }});
  const auto summary = queue.run(items);
  progress.finish();
  // A sweep of which nothing worked has one cause, which the first failure names.
  if (finished.empty()) summary.rethrow();
  for (const auto& failure : summary.failures) {
    try {
      std::rethrow_exception(failure.error);
    } catch (const std::exception& error) {
      result.failures.push_back(fmt::format("{}: {}", failure.name, error.what()));
      voice.warn(result.failures.back());
    }
  }

  for (const auto& point : points) {
    const auto row = finished.find(point_key(point.settings));
    if (row == finished.end()) continue;
    result.rows.push_back(row->second);
    result.rows.back().settings = point.values;
  }
  result.run = static_cast<std::int64_t>(result.rows.size()) - result.reused;
  result.fits = fit_rows(result);
  result.interrupted = base::interrupted();
  result.seconds = watch.seconds();
  return result;
}

json to_json(const SweepResult& result) {
  json rows = json::array();
  for (const auto& row : result.rows) {
    json settings = json::object();
    for (std::size_t a = 0; a < result.axes.size(); ++a) {
      settings[result.axes[a].key] = row.settings[a];
    }
    json entry = row_json(row);
    entry["settings"] = settings;
    rows.push_back(entry);
  }
  json fits = json::array();
  for (const auto& fit : result.fits) {
    fits.push_back({{"x", fit.x},
                    {"y", fit.y},
                    {"fitted", fit.law.exponent},
                    {"low", finite_or_null(fit.law.interval.low)},
                    {"high", finite_or_null(fit.law.interval.high)},
                    {"points", fit.law.points},
                    {"left_out", fit.left_out}});
  }
  return {{"schema", kSchema},
          {"version", version()},
          {"kind", "sweep"},
          {"rows", rows},
          {"fits", fits},
          {"run", result.run},
          {"reused", result.reused},
          {"failures", result.failures},
          {"interrupted", result.interrupted},
          {"seconds", result.seconds}};
}

report::Table sweep_table(const SweepResult& result) {
  report::Table table{.title = "Runs"};
  for (const auto& axis : result.axes) table.columns.push_back({axis.key, ""});
  const std::vector<report::Column> numbers{{"steps", "until the run stopped"},
                                            {"objective", "at the end", 3},
                                            {"ratio", "of the objective to its start", 3},
                                            {"train_accuracy", "", 3},
                                            {"lambda_max", "of the tangent kernel at the start", 3},
                                            {"radius", "max over layers of |W - W(0)|_2", 3},
                                            {"sign_changes", "largest share in a layer", 3},
                                            {"seconds", "", 3}};
  for (const auto& column : numbers) table.columns.push_back(column);
  table.columns.push_back({"stopped by", ""});
  for (const auto& row : result.rows) {
    std::vector<report::Cell> cells(row.settings.begin(), row.settings.end());
    for (const auto& column : numbers) {
      const auto number = row.numbers.find(column.name);
      const bool missing = number == row.numbers.end() || !std::isfinite(number->second);
      cells.push_back(missing ? report::Cell() : report::Cell(number->second));
    }
    cells.emplace_back(row.stopped_by);
    table.add_row(std::move(cells));
  }
  return table;
}

}  // namespace overparam::study
