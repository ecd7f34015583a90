// SPDX-License-Identifier: Apache-2.0
// The only file that sees CLI11, which costs 25 s to compile.
#include "arguments.hpp"

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>

#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/study/run_record.hpp"

extern char** environ;

namespace overparam::app {

namespace {

const std::map<std::string, std::string>& switch_help() {
  static const std::map<std::string, std::string> help{
      {"resume", "go on from the folder's checkpoint"},
      {"overwrite", "replace a finished run made with other settings"},
      {"fresh", "measure again what the folder already holds"},
      {"list", "name the recipes, their sources and costs"},
      {"options", "print the table of all settings in Markdown"},
      {"kernels", "print which networks have a known kernel of infinite width, in Markdown"},
      {"manual", "print the manual page, for man -l"},
      {"theory", "print every claim with its source and bounds in Markdown"},
  };
  return help;
}

bool takes(const CommandShape& command, const study::Option& option) {
  return std::ranges::find(command.sections, option.section()) != command.sections.end() ||
         std::ranges::find(command.keys, option.key) != command.keys.end();
}

std::string help_of(const CommandShape& command, const study::Option& option) {
  const auto own = command.meanings.find(option.key);
  if (own != command.meanings.end()) return own->second;
  std::string help = option.help;
  if (!option.choices.empty()) help += " (" + base::join(option.choices, ", ") + ")";
  if (!option.fallback.empty()) help += " [" + option.fallback + "]";
  return help;
}

/// The values CLI11 writes into for one sub-command.
struct Targets {
  CLI::App* app = nullptr;
  std::map<std::string, std::string> flags;  // by setting
  std::map<std::string, bool> switches;
  std::vector<std::string> sets;
  std::vector<std::string> axes;
  std::string config;
  std::string positional;
  bool json = false;
  bool quiet = false;
};

void declare(CLI::App& app, const CommandShape& command, Targets& targets) {
  targets.app = &app;
  app.set_help_flag("-h,--help", "this text");
  app.allow_extras();
  if (!command.positional.empty()) {
    app.add_option(command.positional, targets.positional, command.positional_help);
  }
  for (const auto& option : study::options()) {
    if (!takes(command, option)) continue;
    app.add_option(option.flag, targets.flags[option.key], help_of(command, option))
        ->option_text(" ")
        ->group(option.section() + " settings")
        ->take_last();
  }
  for (const auto& name : command.switches) {
    app.add_flag("--" + name, targets.switches[name], switch_help().at(name));
  }
  if (command.takes_axes) {
    app.add_option(
           "--over", targets.axes, "SETTING=VALUE,... or SETTING=FIRST..LAST; may be repeated")
        ->option_text(" ")
        ->take_all();
  }
  if (!command.sections.empty() || !command.keys.empty()) {
    app.add_option("--config", targets.config, "TOML file of settings")->option_text("FILE");
    app.add_option("--set", targets.sets, "one setting, as section.name=value; may be repeated")
        ->option_text(" ")
        ->take_all();
  }
  app.add_flag("--json", targets.json, "print one JSON document on stdout");
  app.add_flag("--quiet", targets.quiet, "say nothing on stderr but warnings and errors");
}

/// The program with all sub-commands.
struct Program {
  CLI::App app{"Trains wide ReLU networks to a global minimum and measures why that works",
               "overparam"};
  std::map<std::string, std::unique_ptr<Targets>> targets;

