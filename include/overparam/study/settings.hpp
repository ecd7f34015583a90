// SPDX-License-Identifier: Apache-2.0
// Every option of the program, declared once: the table below yields the flags, the help, the
// manual page, the documentation and the configuration files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace overparam::study {

enum class OptionType { text, integer, number };

struct Option {
  std::string key;   ///< "network.width": section and name, as in TOML and in --set
  std::string flag;  ///< "--width"
  OptionType type = OptionType::text;
  std::string fallback;  ///< the default, as text
  std::string help;
  std::vector<std::string> choices;  ///< the only values allowed; empty for any
  double low = -1e308;               ///< least value of a number

  [[nodiscard]] std::string section() const { return key.substr(0, key.find('.')); }
  [[nodiscard]] std::string name() const { return key.substr(key.find('.') + 1); }
};

/// All options, section by section.
const std::vector<Option>& options();

/// @throws Error(usage) with "did you mean"; `where` says who asked
const Option& find_option(const std::string& key, const std::string& where);

/// Values for all options, each with where it came from. Later layers win: defaults, file,
/// environment, --set, flags.
class Settings {
 public:
  Settings();

  /// Sets one option. @param where "config.toml:3:9", "--width", "OVERPARAM_NETWORK_WIDTH", ...
  /// @throws Error(usage) for an unknown key, a wrong type or a value out of range
  void set(const std::string& key, const std::string& value, const std::string& where);

  /// Reads a TOML file of sections and scalars.
  /// @throws Error(usage) naming file, line and column of what is not a setting
  void load_file(const std::filesystem::path& path);

  /// Reads OVERPARAM_<SECTION>_<NAME>. Names that begin with OVERPARAM_TEST_ are not settings.
  /// @throws Error(usage) for any other OVERPARAM_ variable
  void load_environment(const char* const* environment);

  [[nodiscard]] const std::string& text(const std::string& key) const;
  [[nodiscard]] std::int64_t integer(const std::string& key) const;
  [[nodiscard]] double number(const std::string& key) const;
  [[nodiscard]] const std::string& origin(const std::string& key) const;

  /// Whether somebody asked for this value: by a flag or --set, or anywhere for another value than
  /// the default. The config.toml of a run names every setting, and asks for few.
  [[nodiscard]] bool is_chosen(const std::string& key) const;

  /// These sections as TOML that `load_file` reads back to the same settings.
  [[nodiscard]] std::string to_toml(const std::vector<std::string>& sections) const;

  /// A short name for what determines a run's numbers: the sections data, network and train without
  /// the rules that only end a run or keep parts of it, and the seed and number type.
  [[nodiscard]] std::string fingerprint() const;

 private:
  struct Value {
    std::string text;
    std::string origin;
  };
  [[nodiscard]] const Value& value(const std::string& key) const;

  std::map<std::string, Value> values_;
};

/// The table of options of some sections in Markdown.
std::string options_markdown(const std::vector<std::string>& sections);

}  // namespace overparam::study
