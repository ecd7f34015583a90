// SPDX-License-Identifier: Apache-2.0
// stdout carries the result, stderr everything else.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "arguments.hpp"
#include "overparam/report/table.hpp"
#include "overparam/study/voice.hpp"

namespace overparam::app {

enum ExitCode {
  kDone = 0,
  kMissed = 1,  ///< a target was missed, or a verdict differs from what its claim expects
  kUsage = 2,
  kData = 3,
  kDiverged = 4,
  kRefused = 5,  ///< would not fit
  kInternal = 70,
  kInterrupted = 130,
  kTerminated = 143,
};

/// Speaks on stderr, and not at all where the arguments say --quiet.
study::Voice voice_for(const Arguments& arguments);

void print(const std::string& text);
void print(const nlohmann::json& document);
void print(const report::Table& table);

/// @throws Error(capacity) if what was printed could not be written
void flush();

/// 130 or 143, after the signal that arrived.
int interrupted_exit();

/// Ensures that products are fast enough to be worth waiting for, or says what to install.
void warn_about_slow_products(const study::Voice& voice);

}  // namespace overparam::app
