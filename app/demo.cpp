// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "console.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/study/demo.hpp"
#include "overparam/study/pages.hpp"

namespace overparam::app {

namespace {

int run(const Arguments& arguments) {
  const auto voice = voice_for(arguments);
  warn_about_slow_products(voice);
  const std::string& out = arguments.settings.text("run.out");
  const std::filesystem::path folder = out.empty() ? "runs/demo" : out;
  const auto demo = study::run_demo(arguments.settings, folder, voice);
  if (base::interrupted()) return interrupted_exit();
  const auto path = report::write_page(study::demo_page(demo), folder);
  if (arguments.json) {
    auto document = study::to_json(demo);
    document["report"] = path.string();
    print(document);
  } else {
    print(study::demo_table(demo));
    print("\nThe report is at " + std::filesystem::absolute(path).string() + "\n");
  }
  return demo.reached_targets() ? kDone : kMissed;
}

}  // namespace

Command demo_command() {
  return {.shape = {.name = "demo",
                    .description =
                        "see it work: a wide network reaches a global minimum, narrow ones do "
                        "not; gradient descent, then the exact minimum; no data, no network, one "
                        "page",
                    .keys = study::demo_keys(),
                    .meanings = {{"run.out", "folder for the results [runs/demo]"}}},
          .run = run};
}

}  // namespace overparam::app
