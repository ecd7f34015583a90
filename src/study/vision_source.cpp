// SPDX-License-Identifier: Apache-2.0
#include "vision_source.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "overparam/base/require.hpp"
#include "overparam/study/prepare.hpp"

namespace overparam::study {

namespace fs = std::filesystem;

namespace {

std::string name_of(std::int64_t epoch) {
  return epoch == 0 ? "start" : fmt::format("epoch {}", epoch);
}

class VisionSource final : public LandscapeSource {
 public:
  VisionSource(const Settings& settings, const fs::path& folder)
      : settings_(settings), folder_(folder), record_(read_vision_run(folder)) {
    refuse_chosen(settings, {"landscape.arrays"}, "a run, which has its own data");
    const Settings run = settings_of_run(settings, folder);
    fingerprint_ = run.fingerprint();
    problem_ = prepare_vision(run);
    std::vector<std::string> known;
    std::vector<std::string> all;
    for (const auto& snapshot : snapshots_of(folder)) {
      epochs_.push_back(snapshot.epoch);
      known.push_back(name_of(snapshot.epoch));
      if (snapshot.epoch > 0) all.push_back(known.back());
    }
    names_ = choose_points(settings, known, all);
  }

  [[nodiscard]] std::vector<std::string> names() const override { return names_; }

  [[nodiscard]] LandscapePoint open(std::size_t index) const override {
    const std::int64_t epoch = epoch_of(names_[index]);
    const auto norms = curvature::parse_norm_mode(settings_.text("landscape.norms"));
    const auto snapshot = load_snapshot(folder_, epoch);
    LandscapePoint point{
        .name = names_[index], .epoch = epoch, .step_size = step_size_after(epoch)};
    const auto [used, beside] = shares();
    point.objective = objective_of(snapshot, norms, 0, used);
    if (beside > 0) point.held_out = objective_of(snapshot, norms, used, beside);
    point.weights = point.objective->weights();
    return point;
  }

  [[nodiscard]] std::vector<Mode> other_modes(std::size_t index) const override {
    std::vector<Mode> modes;
    if (problem_.architecture.norms.empty()) return modes;
    const auto snapshot = load_snapshot(folder_, epoch_of(names_[index]));
    for (const auto mode : {curvature::NormMode::running,
                            curvature::NormMode::batch,
                            curvature::NormMode::reestimated}) {
      const std::string name = curvature::to_string(mode);
      if (name == settings_.text("landscape.norms")) continue;
      modes.push_back({name, objective_of(snapshot, mode, 0, shares().used)});
    }
    return modes;
  }

  [[nodiscard]] std::vector<std::string> waypoints() const override {
    std::vector<std::string> names;
    for (const auto epoch : epochs_) names.push_back(name_of(epoch));
    return names;
  }

  [[nodiscard]] at::Tensor weights_at(const std::string& waypoint) const override {
    return load_snapshot(folder_, epoch_of(waypoint)).weights.to(device_of(settings_));
  }

  [[nodiscard]] std::string fingerprint() const override { return fingerprint_; }

 private:
  [[nodiscard]] std::int64_t epoch_of(const std::string& name) const {
    const auto found =
        std::ranges::find_if(epochs_, [&](std::int64_t epoch) { return name_of(epoch) == name; });
    base::ensure(found != epochs_.end(), "landscape: an epoch that was not offered");
    return *found;
  }

  /// Of the epoch that would come next.
  [[nodiscard]] double step_size_after(std::int64_t epoch) const {
    if (record_.epochs.empty()) return std::nan("");
    const auto next = std::min<std::int64_t>(epoch, std::ssize(record_.epochs) - 1);
    return record_.epochs[static_cast<std::size_t>(next)].step_size;
  }

  [[nodiscard]] SampleShare shares() const {
    return share_samples(settings_, problem_.train.labels.size(0));
  }

  [[nodiscard]] std::unique_ptr<curvature::Objective> objective_of(
      const train::VisionSnapshot& snapshot,
      curvature::NormMode norms,
      std::int64_t begin,
      std::int64_t count) const {
    const at::Device device = device_of(settings_);
    return curvature::vision_objective(snapshot.architecture,
                                       snapshot.weights.to(device),
                                       snapshot.statistics.to(device),
                                       problem_.train.images.narrow(0, begin, count),
                                       problem_.train.labels.narrow(0, begin, count),
                                       {.norms = norms});
  }

  const Settings& settings_;
  fs::path folder_;
  VisionRecord record_;
  std::string fingerprint_;
  VisionProblem problem_;
  std::vector<std::int64_t> epochs_;
  std::vector<std::string> names_;
};

}  // namespace

std::unique_ptr<LandscapeSource> vision_source(const Settings& settings, const fs::path& folder) {
  return std::make_unique<VisionSource>(settings, folder);
}

}  // namespace overparam::study
