// SPDX-License-Identifier: Apache-2.0
// What a command line says, with every setting resolved.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "overparam/study/settings.hpp"

namespace overparam::app {

/// A sub-command as the command line sees it.
struct CommandShape {
  std::string name;
  std::string description;
  std::vector<std::string> sections;  ///< of settings, whose flags it takes
  std::vector<std::string> keys;      ///< single settings beside whole sections
  std::string positional;             ///< "RUN" or empty
  std::string positional_help;
  bool positional_required = false;
  std::vector<std::string> switches;  ///< "resume", "overwrite", "fresh", ...
  bool takes_axes = false;            ///< --over
  /// Help of settings that mean something of their own here, by key.
  std::map<std::string, std::string> meanings;
};

struct Arguments {
  std::string command;
  study::Settings settings;
  std::string positional;
  std::vector<std::string> axes;      ///< of --over
  std::vector<std::string> switches;  ///< those given
  bool json = false;
  bool quiet = false;

  [[nodiscard]] bool has(const std::string& name) const;
};

/// Where parsing ended without a command to run: help or the version was asked for.
struct Answer {
  std::string text;
};

/// Parses the command line; settings are layered as defaults, --config file, environment, --set,
/// flags.
/// @throws Error(usage) naming what was not understood, with "did you mean"
/// @throws Answer for --help and --version
Arguments parse_arguments(int argc, char** argv, const std::vector<CommandShape>& commands);

/// The help of one command, or of the program where `command` is empty, in plain text.
std::string help_text(const std::vector<CommandShape>& commands, const std::string& command = "");

}  // namespace overparam::app
