// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "console.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/base/require.hpp"
#include "overparam/study/pages.hpp"
#include "overparam/study/sweep.hpp"
#include "overparam/study/training.hpp"

namespace overparam::app {

namespace {

int run(const Arguments& arguments) {
  base::require(!arguments.axes.empty(),
                ErrorKind::usage,
                "sweep: nothing to vary; add --over SETTING=VALUE,VALUE,...");
  std::vector<study::SweepAxis> axes;
  for (const auto& text : arguments.axes) axes.push_back(study::parse_axis(text));
  const auto voice = voice_for(arguments);
  warn_about_slow_products(voice);
  const auto folder = study::output_folder(arguments.settings, "sweep");
  const auto result = study::run_sweep(arguments.settings, axes, folder, voice);
  if (result.interrupted) {
    voice.say("interrupted; the same line runs only what is missing");
    return interrupted_exit();
  }
  base::write_json(folder / "sweep.json", study::to_json(result));
  base::write_file(folder / "sweep.csv", report::to_csv(study::sweep_table(result)));
  const auto page = report::write_page(study::sweep_page(result), folder);
  if (arguments.json) {
    print(study::to_json(result));
  } else {
    print(study::sweep_table(result));
    if (!result.fits.empty()) print(study::fit_table(result));
  }
  voice.say("report " + page.string());
  return result.failures.empty() ? kDone : kMissed;
}

}  // namespace

Command sweep_command() {
  return {
      .shape = {.name = "sweep",
                .description = "train over a grid of settings; a killed sweep goes on where it was",
                .sections = {"data", "network", "train", "run"},
                .takes_axes = true},
      .run = run};
}

}  // namespace overparam::app
