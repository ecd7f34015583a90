// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "console.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/study/data_summary.hpp"

namespace overparam::app {

namespace {

int run(const Arguments& arguments) {
  const auto settings = settings_with_data(arguments);
  const auto voice = voice_for(arguments);
  const auto summary = study::summarise_data(settings);
  if (base::interrupted()) return interrupted_exit();
  const std::string& out = settings.text("run.out");
  if (!out.empty()) {
    base::make_writable_folder(out);
    voice.say("report " + report::write_page(study::data_page(summary), out).string());
  }
  if (arguments.json) {
    print(study::to_json(summary));
  } else {
    print(study::data_table(summary));
  }
  return kDone;
}

}  // namespace

Command data_command() {
  return {.shape = {.name = "data",
                    .description =
                        "look at data: shape, normalisation, separation, duplicates, conflicts",
                    .sections = {"data"},
                    .keys = {"run.seed", "run.dtype", "run.threads", "run.out", "network.outputs"},
                    .positional = "DATA",
                    .positional_help = "a file, a folder, or the name of a generator",
                    .meanings = {{"run.out", "folder for a report (empty: none is written)"}}},
          .run = run};
}

}  // namespace overparam::app
