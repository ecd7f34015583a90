// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "console.hpp"
#include "overparam/study/pages.hpp"
#include "overparam/study/run_record.hpp"

namespace overparam::app {

namespace {

int run(const Arguments& arguments) {
  const std::filesystem::path folder = arguments.positional;
  const auto page = report::write_page(study::run_page(study::read_run(folder)), folder).string();
  if (arguments.json) {
    print(nlohmann::json{{"schema", study::kSchema},
                         {"version", study::version()},
                         {"kind", "report"},
                         {"report", page}});
  } else {
    print(page + "\n");
  }
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
