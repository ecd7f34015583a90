// SPDX-License-Identifier: Apache-2.0
// Runs of a network of images that take a tenth of a second.
#pragma once

#include <map>
#include <string>

#include "overparam/study/vision_run.hpp"

namespace overparam::tests {

/// Forty digits of 7 x 7, twenty more to test on, a ResNet of 8 layers and 2 channels, three
/// epochs.
inline study::Settings vision_settings(const std::map<std::string, std::string>& changes = {}) {
  study::Settings settings;
  std::map<std::string, std::string> values{{"data.samples", "40"},
                                            {"data.test", "20"},
                                            {"data.image_size", "7"},
                                            {"network.kind", "resnet8"},
                                            {"network.width", "2"},
                                            {"train.batch", "16"},
                                            {"train.epochs", "3"},
                                            {"train.snapshots", "1,2"}};
  for (const auto& [key, value] : changes) values[key] = value;
  for (const auto& [key, value] : values) settings.set(key, value, "test");
  return settings;
}

inline study::VisionRecord run_vision(const study::Settings& settings,
                                      const study::RunOutput& output = {},
                                      const study::Voice& voice = {}) {
  return study::run_vision_training(study::prepare_vision(settings), output, voice);
}

}  // namespace overparam::tests
