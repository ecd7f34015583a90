// SPDX-License-Identifier: Apache-2.0
// The folder of a run before it is one: what may be replaced, and what must go first.
#pragma once

#include <optional>

#include "overparam/study/settings.hpp"
#include "overparam/study/training.hpp"

namespace overparam::study {

inline constexpr const char* kCheckpointFolder = "checkpoint";
inline constexpr const char* kCheckpoint = "checkpoint/state.safetensors";
inline constexpr const char* kConfig = "config.toml";
inline constexpr const char* kMetrics = "metrics.jsonl";
inline constexpr const char* kRecord = "run.json";
inline constexpr const char* kWeights = "weights.safetensors";
inline constexpr const char* kInitialWeights = "weights-initial.safetensors";
inline constexpr const char* kOutputs = "arrays/outputs.npy";
inline constexpr const char* kSnapshots = "snapshots";

/// The sections that decide a run, as config.toml holds them.
inline const std::vector<std::string> kRunSections{"data", "network", "train", "run"};

/// The settings of the run whose folder this is; nothing where no run was begun in it.
/// @throws Error(usage) where the folder holds what a run would replace and no run of ours made it:
///         somebody else's weights or pages
std::optional<Settings> require_own_folder(const std::filesystem::path& folder);

/// Makes the folder, if the output names one.
/// @throws Error(usage) rather than touch a finished run, a checkpoint of other settings, or what
///         is not of a run
/// @throws Error(data) where there is no checkpoint to resume from
void prepare_run_folder(const Settings& settings, const RunOutput& output);

/// From here on the folder is this run's: writes config.toml, and removes what an earlier run ended
/// with, which would be taken for ours if we were killed.
void claim_run_folder(const Settings& settings, const RunOutput& output);

/// Leaves nothing to go on from.
void remove_checkpoint(const std::filesystem::path& folder);

}  // namespace overparam::study
