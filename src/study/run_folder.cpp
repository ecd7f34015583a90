// SPDX-License-Identifier: Apache-2.0
#include "run_folder.hpp"

#include "overparam/base/files.hpp"
#include "overparam/base/require.hpp"

namespace overparam::study {

namespace fs = std::filesystem;

void prepare_run_folder(const Settings& settings, const RunOutput& output) {
  const fs::path& folder = output.folder;
  if (folder.empty()) return;
  const bool has_checkpoint = fs::exists(folder / kCheckpoint);
  base::require(has_checkpoint || !output.resume,
                ErrorKind::data,
                "cannot resume: there is no {}",
                (folder / kCheckpoint).string());
  base::make_writable_folder(folder);
  const bool is_finished = fs::exists(folder / kRecord);
  const fs::path config = folder / "config.toml";
  if (!fs::exists(config) || (!is_finished && !has_checkpoint) || output.overwrite) return;
  Settings former;
  former.load_file(config);
  const bool is_same = former.fingerprint() == settings.fingerprint();
  base::require(is_same && output.resume,
                ErrorKind::usage,
                "{}: holds {} run{}; choose another --out, or add --overwrite to replace it{}",
                folder.string(),
                is_finished ? "a finished" : "an interrupted",
                is_same ? "" : " with other settings",
                is_same && has_checkpoint ? " or --resume to go on" : "");
}

void claim_run_folder(const Settings& settings, const RunOutput& output) {
  const fs::path& folder = output.folder;
  if (folder.empty()) return;
  for (const char* result : {kRecord, kWeights, kOutputs, kDemo, "report.html"}) {
    fs::remove(folder / result);
  }
  if (!output.resume) {
    fs::remove_all(folder / "checkpoint");
    fs::remove_all(folder / kSnapshots);
  }
  base::write_file(folder / "config.toml", settings.to_toml(kRunSections));
}

}  // namespace overparam::study
