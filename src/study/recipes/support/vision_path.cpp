// SPDX-License-Identifier: Apache-2.0
#include "vision_path.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <mutex>

#include "lines.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/curvature/path.hpp"
#include "overparam/study/prepare.hpp"
#include "overparam/study/vision_run.hpp"
#include "overparam/train/vision.hpp"
#include "train_once.hpp"

namespace overparam::study {

namespace fs = std::filesystem;

using claims::Point;
using claims::Row;

namespace {

constexpr const char* kName = "goodfellow2015";
constexpr std::uint64_t kAnotherSeed = 1'000'000;

Settings settings_of(const VisionPathArm& arm, const ReproduceOptions& options) {
  Settings settings;
  const auto set = [&](const char* key, const std::string& value) {
    settings.set(key, value, kName);
  };
  set("network.kind", arm.network);
  set("data.source", options.images);
  set("data.samples", std::to_string(arm.samples));
  // The test part of a file may be larger than what is trained on, and is scored every epoch.
  set("data.test", std::to_string(arm.images));
  set("train.epochs", std::to_string(arm.epochs));
  if (arm.batch > 0) set("train.batch", std::to_string(arm.batch));
  // The drops of the recipe at the same shares of a shorter training.
  constexpr std::int64_t kEpochs = 164, kFirst = 81, kSecond = 122;
  set("train.schedule",
      fmt::format("{}:0.1,{}:0.1", kFirst * arm.epochs / kEpochs, kSecond * arm.epochs / kEpochs));
  // The objective of the line is that of the images as they are; so is what is trained on.
  set("train.augment", "none");
  set("train.snapshots", "all");
  set("run.seed", std::to_string(options.seed));
  set("run.device", options.device);
  set("run.threads", std::to_string(options.threads));
  for (const auto& [key, value] : arm.settings) set(key.c_str(), value);
  return settings;
}

/// Another seed, scale or file trains another run.
fs::path run_folder(const VisionPathArm& arm, const ReproduceOptions& options) {
  return options.folder /
         fmt::format("{}-{}", arm.network, settings_of(arm, options).fingerprint());
}

/// The run's points and objectives, read when the first measurement asks for them.
class VisionPath {
 public:
  VisionPath(VisionPathArm arm, ReproduceOptions options)
      : arm_(std::move(arm)), options_(std::move(options)) {}

  Row on_line(const std::string& family, double a) {
    open();
    const auto& from = family == kFresh ? fresh_ : points_.front();
    const auto line = curvature::line_between(from, points_.back(), {a, a + 1});
    const auto value = (family == kFrozen ? frozen_ : reestimated_)->value(line.point(0));
    return {.design = "line",
            .family = family,
            .values = {{"a", a}, {"f", value.objective}, {"accuracy", value.accuracy}}};
  }

  std::vector<Row> trajectory() {
    open();
    std::vector<double> f;
    for (const auto& point : points_) f.push_back(reestimated_->value(point).objective);
    return trajectory_rows(points_, epochs_, f);
  }

 private:
  void open() {
    std::call_once(opened_, [this] {
      const fs::path folder = run_folder(arm_, options_);
      const auto problem = prepare_vision(settings_of(arm_, options_));
      const at::Device device = device_of(problem.settings);
      train::VisionSnapshot last;
      for (const auto& file : snapshots_of(folder)) {
        last = load_snapshot(folder, file.epoch);
        points_.push_back(last.weights.to(device));
        epochs_.push_back(static_cast<double>(file.epoch));
      }
      base::require(points_.size() >= 2,
                    ErrorKind::data,
                    "{}: holds {} of the weights of a run, a line takes two",
                    folder.string(),
                    points_.size());
      fresh_ = train::initial_state(
                   last.architecture, options_.seed + kAnotherSeed, points_.front().options())
                   .weights;
      const std::int64_t used = std::min(arm_.images, problem.train.labels.size(0));
      const auto objective_with = [&](curvature::NormMode norms) {
        return curvature::vision_objective(last.architecture,
                                           points_.back(),
                                           last.statistics.to(device),
                                           problem.train.images.narrow(0, 0, used),
                                           problem.train.labels.narrow(0, 0, used),
                                           {.norms = norms});
      };
      frozen_ = objective_with(curvature::NormMode::running);
      reestimated_ = objective_with(curvature::NormMode::reestimated);
    });
  }

  VisionPathArm arm_;
  ReproduceOptions options_;
  std::once_flag opened_;
  std::vector<at::Tensor> points_;  // (P), by epoch
  std::vector<double> epochs_;
  at::Tensor fresh_;  // (P)
  std::unique_ptr<curvature::Objective> frozen_, reestimated_;
};

}  // namespace

bool train_vision_path(const VisionPathArm& arm,
                       const ReproduceOptions& options,
                       const Voice& voice) {
  return train_once(
      arm.network, settings_of(arm, options), run_folder(arm, options), options, voice);
}

std::string vision_path_owner(const VisionPathArm& arm, const ReproduceOptions& options) {
  return fmt::format("{} {} on {}", kName, arm.network, options.images);
}

std::vector<Measurement> plan_vision_path(const VisionPathArm& arm,
                                          const ReproduceOptions& options) {
  const auto path = std::make_shared<VisionPath>(arm, options);
  const claims::Values fixed{{"seed", static_cast<double>(options.seed)},
                             {"samples", static_cast<double>(arm.samples)},
                             {"epochs", static_cast<double>(arm.epochs)},
                             {"images", static_cast<double>(arm.images)}};
  // Features of a batch beside those of the statistics, for images of 32 x 32.
  constexpr std::uint64_t kBatch = 128;
  const auto shape = net::make_vision_architecture(arm.network, {});
  const std::uint64_t bytes =
      2 * kBatch * sizeof(float) * static_cast<std::uint64_t>(shape.features_per_image());
  std::vector<Measurement> plan;
  const auto add = [&](Point point, auto run) {
    point.settings.insert(fixed.begin(), fixed.end());
    plan.push_back(measurement_of(vision_path_owner(arm, options), 1, point, bytes, run));
  };
  add({.design = "trajectory"}, [path](const Point&) { return path->trajectory(); });
  for (const std::string family : {kReestimated, kFrozen, kFresh}) {
    for (const double a : curvature::line_shares(arm.intervals)) {
      add({.design = "line " + family, .settings = {{"a", a}}}, [path, family](const Point& point) {
        return std::vector<Row>{path->on_line(family, point.at("a"))};
      });
    }
  }
  return plan;
}

}  // namespace overparam::study
