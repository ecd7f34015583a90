// SPDX-License-Identifier: Apache-2.0
// Over-parameterisation at work, with no data and in a minute: a wide network reaches a global
// minimum on drawn digits, and narrow ones on the same data do not. Gradient descent goes a part of
// the way; Gauss-Newton then goes all of it from the same weights.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "overparam/report/page.hpp"
#include "overparam/study/run_record.hpp"
#include "overparam/study/settings.hpp"
#include "overparam/study/voice.hpp"

namespace overparam::study {

struct Demo {
  /// Whether gradient descent and Gauss-Newton both came down as far as they should.
  [[nodiscard]] bool reached_targets() const;

  RunRecord main;                  ///< gradient descent
  std::vector<RunRecord> narrow;   ///< the same data and steps at smaller widths
  std::optional<RunRecord> exact;  ///< Gauss-Newton in float64; older demos lack it
};

/// The settings that a demo obeys; all others are fixed, wherever they were given.
const std::vector<std::string>& demo_keys();

/// What the wide network of the demo is trained with.
Settings demo_settings(const Settings& given);

/// The same data, network and initial weights for Gauss-Newton in float64, to 1e-20 of F_0.
Settings exact_settings(const Settings& demo);

/// The main run fills `folder`, the narrow ones the folders narrow/m-<width> below it, Gauss-Newton
/// the folder exact. When all have finished, demo.json lists them. An interrupted demo lacks runs
/// and has no demo.json.
Demo run_demo(const Settings& given, const std::filesystem::path& folder, const Voice& voice);

/// Whether a finished demo is in the folder.
bool is_demo(const std::filesystem::path& folder);

/// Writes demo.json, which names the other runs by their folders.
void write_demo(const Demo& demo, const std::filesystem::path& folder);

/// Reads the runs that demo.json lists. @throws Error(data) naming what is missing or damaged
Demo read_demo(const std::filesystem::path& folder);

nlohmann::json to_json(const Demo& demo);

/// The result of the main run in two columns, and what Gauss-Newton came to.
report::Table demo_table(const Demo& demo);
report::Page demo_page(const Demo& demo);

}  // namespace overparam::study
