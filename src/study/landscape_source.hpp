// SPDX-License-Identifier: Apache-2.0
// What landscapes are drawn around: points in the space of weights, each with its objective.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "overparam/curvature/objective.hpp"
#include "overparam/study/settings.hpp"

namespace overparam::study {

/// A point, taken into memory.
struct LandscapePoint {
  std::string name;  ///< "epoch 40"
  std::int64_t epoch = -1;
  double step_size = 0;  ///< of training there; NaN where it is not known
  at::Tensor weights;    ///< (P)
  std::unique_ptr<curvature::Objective> objective;
  std::unique_ptr<curvature::Objective> held_out;  ///< on other samples, or null
};

/// The points of one subject.
class LandscapeSource {
 public:
  virtual ~LandscapeSource() = default;

  /// The points that were asked for.
  [[nodiscard]] virtual std::vector<std::string> names() const = 0;
  [[nodiscard]] virtual LandscapePoint open(std::size_t index) const = 0;

  /// Its objective under each mode of batch normalisation that there is, the chosen one left out.
  struct Mode {
    std::string name;
    std::unique_ptr<curvature::Objective> objective;
  };
  [[nodiscard]] virtual std::vector<Mode> other_modes(std::size_t index) const;

  /// Weights of all points that the subject has, in order, the initial ones first: its trajectory.
  struct Waypoint {
    std::string name;
    at::Tensor weights;
  };
  [[nodiscard]] virtual std::vector<Waypoint> trajectory() const;

  /// What decides the objective, beside the section `landscape`.
  [[nodiscard]] virtual std::string fingerprint() const = 0;
};

/// The points that landscape.at names. @param known in order   @param all what "all" stands for
/// @throws Error(usage) naming those that there are
std::vector<std::string> choose_points(const Settings& settings,
                                       const std::vector<std::string>& known,
                                       const std::vector<std::string>& all);

/// The run or module in `subject`. @throws Error(usage), Error(data) naming what is wrong with it
std::unique_ptr<LandscapeSource> open_landscape_source(const Settings& settings,
                                                       const std::filesystem::path& subject);

}  // namespace overparam::study
