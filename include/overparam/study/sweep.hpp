// SPDX-License-Identifier: Apache-2.0
// Several training runs over a grid of settings.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "overparam/base/memory.hpp"
#include "overparam/linalg/fit.hpp"
#include "overparam/report/page.hpp"
#include "overparam/study/settings.hpp"
#include "overparam/study/training.hpp"
#include "overparam/study/voice.hpp"

namespace overparam::study {

struct PreparedData;

/// One setting and the values it takes.
struct SweepAxis {
  std::string key;
  std::vector<std::string> values;
};

/// Reads "network.width=64,128,256" or "run.seed=0..4"; a flag's name without dashes serves as
/// well: "width=64,128". @throws Error(usage)
SweepAxis parse_axis(const std::string& text);

/// What a point's memory depends on, of its data.
struct DataSize {
  std::int64_t samples = 0;
  NetworkInput input;
  std::uint64_t bytes = 0;  ///< of inputs, targets and labels, training and test part
};
DataSize data_size(const PreparedData& data);

/// Bytes that a point needs at once: those of its run, and of its data.
base::MemoryPlan plan_point(const Settings& settings, const DataSize& size);

/// One run of a sweep.
struct SweepRow {
  std::string key;                    ///< hash of all settings that decide the numbers
  std::vector<std::string> settings;  ///< values, one an axis
  std::string stopped_by;
  std::map<std::string, double> numbers;  ///< steps, objective, ratio, lambda_max, distance, ...
};

/// A power law of one number in one axis, over the rows that `fit_points` keeps.
struct SweepFit {
  std::string x, y;
  linalg::PowerLaw law;
  std::int64_t left_out = 0;  ///< rows that the fit does not use
};

struct SweepResult {
  std::vector<SweepAxis> axes;
  std::vector<SweepRow> rows;
  std::vector<SweepFit> fits;
  std::int64_t run = 0;     ///< points run now
  std::int64_t reused = 0;  ///< points found in the folder
  std::vector<std::string> failures;
  double seconds = 0;
  bool interrupted = false;
};

/// Runs every point that the folder does not hold yet, side by side within the memory plan. Points
/// with the same data settings and seed share their data. Each finished point is one line of
/// rows.jsonl, so a killed sweep goes on where it was.
SweepResult run_sweep(const Settings& settings,
                      const std::vector<SweepAxis>& axes,
                      const std::filesystem::path& folder,
                      const Voice& voice);

/// What a law is fitted to, and what its chart shows.
struct FitPoints {
  std::vector<double> x, y;
  std::int64_t left_out = 0;
};

/// The rows that say something about `number` as a power of `axis`: those of runs that did not
/// diverge, with a positive finite value of both. Steps are those to a target, so that a run which
/// was cut off before it reached one says nothing about them.
FitPoints fit_points(const SweepResult& result, const std::string& axis, const std::string& number);

nlohmann::json to_json(const SweepResult& result);
report::Table sweep_table(const SweepResult& result);
report::Page sweep_page(const SweepResult& result);

}  // namespace overparam::study
