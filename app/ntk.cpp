// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "console.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/study/kernel_study.hpp"

namespace overparam::app {

namespace {

namespace fs = std::filesystem;

/// Beside FILE.npy: FILE.json, and a folder FILE-report.
void write_beside(const fs::path& file,
                  const study::KernelRecord& record,
                  const study::Voice& voice) {
  const fs::path stem = file.parent_path() / file.stem();
  base::write_json(stem.string() + ".json", study::to_json(record));
  const auto page = report::write_page(study::kernel_page(record), stem.string() + "-report");
  voice.say("report " + page.string());
}

int run(const Arguments& arguments) {
  const auto voice = voice_for(arguments);
  warn_about_slow_products(voice);
  const auto record = study::run_kernel_study(arguments.settings, arguments.has("fresh"), voice);
  const std::string& out = arguments.settings.text("run.out");
  if (record.interrupted) {
    if (record.kind != "empirical") {
      voice.say("interrupted; kernels of infinite width are made in one go, nothing is kept");
    } else {
      voice.say(out.empty() ? "interrupted; with --out FILE.npy the finished tiles would be kept"
                            : interrupted_text(arguments));
    }
    return interrupted_exit();
  }
  if (!out.empty()) write_beside(out, record, voice);
  if (arguments.json) {
    print(study::to_json(record));
  } else {
    print(study::kernel_table(record));
  }
  return kDone;
}

}  // namespace

Command ntk_command() {
  return {
      .shape =
          {.name = "ntk",
           .description = "tangent kernels, finite and infinite: to a file, with spectrum, "
                          "picture and kernel regression",
           .sections = {"data", "network", "ntk"},
           .keys = {"run.seed", "run.dtype", "run.device", "run.threads", "run.memory", "run.out"},
           .switches = {"fresh"},
           .meanings = {{"run.out",
                         "FILE.npy for the kernel; summary and report beside it (empty: nothing is "
                         "written)"}}},
      .run = run};
}

}  // namespace overparam::app
