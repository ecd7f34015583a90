// SPDX-License-Identifier: Apache-2.0
// What landscapes are drawn around: points in the space of weights, each with its objective.
#pragma once

#include <filesystem>
#include <initializer_list>
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

  /// All points that the subject has, in order, the initial one first: its trajectory.
  [[nodiscard]] virtual std::vector<std::string> waypoints() const;

  /// W at one of them (P).
  [[nodiscard]] virtual at::Tensor weights_at(const std::string& waypoint) const;

  /// What decides the objective, beside the section `landscape` and the weights; not where the
  /// subject lies, which may be moved.
  [[nodiscard]] virtual std::string fingerprint() const = 0;
};

/// How many of n samples the objective is taken over, the first ones, and how many after them are
/// held out.
struct SampleShare {
  std::int64_t used = 0;
  std::int64_t held_out = 0;
};
SampleShare share_samples(const Settings& settings, std::int64_t n);

/// What the run in `folder` was made with, but its data from where the landscape's settings say, if
/// they do, and on their device: where it was trained need not be where it is drawn.
Settings settings_of_run(const Settings& settings, const std::filesystem::path& folder);

/// @throws Error(usage) for the first of the settings that was chosen, where it would be ignored
void refuse_chosen(const Settings& settings,
                   std::initializer_list<const char*> keys,
                   const std::string& subject);

/// The points that landscape.at names. @param known in order   @param all what "all" stands for
/// @throws Error(usage) naming those that there are
std::vector<std::string> choose_points(const Settings& settings,
                                       const std::vector<std::string>& known,
                                       const std::vector<std::string>& all);

/// The run or module in `subject`. @throws Error(usage), Error(data) naming what is wrong with it
std::unique_ptr<LandscapeSource> open_landscape_source(const Settings& settings,
                                                       const std::filesystem::path& subject);

}  // namespace overparam::study
