// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "console.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/study/data_plan.hpp"

namespace overparam::app {

namespace {

int run(const Arguments& arguments) {
  const auto settings = settings_with_data(arguments);
  const auto voice = voice_for(arguments);
  warn_about_slow_products(voice);
  const auto plan = study::plan_data(settings, voice);
  if (base::interrupted()) return interrupted_exit();
  const std::string& out = settings.text("run.out");
  if (!out.empty()) {
    base::make_writable_folder(out);
    voice.say("report " + report::write_page(study::plan_page(plan), out).string());
  }
  if (arguments.json) {
    print(study::to_json(plan));
    return kDone;
  }
  for (const auto& [question, answer] : study::plan_answers(plan)) {
    print(question + "\n" + answer + "\n\n");
  }
  print(study::plan_table(plan));
  return kDone;
}

}  // namespace

Command plan_command() {
  return {.shape = {.name = "plan",
                    .description =
                        "before training: can the data be fitted, how wide, which step, how long",
                    .sections = {"data", "network", "train", "run"},
                    .positional = "DATA",
                    .positional_help = "a file, a folder, or the name of a generator",
                    .meanings = {{"run.out", "folder for a report (empty: none is written)"}}},
          .run = run};
}

}  // namespace overparam::app
