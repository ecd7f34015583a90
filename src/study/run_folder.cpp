// SPDX-License-Identifier: Apache-2.0
#include "run_folder.hpp"

#include "overparam/base/files.hpp"
#include "overparam/base/require.hpp"

namespace overparam::study {

namespace fs = std::filesystem;

namespace {

constexpr const char* kReport = "report.html";

}  // namespace

std::optional<Settings> require_own_folder(const fs::path& folder) {
  if (fs::exists(folder / kConfig)) {
    try {
      Settings settings;
      settings.load_file(folder / kConfig);
      return settings;
    } catch (const Error& error) {
      base::fail(ErrorKind::usage,
                 "{}: its {} is not of a run ({}); choose another --out",
                 folder.string(),
                 kConfig,
                 error.what());
    }
  }
  for (const char* name :
       {kRecord, kWeights, kOutputs, kDemo, kReport, kCheckpointFolder, kSnapshots}) {
    base::require(!fs::exists(folder / name),
                  ErrorKind::usage,
                  "{}: holds {}, and no {} of a run that would have made it; choose another --out",
                  folder.string(),
                  name,
                  kConfig);
  }
  return std::nullopt;
}

bool can_be_resumed(const fs::path& folder) { return fs::exists(folder / kCheckpoint); }

void prepare_run_folder(const Settings& settings, const RunOutput& output) {
  const fs::path& folder = output.folder;
  if (folder.empty()) return;
  const bool can_resume = can_be_resumed(folder);
  base::require(can_resume || !output.resume,
                ErrorKind::data,
                "cannot resume: there is no {}",
                (folder / kCheckpoint).string());
  base::make_writable_folder(folder);
  const auto former = require_own_folder(folder);
  const bool is_finished = fs::exists(folder / kRecord);
  if (!former || (!is_finished && !can_resume) || output.overwrite) return;
  const bool is_same = former->fingerprint() == settings.fingerprint();
  base::require(is_same && output.resume,
                ErrorKind::usage,
                "{}: holds {} run{}; choose another --out, or add --overwrite to replace it{}",
                folder.string(),
                is_finished ? "a finished" : "an interrupted",
                is_same ? "" : " with other settings",
                is_same && can_resume ? " or --resume to go on" : "");
}

void claim_run_folder(const Settings& settings, const RunOutput& output) {
  const fs::path& folder = output.folder;
  if (folder.empty()) return;
  for (const char* result : {kRecord, kWeights, kOutputs, kDemo, kReport}) {
    fs::remove(folder / result);
  }
  if (!output.resume) {
    remove_checkpoint(folder);
    fs::remove_all(folder / kSnapshots);
  }
  base::write_file(folder / kConfig, settings.to_toml(kRunSections));
}

void remove_checkpoint(const fs::path& folder) { fs::remove_all(folder / kCheckpointFolder); }

}  // namespace overparam::study
