// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "overparam/study/measurement.hpp"
#include "overparam/study/voice.hpp"

namespace overparam::study {

struct MeasuringOptions {
  std::filesystem::path folder;  ///< where rows are kept, as rows.jsonl; empty: nowhere
  int threads = 0;
  bool fresh = false;  ///< what the folder holds of the plan's owners is measured again
};

struct MeasuringResult {
  std::vector<Measured> measured;  ///< as planned; without those that an interrupt left out
  std::int64_t now = 0;            ///< measured now
  std::int64_t reused = 0;         ///< found in the folder
  bool interrupted = false;
};

/// Takes what the folder holds and runs the rest side by side. Each finished measurement is one
/// line on disk at once, so a killed process loses only those that were running.
/// @param what begins the line that says how many there are
MeasuringResult measure_all(const std::vector<Measurement>& plan,
                            const MeasuringOptions& options,
                            const std::string& what,
                            const Voice& voice);

}  // namespace overparam::study
