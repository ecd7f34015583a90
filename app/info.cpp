// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "console.hpp"
#include "manual.hpp"
#include "overparam/base/blas.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/base/require.hpp"
#include "overparam/study/catalogues.hpp"
#include "overparam/study/run_record.hpp"

namespace overparam::app {

namespace {

int run(const Arguments& arguments) {
  base::require(arguments.switches.empty() || !arguments.json,
                ErrorKind::usage,
                "info: --{} prints a text of its own, and --json one document; one of the two",
                arguments.switches.empty() ? "" : arguments.switches.front());
  if (arguments.has("options")) {
    print(
        study::options_markdown({"data", "network", "train", "run", "ntk", "landscape", "verify"}));
    return kDone;
  }
  if (arguments.has("manual")) {
    print(manual_page(command_shapes()));
    return kDone;
  }
  if (arguments.has("theory")) {
    print(study::theory_markdown());
    return kDone;
  }
  if (arguments.has("kernels")) {
    print(study::kernels_markdown());
    return kDone;
  }
  if (arguments.json) {
    print(study::catalogues_json());
    return kDone;
  }
  for (const auto& table : study::catalogue_tables()) {
    print(table);
    print(std::string("\n"));
  }
  const auto environment = study::environment_json();
  for (const auto& [name, value] : environment.items()) {
    print(name + ": " + base::plain_text(value) + "\n");
  }
  const auto advice = base::blas_advice();
  if (!advice.empty()) print("note: " + advice + "\n");
  return kDone;
}

}  // namespace

Command info_command() {
  return {
      .shape = {.name = "info",
                .description = "what this build knows: networks, losses, data, claims, versions",
                .switches = {"options", "theory", "kernels", "manual"}},
      .run = run};
}

}  // namespace overparam::app
