// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "commands.hpp"
#include "console.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/text.hpp"
#include "overparam/report/page.hpp"
#include "overparam/study/pages.hpp"
#include "overparam/study/training.hpp"
#include "overparam/study/vision_run.hpp"

namespace overparam::app {

namespace {

int exit_code_of(const std::string& stopped_by,
                 bool reached_target,
                 const study::Settings& settings) {
  if (stopped_by == "interrupted") return interrupted_exit();
  if (stopped_by == "diverged" || stopped_by == "not_finite") return kDiverged;
  const bool has_target =
      settings.number("train.target_objective") > 0 || settings.number("train.target_ratio") > 0 ||
      settings.number("train.target_accuracy") > 0 || settings.number("train.gradient_norm") > 0;
  return has_target && !reached_target ? kMissed : kDone;
}

void warn_about_unused(const study::Settings& settings, const study::Voice& voice) {
  const std::string& method = settings.text("train.method");
  const auto warn = [&](const std::vector<const char*>& keys) {
    for (const char* key : keys) {
      const auto& origin = settings.origin(key);
      if (origin == "default") continue;
      voice.warn(fmt::format("{}: {} has no effect with --method {}", origin, key, method));
    }
  };
  if (method == "gd") warn({"train.batch", "train.sampling", "train.measure_every"});
  if (method == "gauss-newton") {
    warn({"train.step", "train.schedule"});
  } else {
    warn({"train.solver", "train.damping"});
  }
  for (const char* key : {"train.epochs", "train.augment", "train.snapshots"}) {
    if (!settings.is_chosen(key)) continue;
    voice.warn(fmt::format("{}: {} has no effect with --network {}: it is for networks of images",
                           settings.origin(key),
                           key,
                           settings.text("network.kind")));
  }
}

study::RunOutput output_of(const Arguments& arguments, const std::filesystem::path& folder) {
  return {
      .folder = folder, .resume = arguments.has("resume"), .overwrite = arguments.has("overwrite")};
}

/// The result on stdout, where the page and the rest are on stderr.
template <typename Record>
void show(const Record& record,
          report::Table (*table)(const Record&),
          report::Page (*page)(const Record&),
          const std::filesystem::path& folder,
          const Arguments& arguments,
          const study::Voice& voice) {
  const bool finished = record.stopped_by != "interrupted";
  const auto written = finished ? report::write_page(page(record), folder) : folder;
  if (arguments.json) {
    print(study::to_json(record));
  } else {
    print(table(record));
  }
  voice.say(finished ? "report " + written.string()
                     : "interrupted; go on with --resume --out " + folder.string());
}

int run_vision(const Arguments& arguments, const study::Voice& voice) {
  const auto problem = study::prepare_vision(arguments.settings);
  const auto folder = study::output_folder(problem.settings, "train");
  const auto record = study::run_vision_training(problem, output_of(arguments, folder), voice);
  show(record, study::vision_table, study::vision_page, folder, arguments, voice);
  return exit_code_of(record.stopped_by, record.reached_target, problem.settings);
}

int run(const Arguments& arguments) {
  const auto voice = voice_for(arguments);
  warn_about_slow_products(voice);
  if (study::is_vision(arguments.settings)) return run_vision(arguments, voice);
  warn_about_unused(arguments.settings, voice);
  const auto data = study::prepare_data(arguments.settings);
  const auto folder = study::output_folder(arguments.settings, "train");
  const auto record =
      study::run_training(arguments.settings, data, output_of(arguments, folder), voice);
  show(record, study::run_table, study::run_page, folder, arguments, voice);
  return exit_code_of(record.stopped_by, record.reached_target, arguments.settings);
}

}  // namespace

Command train_command() {
  return {.shape = {.name = "train",
                    .description = "train a network, measure the run, write a folder and a report",
                    .sections = {"data", "network", "train", "run"},
                    .switches = {"resume", "overwrite"}},
          .run = run};
}

}  // namespace overparam::app
