// SPDX-License-Identifier: Apache-2.0
#include "console.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "overparam/base/blas.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/base/require.hpp"
#include "overparam/study/catalogues.hpp"

namespace overparam::app {

namespace {

int terminal_width() {
  constexpr int kElsewhere = 120;
  winsize size{};
  const bool known = isatty(STDOUT_FILENO) == 1 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
  return known && size.ws_col > 40 ? size.ws_col : kElsewhere;
}

constexpr ExitMeaning kMeanings[] = {
    {kDone, "done"},
    {kMissed, "a target was missed, or a verdict or figure differs from what is expected"},
    {kUsage, "the command line, a setting or a folder cannot be used as asked"},
    {kData, "the data cannot be read or used"},
    {kDiverged, "training diverged"},
    {kRefused, "it would not fit the memory or the disk"},
    {kInternal, "a fault of the program"},
    {kInterrupted, "interrupted by Ctrl-C; what was finished is kept"},
    {kTerminated, "interrupted by SIGTERM; what was finished is kept"},
};

}  // namespace

std::span<const ExitMeaning> exit_meanings() { return kMeanings; }

study::Settings settings_with_data(const Arguments& arguments) {
  study::Settings settings = arguments.settings;
  if (arguments.positional.empty()) return settings;
  const std::string& origin = settings.origin("data.source");
  base::require(!origin.starts_with("--"),
                ErrorKind::usage,
                "{}: data are named twice, by {} \"{}\" and as \"{}\"; one is enough",
                arguments.command,
                origin,
                settings.text("data.source"),
                arguments.positional);
  settings.set("data.source", arguments.positional, arguments.command);
  return settings;
}

study::Voice voice_for(const Arguments& arguments) {
  study::Voice voice;
  voice.warn = [](const std::string& text) { std::fprintf(stderr, "warning: %s\n", text.c_str()); };
  if (arguments.quiet) return voice;
  voice.say = [](const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); };
  voice.progress = true;
  return voice;
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void print(const nlohmann::json& document) { print(base::json_text(document, 2) + "\n"); }

void print(const report::Table& table) { print(report::to_text(table, terminal_width())); }

void flush() {
  base::require(std::fflush(stdout) == 0 && std::ferror(stdout) == 0,
                ErrorKind::capacity,
                "cannot write the result to standard output: {}",
                std::strerror(errno));
}

int interrupted_exit() { return base::interrupt_signal() == SIGTERM ? kTerminated : kInterrupted; }

std::string interrupted_text(const Arguments& arguments) {
  return fmt::format("interrupted; the same line{} goes on where this one stopped",
                     arguments.has("fresh") ? " without --fresh" : "");
}

void warn_about_slow_products(const study::Voice& voice) {
  const auto advice = base::blas_advice();
  if (!advice.empty()) voice.warn(advice);
}

}  // namespace overparam::app
