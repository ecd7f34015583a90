// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "commands.hpp"
#include "console.hpp"
#include "overparam/base/files.hpp"
#include "overparam/study/pages.hpp"

namespace overparam::app {

namespace {

int run(const Arguments& arguments) {
  const std::filesystem::path folder = arguments.positional;
  const auto page = study::run_page(study::read_run(folder));
  const auto path = folder / "report.html";
  base::write_file(path, report::to_html(page));
  print(path.string() + "\n");
  return kDone;
}

}  // namespace

Command report_command() {
  return {.shape = {.name = "report",
                    .description = "write the page of a finished run again",
                    .positional = "RUN",
                    .positional_help = "folder of a finished run",
                    .positional_required = true},
          .run = run};
}

}  // namespace overparam::app
