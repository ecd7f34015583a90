// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/settings.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string_view>

#include "config_file.hpp"
#include "option_tables.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/base/utf8.hpp"

namespace overparam::study {

namespace {

using base::require;

constexpr const char* kDefaultOrigin = "default";

std::vector<std::string> all_keys() {
  std::vector<std::string> keys;
  for (const auto& option : options()) keys.push_back(option.key);
  return keys;
}

/// "network.width" -> "OVERPARAM_NETWORK_WIDTH"
std::string environment_name(const std::string& key) {
  std::string name = "OVERPARAM_";
  for (const char c : key) {
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

/// The value in its one spelling: 1e3 as an integer is 1000, and .5 is 0.5, which TOML can read.
std::string checked_value(const Option& option, const std::string& text, const std::string& where) {
  const auto refuse = [&](const std::string& expected) {
    base::fail(
        ErrorKind::usage, "{}: {} must be {}, found \"{}\"", where, option.key, expected, text);
  };
  const auto check_low = [&](double value) {
    if (value < option.low) refuse(fmt::format("at least {}", option.low));
  };
  switch (option.type) {
    case OptionType::text:
      if (!option.choices.empty() &&
          std::ranges::find(option.choices, text) == option.choices.end()) {
        refuse(fmt::format("one of {}{}",
                           base::join(option.choices, ", "),
                           base::did_you_mean(text, option.choices)));
      }
      return text;
    case OptionType::number: {
      const auto value = base::parse_number(text);
      if (!value || !std::isfinite(*value)) refuse("a number");
      check_low(*value);
      return fmt::format("{}", *value);
    }
    case OptionType::integer: {
      const auto value = base::parse_number(text);
      const bool whole = value && std::floor(*value) == *value && std::abs(*value) < 9e15;
      if (!whole) refuse("a whole number");
      check_low(*value);
      return std::to_string(static_cast<std::int64_t>(*value));
    }
  }
  return text;
}

std::string toml_value(const Option& option, const std::string& text) {
  if (option.type != OptionType::text) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_control = byte < 0x20 || byte == 0x7f;
    if (is_control) {
      quoted += fmt::format("\\u{:04x}", byte);
      continue;
    }
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

const Option& find_option(const std::string& key, const std::string& where) {
  for (const auto& option : options()) {
    if (option.key == key) return option;
  }
  base::fail(ErrorKind::usage,
             "{}: \"{}\" is not a setting{}",
             where,
             key,
             base::did_you_mean(key, all_keys()));
}

bool decides_numbers(const Option& option) {
  const std::string section = option.section();
  return section == "data" || section == "network" || section == "train" ||
         option.key == "run.seed" || option.key == "run.dtype" || option.key == "run.precision";
}

Settings::Settings() {
  for (const auto& option : options()) values_[option.key] = {option.fallback, kDefaultOrigin};
}

void Settings::set(const std::string& key, const std::string& text, const std::string& where) {
  const Option& option = find_option(key, where);
  require(base::is_utf8(text),
          ErrorKind::usage,
          "{}: the value of {} is not UTF-8, and could not be written down",
          where,
          key);
  values_[key] = {checked_value(option, text, where), where};
}

void Settings::load_file(const std::filesystem::path& path) {
  require(std::filesystem::is_regular_file(path),
          ErrorKind::usage,
          "there is no settings file {}",
          path.string());
  for (const auto& entry : read_config(base::read_file(path), path.string())) {
    set(entry.key, entry.value, entry.where);
  }
}

void Settings::load_environment(const char* const* environment) {
  constexpr std::string_view kPrefix = "OVERPARAM_";
  constexpr std::string_view kReserved = "OVERPARAM_TEST_";
  std::map<std::string, std::string> keys;
  std::vector<std::string> names;
  for (const auto& option : options()) {
    keys[environment_name(option.key)] = option.key;
    names.push_back(environment_name(option.key));
  }
  for (; *environment != nullptr; ++environment) {
    const std::string_view entry = *environment;
    if (!entry.starts_with(kPrefix) || entry.starts_with(kReserved)) continue;
    const auto equals = entry.find('=');
    const std::string name(entry.substr(0, equals));
    const auto key = keys.find(name);
    require(key != keys.end(),
            ErrorKind::usage,
            "the environment variable {} is not a setting{}",
            name,
            base::did_you_mean(name, names));
    set(key->second, std::string(entry.substr(equals + 1)), name);
  }
}

const Settings::Value& Settings::value(const std::string& key) const {
  const auto entry = values_.find(key);
  base::ensure(entry != values_.end(), "settings: there is no option {}", key);
  return entry->second;
}

const std::string& Settings::text(const std::string& key) const { return value(key).text; }

std::int64_t Settings::integer(const std::string& key) const {
  return base::parse_integer(text(key)).value();
}

double Settings::number(const std::string& key) const {
  return base::parse_number(text(key)).value();
}

const std::string& Settings::origin(const std::string& key) const { return value(key).origin; }

bool Settings::is_chosen(const std::string& key) const {
  return origin(key).starts_with("--") || text(key) != find_option(key, key).fallback;
}

std::string Settings::to_toml(const std::vector<std::string>& sections) const {
  std::string toml;
  for (const auto& section : sections) {
    toml += fmt::format("{}[{}]\n", toml.empty() ? "" : "\n", section);
    for (const auto& option : options()) {
      if (option.section() != section) continue;
      toml += fmt::format("{} = {}\n", option.name(), toml_value(option, text(option.key)));
    }
  }
  return toml;
}

std::string Settings::fingerprint() const {
  static const std::vector<std::string> kChangeNoNumber{"train.epochs",
                                                        "train.snapshots",
                                                        "train.max_steps",
                                                        "train.target_objective",
                                                        "train.target_ratio",
                                                        "train.target_accuracy",
                                                        "train.gradient_norm",
                                                        "train.max_seconds",
                                                        "train.checkpoint_seconds"};
  // Settings that came later count where they are chosen, so that older runs keep their names.
  static const std::vector<std::string> kCameLater{"train.augment", "run.precision"};
  std::string all;
  for (const auto& option : options()) {
    const auto is_one_of = [&](const std::vector<std::string>& keys) {
      return std::ranges::find(keys, option.key) != keys.end();
    };
    const bool is_left_out = is_one_of(kChangeNoNumber) ||
                             (is_one_of(kCameLater) && text(option.key) == option.fallback);
    if (decides_numbers(option) && !is_left_out)
      all += fmt::format("{}={}\n", option.key, text(option.key));
  }
  return base::stable_key(all);
}

std::string options_markdown(const std::vector<std::string>& sections) {
  std::string text = "| setting | flag | default | meaning |\n|---|---|---|---|\n";
  for (const auto& section : sections) {
    for (const auto& option : options()) {
      if (option.section() != section) continue;
      const std::string choices =
          option.choices.empty() ? "" : fmt::format(" ({})", base::join(option.choices, ", "));
      text += fmt::format("| `{}` | `{}` | {} | {}{} |\n",
                          option.key,
                          option.flag,
                          option.fallback.empty() ? "" : fmt::format("`{}`", option.fallback),
                          option.help,
                          choices);
    }
  }
  return text;
}

}  // namespace overparam::study
