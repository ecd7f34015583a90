// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "console.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/text.hpp"
#include "overparam/report/page.hpp"
#include "overparam/study/pages.hpp"
#include "overparam/study/training.hpp"

namespace overparam::app {

namespace {

int exit_code_of(const study::RunRecord& record, const study::Settings& settings) {
  if (record.stopped_by == "interrupted") return interrupted_exit();
  if (record.stopped_by == "diverged" || record.stopped_by == "not_finite") return kDiverged;
  const bool has_target =
      settings.number("train.target_objective") > 0 || settings.number("train.target_ratio") > 0 ||
      settings.number("train.target_accuracy") > 0 || settings.number("train.gradient_norm") > 0;
  return has_target && !record.reached_target ? kMissed : kDone;
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
}

int run(const Arguments& arguments) {
  const auto voice = voice_for(arguments);
  warn_about_unused(arguments.settings, voice);
  warn_about_slow_products(voice);
  const auto data = study::prepare_data(arguments.settings);
  const auto folder = study::output_folder(arguments.settings, "train");
  const auto record = study::run_training(arguments.settings,
                                          data,
                                          {.folder = folder,
                                           .resume = arguments.has("resume"),
                                           .overwrite = arguments.has("overwrite")},
                                          voice);
  const bool finished = record.stopped_by != "interrupted";
  const auto page = finished ? report::write_page(study::run_page(record), folder) : folder;
  if (arguments.json) {
    print(study::to_json(record));
  } else {
    print(study::run_table(record));
  }
  voice.say(finished ? "report " + page.string()
                     : "interrupted; go on with --resume --out " + folder.string());
  return exit_code_of(record, arguments.settings);
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
