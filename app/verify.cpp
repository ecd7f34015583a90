// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "console.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/study/pages.hpp"
#include "overparam/study/run_record.hpp"
#include "overparam/study/verification.hpp"

namespace overparam::app {

namespace {

namespace fs = std::filesystem;

/// The certificate of one finished run.
int certify_run(const Arguments& arguments) {
  for (const char* key : {"verify.only", "verify.scale", "run.seed", "run.out"}) {
    const auto& origin = arguments.settings.origin(key);
    base::require(!origin.starts_with("--"),
                  ErrorKind::usage,
                  "{}: {} is for the designs, not for the run {}",
                  origin,
                  key,
                  arguments.positional);
  }
  base::require(!arguments.has("fresh"),
                ErrorKind::usage,
                "--fresh is for the designs, not for the run {}",
                arguments.positional);
  const auto record = study::read_run(arguments.positional);
  base::require(record.facts.is_papers_network(),
                ErrorKind::usage,
                "{}: the statements are about the network fc with its hidden layers trained, this "
                "is {}",
                arguments.positional,
                record.facts.network);
  if (arguments.json) {
    print(study::certificate_json(record));
  } else {
    print(study::certificate_table(record));
  }
  return study::certificate_holds(record) ? kDone : kMissed;
}

study::VerifyOptions options_from(const Arguments& arguments) {
  const auto& settings = arguments.settings;
  study::VerifyOptions options{
      .scale = claims::parse_scale(settings.text("verify.scale")),
      .seed = static_cast<std::uint64_t>(settings.integer("run.seed")),
      .threads = static_cast<int>(settings.integer("run.threads")),
      .fresh = arguments.has("fresh"),
  };
  if (!settings.text("verify.only").empty()) {
    options.only = base::split(settings.text("verify.only"), ',');
  }
  const std::string& out = settings.text("run.out");
  options.folder =
      out.empty() ? fs::path("runs") / ("verify-" + settings.text("verify.scale")) : fs::path(out);
  return options;
}

int run(const Arguments& arguments) {
  if (!arguments.positional.empty()) return certify_run(arguments);
  const auto voice = voice_for(arguments);
  warn_about_slow_products(voice);
  const auto options = options_from(arguments);
  const auto verification = study::verify(options, voice);
  if (verification.interrupted) {
    voice.say(interrupted_text(arguments));
    return interrupted_exit();
  }
  base::write_json(options.folder / "verify.json", study::to_json(verification));
  const auto page = report::write_page(study::verification_page(verification), options.folder);
  if (arguments.json) {
    print(study::to_json(verification));
  } else {
    print(study::verdict_table(verification.outcomes));
  }
  voice.say("report " + page.string());
  return verification.all_expected() ? kDone : kMissed;
}

}  // namespace

Command verify_command() {
  return {
      .shape = {.name = "verify",
                .description =
                    "measure the theorems and lemmas, or certify a finished run against them",
                .sections = {"verify"},
                .keys = {"run.seed", "run.threads", "run.out"},
                .positional = "RUN",
                .positional_help = "folder of a finished run; without it the designs are measured",
                .switches = {"fresh"},
                .meanings = {{"run.out", "folder for the results (empty: runs/verify-SCALE)"}}},
      .run = run};
}

}  // namespace overparam::app
