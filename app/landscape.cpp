// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "console.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/report/page.hpp"
#include "overparam/study/landscape.hpp"

namespace overparam::app {

namespace {

namespace fs = std::filesystem;

/// Beside the run it is of, or beside a module's file.
fs::path folder_for(const Arguments& arguments) {
  const std::string& out = arguments.settings.text("run.out");
  if (!out.empty()) return out;
  const fs::path subject = arguments.positional;
  if (fs::is_directory(subject)) return subject / "landscape";
  return subject.parent_path() / (subject.stem().string() + "-landscape");
}

void warn_about_unused(const study::Settings& settings, const study::Voice& voice) {
  const auto warn = [&](const char* key, const std::string& why) {
    if (!settings.is_chosen(key)) return;
    voice.warn(fmt::format("{}: {} has no effect {}", settings.origin(key), key, why));
  };
  const std::string& product = settings.text("landscape.product");
  if (product != "smoothed") {
    for (const char* key : {"landscape.sigma", "landscape.draws"}) {
      warn(key, "without --product smoothed");
    }
  }
  if (product == "autograd") warn("landscape.held_out", "with --product autograd");
  const std::string& direction = settings.text("landscape.direction");
  if (settings.text("landscape.check") == direction) {
    voice.warn(fmt::format(
        "the most negative direction has no second opinion: --direction and --check are both {}",
        direction));
  }
}

int run(const Arguments& arguments) {
  const auto voice = voice_for(arguments);
  warn_about_unused(arguments.settings, voice);
  warn_about_slow_products(voice);
  const fs::path folder = folder_for(arguments);
  const auto record = study::run_landscape(arguments.settings,
                                           arguments.positional,
                                           {.folder = folder, .fresh = arguments.has("fresh")},
                                           voice);
  if (record.interrupted) {
    voice.say(interrupted_text(arguments));
    return interrupted_exit();
  }
  const auto page = report::write_page(study::landscape_page(record), folder);
  base::write_json(folder / "landscapes.json", study::to_json(record));
  if (arguments.json) {
    print(study::to_json(record));
  } else {
    print(study::landscape_table(record));
  }
  voice.say("report " + page.string());
  return kDone;
}

}  // namespace

Command landscape_command() {
  return {.shape = {.name = "landscape",
                    .description = "the objective around a run's weights: gradient, most negative "
                                   "curvature, surfaces",
                    .sections = {"landscape"},
                    .keys = {"data.source",
                             "run.seed",
                             "run.device",
                             "run.threads",
                             "run.memory",
                             "run.out"},
                    .positional = "RUN",
                    .positional_help = "folder of a run, or a TorchScript module",
                    .positional_required = true,
                    .switches = {"fresh"},
                    .meanings = {{"data.source", "the run's data, where they have moved"},
                                 {"run.out",
                                  "folder for the results (empty: RUN/landscape, or "
                                  "NAME-landscape beside a module)"}}},
          .run = run};
}

}  // namespace overparam::app
