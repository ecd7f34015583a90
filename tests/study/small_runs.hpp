// SPDX-License-Identifier: Apache-2.0
// Runs that take a few milliseconds.
#pragma once

#include <map>
#include <string>

#include "overparam/study/training.hpp"

namespace overparam::tests {

/// Eight generated points, a network of width 32 with one hidden layer, sixty steps.
inline study::Settings small_settings(const std::map<std::string, std::string>& changes = {}) {
  study::Settings settings;
  std::map<std::string, std::string> values{{"data.source", "sphere"},
                                            {"data.samples", "8"},
                                            {"data.dim", "5"},
                                            {"network.width", "32"},
                                            {"network.depth", "1"},
                                            {"train.max_steps", "60"},
                                            {"run.dtype", "float64"}};
  for (const auto& [key, value] : changes) values[key] = value;
  for (const auto& [key, value] : values) settings.set(key, value, "test");
  return settings;
}

/// The same with eight drawn digits in place of points.
inline study::Settings digit_settings(std::map<std::string, std::string> changes = {}) {
  changes.insert({{"data.source", "digits"}, {"data.dim", "0"}});
  return small_settings(changes);
}

inline study::RunRecord run(const study::Settings& settings,
                            const study::RunOutput& output = {},
                            const study::Voice& voice = {}) {
  return study::run_training(settings, study::prepare_data(settings), output, voice);
}

}  // namespace overparam::tests
