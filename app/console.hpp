// SPDX-License-Identifier: Apache-2.0
// stdout carries the result, stderr everything else.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "arguments.hpp"
#include "overparam/report/table.hpp"
#include "overparam/study/voice.hpp"

namespace overparam::app {

enum ExitCode {
  kDone = 0,
  kMissed = 1,
  kUsage = 2,
  kData = 3,
  kDiverged = 4,
  kRefused = 5,
  kInternal = 70,
  kInterrupted = 130,
  kTerminated = 143,
};

/// What each says.
struct ExitMeaning {
  ExitCode code;
  const char* meaning;
};
std::span<const ExitMeaning> exit_meanings();

/// The settings with the positional DATA, where it is given, as their data.
/// @throws Error(usage) if --data names data too
study::Settings settings_with_data(const Arguments& arguments);

/// Speaks on stderr, and not at all where the arguments say --quiet.
study::Voice voice_for(const Arguments& arguments);

void print(const std::string& text);
void print(const nlohmann::json& document);
void print(const report::Table& table);

/// @throws Error(capacity) if what was printed could not be written
void flush();

/// 130 or 143, after the signal that arrived.
int interrupted_exit();

/// "interrupted; the same line goes on where this one stopped", said of a line that asked for
/// --fresh too.
std::string interrupted_text(const Arguments& arguments);

/// Ensures that products are fast enough to be worth waiting for, or says what to install.
void warn_about_slow_products(const study::Voice& voice);

}  // namespace overparam::app