  explicit Program(const std::vector<CommandShape>& commands) {
    app.set_help_flag("-h,--help", "this text");
    app.set_version_flag("--version", study::version());
    app.allow_extras();
    for (const auto& command : commands) {
      auto& target = targets[command.name] = std::make_unique<Targets>();
      declare(*app.add_subcommand(command.name, command.description), command, *target);
    }
  }
};

std::vector<std::string> flag_names(const CommandShape& command) {
  std::vector<std::string> names{"--config", "--set", "--json", "--quiet", "--help"};
  for (const auto& option : study::options()) {
    if (takes(command, option)) names.push_back(option.flag);
  }
  for (const auto& name : command.switches) names.push_back("--" + name);
  if (command.takes_axes) names.emplace_back("--over");
  return names;
}

[[noreturn]] void refuse_extra(const CommandShape& command, const std::string& extra) {
  const auto names = flag_names(command);
  const bool is_flag = extra.starts_with("-");
  base::fail(ErrorKind::usage,
             "{}: {} \"{}\"{}; see overparam {} --help",
             command.name,
             is_flag ? "unknown option" : "unexpected argument",
             extra,
             is_flag ? base::did_you_mean(extra.substr(0, extra.find('=')), names) : "",
             command.name);
}

/// Settings in the order of the layers. A key that the command does not take is refused where it
/// was meant for this command alone: in --set.
study::Settings layered(const CommandShape& command, const Targets& targets) {
  study::Settings settings;
  if (!targets.config.empty()) settings.load_file(targets.config);
  settings.load_environment(environ);
  for (const auto& text : targets.sets) {
    const auto equals = text.find('=');
    base::require(equals != std::string::npos,
                  ErrorKind::usage,
                  "--set: \"{}\" is not section.name=value",
                  text);
    const std::string key = text.substr(0, equals);
    base::require(takes(command, study::find_option(key, "--set")),
                  ErrorKind::usage,
                  "--set: {} does not use {}",
                  command.name,
                  key);
    settings.set(key, text.substr(equals + 1), "--set");
  }
  for (const auto& option : study::options()) {
    if (takes(command, option) && targets.app->count(option.flag) > 0) {
      settings.set(option.key, targets.flags.at(option.key), option.flag);
    }
  }
  return settings;
}

const CommandShape& shape_of(const std::vector<CommandShape>& commands, const std::string& name) {
  return *std::ranges::find_if(commands, [&](const auto& command) { return command.name == name; });
}

}  // namespace

bool Arguments::has(const std::string& name) const {
  return std::ranges::find(switches, name) != switches.end();
}

std::string help_text(const std::vector<CommandShape>& commands, const std::string& command) {
  Program program(commands);
  if (command.empty()) return program.app.help();
  return program.targets.at(command)->app->help(program.app.get_name());
}

Arguments parse_arguments(int argc, char** argv, const std::vector<CommandShape>& commands) {
  Program program(commands);
  try {
    program.app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = program.app.get_subcommands();
    throw Answer{help_text(commands, chosen.empty() ? "" : chosen.front()->get_name())};
  } catch (const CLI::CallForVersion&) {
    throw Answer{"overparam " + study::version() + "\n"};
  } catch (const CLI::ParseError& error) {
    base::fail(ErrorKind::usage, "{}", error.what());
  }

  const auto chosen = program.app.get_subcommands();
  if (chosen.empty()) {
    const auto extras = program.app.remaining();
    std::vector<std::string> names;
    for (const auto& command : commands) names.push_back(command.name);
    base::require(!extras.empty(), ErrorKind::usage, "a command is missing; see overparam --help");
    base::fail(ErrorKind::usage,
               "there is no command \"{}\"{}; commands: {}",
               extras.front(),
               base::did_you_mean(extras.front(), names),
               base::join(names, ", "));
  }
  const CommandShape& command = shape_of(commands, chosen.front()->get_name());
  const Targets& targets = *program.targets.at(command.name);
  for (const auto& extras : {targets.app->remaining(), program.app.remaining()}) {
    if (!extras.empty()) refuse_extra(command, extras.front());
  }
  base::require(!command.positional_required || !targets.positional.empty(),
                ErrorKind::usage,
                "{}: {} is missing; see overparam {} --help",
                command.name,
                command.positional,
                command.name);

  Arguments arguments{.command = command.name,
                      .settings = layered(command, targets),
                      .positional = targets.positional,
                      .axes = targets.axes,
                      .json = targets.json,
                      .quiet = targets.quiet};
  for (const auto& [name, given] : targets.switches) {
    if (given) arguments.switches.push_back(name);
  }
  return arguments;
}

}  // namespace overparam::app
