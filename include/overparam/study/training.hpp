// SPDX-License-Identifier: Apache-2.0
// One training run from settings to a folder.
#pragma once

#include <filesystem>
#include <limits>
#include <vector>

#include "overparam/base/memory.hpp"
#include "overparam/study/prepare.hpp"
#include "overparam/study/run_record.hpp"
#include "overparam/study/settings.hpp"
#include "overparam/study/voice.hpp"

namespace overparam::study {

/// What a run keeps on disk.
struct RunOutput {
  std::filesystem::path folder;  ///< empty: nothing is written
  bool resume = false;           ///< go on from the folder's checkpoint
  bool overwrite = false;        ///< replace a finished run made with other settings
};

/// Whether a run in the folder left a checkpoint to go on from.
bool can_be_resumed(const std::filesystem::path& folder);

/// Prints the plan and the predicted steps, trains, measures along the way, and fills the folder.
/// An interrupted run leaves a checkpoint and returns with stopped_by = "interrupted".
/// @throws Error(capacity) before anything is allocated if the run would not fit the memory
/// @throws Error(usage) if the folder holds a finished run or a checkpoint with other settings, or
///         what is not of a run and would be replaced
/// @throws Error(data) if there is no checkpoint to resume from, or it is not this run's; the
///         folder is then as it was
RunRecord run_training(const Settings& settings,
                       const PreparedData& data,
                       const RunOutput& output,
                       const Voice& voice);

/// A network in words and sizes.
struct NetworkShape {
  std::string name;        ///< the architecture, and each setting that is not its default
  std::int64_t width = 0;  ///< of the widest hidden layer
  std::int64_t depth = 0;  ///< hidden layers but the first, or residual blocks
};
NetworkShape network_shape(const Settings& settings);

/// What a network must know of the data it is built for.
struct NetworkInput {
  std::int64_t size = 1;                 ///< dx, normalised
  std::int64_t outputs = 1;              ///< d
  std::vector<std::int64_t> shape = {};  ///< of one raw input
  double separation = std::numeric_limits<double>::quiet_NaN();
};
NetworkInput network_input(const PreparedData& data);

/// The network the settings describe, without weights.
/// @throws Error(usage) for a setting that this network does not have
net::Architecture build_architecture(const Settings& settings, const NetworkInput& input);

/// Bytes a run will need at once.
base::MemoryPlan plan_memory(const Settings& settings,
                             const net::Architecture& architecture,
                             std::int64_t num_samples);

/// The folder of a run: the setting run.out, or runs/<label>-<fingerprint>.
std::filesystem::path output_folder(const Settings& settings, const std::string& label);

}  // namespace overparam::study
