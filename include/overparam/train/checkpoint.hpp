// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "overparam/base/array_files.hpp"
#include "overparam/net/network.hpp"
#include "overparam/train/trainer.hpp"

namespace overparam::train {

/// Weights as tensors named like their blocks.
base::TensorFile weights_file(const net::Network& network);

/// Copies weights from a file into the network.
/// @param where the file's name, for messages
/// @throws Error(data) naming the tensor that is missing or has another shape; no weight is
///         changed then
void load_weights(net::Network& network, const base::TensorFile& file, const std::string& where);

/// One atomic file that holds weights, velocity and state.
/// @param fingerprint what must be equal for the run to be the same; see load_checkpoint
void save_checkpoint(const std::filesystem::path& path,
                     const net::Network& network,
                     const TrainState& state,
                     const std::string& fingerprint);

/// Restores what save_checkpoint wrote.
/// @throws Error(data) if the file is broken, or made by a run with another fingerprint or other
/// shapes; the network's weights stay as they are then
TrainState load_checkpoint(const std::filesystem::path& path,
                           net::Network& network,
                           const std::string& fingerprint);

}  // namespace overparam::train
