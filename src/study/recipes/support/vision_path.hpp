// SPDX-License-Identifier: Apache-2.0
// A network of images trained in a run folder with all its snapshots, and its objective along the
// line from the initial weights to the last: as measurements, a point of the line each.
// Rows as in lines.hpp, with the families re-estimated, frozen and fresh.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "overparam/study/measurement.hpp"
#include "overparam/study/recipe.hpp"

namespace overparam::study {

struct VisionPathArm {
  std::string network;
  std::int64_t samples = 0;  ///< training images; 0: all of a file
  std::int64_t epochs = 0;
  std::int64_t batch = 0;                            ///< 0: the network's recipe
  std::int64_t images = 0;                           ///< that the objective is taken over, at most
  int intervals = 50;                                ///< of the line, see curvature::line_shares
  std::map<std::string, std::string> settings = {};  ///< of the run, beside the above
};

/// What batch normalisation and the first end of the line are in each family.
constexpr const char* kReestimated = "re-estimated";  ///< means and variances anew at each point
constexpr const char* kFrozen = "frozen";             ///< those of the end, everywhere
constexpr const char* kFresh = "fresh";  ///< re-estimated, from initial weights of another seed

/// Trains what is not there yet, in a folder of options.folder named by the network and the
/// settings. False where the user interrupted. @throws as train_once
bool train_vision_path(const VisionPathArm& arm,
                       const ReproduceOptions& options,
                       const Voice& voice);

/// The measurements along the path of that run; nothing is read before the first of them runs.
std::vector<Measurement> plan_vision_path(const VisionPathArm& arm,
                                          const ReproduceOptions& options);

/// Whose they are.
std::string vision_path_owner(const VisionPathArm& arm, const ReproduceOptions& options);

}  // namespace overparam::study
