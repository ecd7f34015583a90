// SPDX-License-Identifier: Apache-2.0
// Networks of images on disk: a snapshot that any reader of safetensors understands, and the
// checkpoint that a run goes on from.
#pragma once

#include <filesystem>
#include <string>

#include "overparam/base/array_files.hpp"
#include "overparam/train/vision.hpp"

namespace overparam::train {

/// A network at one moment of its training.
struct VisionSnapshot {
  net::VisionArchitecture architecture;
  at::Tensor weights;      ///< W (P), on the CPU
  at::Tensor statistics;   ///< running means and variances (S)
  std::int64_t epoch = 0;  ///< finished
};

/// The tensors of W by name ("layer1.0.conv1.weight"), and running_mean and running_var of each
/// normalisation ("layer1.0.bn1.running_mean"). The metadata say what the network is: network,
/// classes, side, channels, width, activation, epoch.
base::TensorFile snapshot_file(const net::VisionArchitecture& architecture,
                               const at::Tensor& weights,
                               const at::Tensor& statistics,
                               std::int64_t epoch);

/// Builds the network that the metadata describe and fills it.
/// @throws Error(data) naming the file and the metadata or the tensor that is missing, is of
/// another shape or number type, or describes no network of the catalogue
VisionSnapshot read_snapshot(const std::filesystem::path& path);

/// What a run's file must be equal in: "resnet8, 10 classes, 1 x 28 x 28, width 16, relu".
std::string describe(const net::VisionArchitecture& architecture);

/// One atomic file of a snapshot and the velocity ("velocity.layer1.0.conv1.weight").
/// @param seconds of wall time that the run has taken
/// @param fingerprint what must be equal for the run to be the same; see load_vision_checkpoint
void save_vision_checkpoint(const std::filesystem::path& path,
                            const net::VisionArchitecture& architecture,
                            const VisionState& state,
                            double seconds,
                            const std::string& fingerprint);

struct VisionCheckpoint {
  VisionState state;
  double seconds = 0;
};

/// Restores what save_vision_checkpoint wrote.
/// @param options number type and device of the state
/// @throws Error(data) if the file is broken, of another network, or made by a run with another
/// fingerprint
VisionCheckpoint load_vision_checkpoint(const std::filesystem::path& path,
                                        const net::VisionArchitecture& architecture,
                                        const std::string& fingerprint,
                                        const at::TensorOptions& options);

}  // namespace overparam::train
