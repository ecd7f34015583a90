// SPDX-License-Identifier: Apache-2.0
#include "manual.hpp"

#include <fmt/format.h>

#include "console.hpp"
#include "overparam/base/text.hpp"
#include "overparam/study/run_record.hpp"

namespace overparam::app {

namespace {

/// Text as it stands: no escapes, no requests, and dashes that can be copied.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  const bool is_request = out.starts_with('.') || out.starts_with('\'');
  return is_request ? "\\&" + out : out;
}

/// A word in bold, what it takes, and below it what it means.
std::string entry(const std::string& word, const std::string& argument, const std::string& text) {
  const std::string taken = argument.empty() ? "" : fmt::format(" \\fI{}\\fR", roff(argument));
  return fmt::format(".TP\n\\fB{}\\fR{}\n{}\n", roff(word), taken, roff(text));
}

std::string type_of(const study::Option& option) {
  switch (option.type) {
    case study::OptionType::integer:
      return "N";
    case study::OptionType::number:
      return "X";
    case study::OptionType::text:
      break;
  }
  return option.choices.empty() ? "TEXT" : base::join(option.choices, "|");
}

std::string commands_section(const std::vector<CommandShape>& commands) {
  std::string text = ".SH COMMANDS\n";
  for (const auto& command : commands) {
    const std::string& positional = command.positional;
    const bool is_optional = !positional.empty() && !command.positional_required;
    std::string takes = base::join(command.sections, ", ");
    if (!takes.empty()) takes = fmt::format(" (settings of {})", takes);
    text += entry(command.name,
                  is_optional ? "[" + positional + "]" : positional,
                  command.description + takes);
  }
  return text;
}

std::string settings_section() {
  std::string text = ".SH SETTINGS\n";
  text +=
      roff(
          "Each has one name everywhere: width = 64 below [network] in the TOML file of --config, "
          "OVERPARAM_NETWORK_WIDTH=64 in the environment, --set network.width=64, or its flag. "
          "Later ones win, in this order: defaults, file, environment, --set, flags.") +
      '\n';
  std::string section;
  for (const auto& option : study::options()) {
    if (option.section() != section) text += fmt::format(".SS {}\n", section = option.section());
    const std::string fallback =
        option.fallback.empty() ? "" : fmt::format(" [{}]", option.fallback);
    text += entry(option.flag, type_of(option), option.help + fallback);
  }
  return text;
}

std::string exit_section() {
  std::string text = ".SH EXIT STATUS\n";
  for (const auto& [code, meaning] : exit_meanings()) {
    text += entry(std::to_string(code), "", meaning);
  }
  return text;
}

}  // namespace

std::string manual_page(const std::vector<CommandShape>& commands) {
  return fmt::format(".TH OVERPARAM 1 \"\" \"overparam {}\"\n", study::version()) +
         ".SH NAME\noverparam \\- trains wide ReLU networks to a global minimum and measures why "
         "that works\n"
         ".SH SYNOPSIS\n.B overparam\n\\fICOMMAND\\fR [\\fIOPTION\\fR ...]\n" +
         commands_section(commands) + settings_section() + exit_section();
}

}  // namespace overparam::app
