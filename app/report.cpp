// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "console.hpp"
#include "overparam/base/require.hpp"
#include "overparam/study/demo.hpp"
#include "overparam/study/pages.hpp"
#include "overparam/study/run_record.hpp"
#include "overparam/study/vision_run.hpp"

namespace overparam::app {

namespace {

namespace fs = std::filesystem;

/// The pages of sweeps, verifications and reproductions are made from their rows, by the commands
/// that know the grid.
void refuse_rows(const fs::path& folder) {
  constexpr const char* kRepeat =
      "{}: holds {}, not a run; repeat its line \"overparam {} ... --out {}\", which measures only "
      "what is missing and writes the page";
  if (fs::exists(folder / "run.json")) return;
  const std::string name = folder.string();
  if (fs::exists(folder / "sweep.json")) {
    base::fail(ErrorKind::usage, kRepeat, name, "a sweep", "sweep", name);
  }
  if (fs::exists(folder / "verify.json")) {
    base::fail(ErrorKind::usage, kRepeat, name, "a verification", "verify", name);
  }
  if (fs::exists(folder / "reproduce.json")) {
    base::fail(ErrorKind::usage, kRepeat, name, "a reproduction", "reproduce", name);
  }
  if (fs::exists(folder / "landscapes.json")) {
    base::fail(ErrorKind::usage,
               "{}: holds landscapes, not a run; repeat their line \"overparam landscape ...\", "
               "which takes what is there and writes the page",
               name);
  }
  if (fs::exists(folder / "rows.jsonl")) {
    base::fail(ErrorKind::usage,
               kRepeat,
               name,
               "an unfinished sweep, verification or reproduction",
               "sweep|verify|reproduce",
               name);
  }
}

report::Page page_of(const fs::path& folder) {
  refuse_rows(folder);
  if (study::is_vision_run(folder)) return study::vision_page(study::read_vision_run(folder));
  return study::is_demo(folder) ? study::demo_page(study::read_demo(folder))
                                : study::run_page(study::read_run(folder));
}

int run(const Arguments& arguments) {
  const fs::path folder = arguments.positional;
  const auto page = report::write_page(page_of(folder), folder).string();
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
                    .description = "write the page of a finished run or demo again",
                    .positional = "RUN",
                    .positional_help = "folder of a finished run or demo",
                    .positional_required = true},
          .run = run};
}

}  // namespace overparam::app
