// SPDX-License-Identifier: Apache-2.0
#include "landscape_source.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "overparam/base/array_files.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/curvature/network_objective.hpp"
#include "overparam/curvature/script_objective.hpp"
#include "overparam/study/prepare.hpp"
#include "overparam/study/training.hpp"
#include "overparam/train/checkpoint.hpp"
#include "run_folder.hpp"
#include "tensor_key.hpp"
#include "vision_source.hpp"

namespace overparam::study {

namespace fs = std::filesystem;

namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// The paper's networks: the run's first and last weights, on its first samples, in float64.
class NetworkSource final : public LandscapeSource {
 public:
  NetworkSource(const Settings& settings, const fs::path& folder)
      : settings_(settings), folder_(folder) {
    refuse_chosen(settings,
                  {"landscape.norms", "landscape.arrays", "run.device"},
                  "a run of a network without batch normalisation, on the CPU");
    run_ = settings_of_run(settings, folder);
    data_ = prepare_data(run_);
    problem_ = training_problem(data_, run_);
    architecture_ = build_architecture(run_, network_input(data_));
    names_ = choose_points(settings, {"start", "end"}, {"end"});
  }

  [[nodiscard]] std::vector<std::string> names() const override { return names_; }

  [[nodiscard]] LandscapePoint open(std::size_t index) const override {
    const net::Network network = network_at(names_[index]);
    const std::int64_t n = problem_.size();
    const auto [used, beside] = share_samples(settings_, n);
    LandscapePoint point{.name = names_[index], .step_size = kUnknown};
    point.objective = objective_of(network, 0, used);
    if (beside > 0) point.held_out = objective_of(network, used, beside);
    point.weights = point.objective->weights();
    return point;
  }

  [[nodiscard]] std::vector<std::string> waypoints() const override { return {"start", "end"}; }

  [[nodiscard]] at::Tensor weights_at(const std::string& waypoint) const override {
    return objective_of(network_at(waypoint), 0, 1)->weights();
  }

  [[nodiscard]] std::string fingerprint() const override { return run_.fingerprint(); }

 private:
  [[nodiscard]] net::Network network_at(const std::string& name) const {
    const fs::path file = folder_ / (name == "start" ? kInitialWeights : kWeights);
    net::Network network(architecture_,
                         static_cast<std::uint64_t>(run_.integer("run.seed")),
                         problem_.inputs.options());
    train::load_weights(network, base::read_safetensors(file), file.string());
    return network.converted(at::kDouble);
  }

  [[nodiscard]] std::unique_ptr<curvature::Objective> objective_of(const net::Network& network,
                                                                   std::int64_t begin,
                                                                   std::int64_t count) const {
    const auto part = [&](const at::Tensor& all) {
      return all.defined() ? all.narrow(0, begin, count) : all;
    };
    // Batches of an eighth, so that there are several to take a standard error over.
    const std::int64_t batch = std::clamp<std::int64_t>((count + 7) / 8, 1, 1024);
    return curvature::network_objective(network,
                                        {.inputs = part(problem_.inputs).to(at::kDouble),
                                         .targets = part(problem_.targets).to(at::kDouble),
                                         .labels = part(problem_.labels),
                                         .num_classes = problem_.num_classes},
                                        problem_.loss,
                                        batch);
  }

  const Settings& settings_;
  fs::path folder_;
  Settings run_;
  PreparedData data_;
  train::Problem problem_;
  net::Architecture architecture_;
  std::vector<std::string> names_;
};

/// Of a .npz file or one of safetensors.
std::map<std::string, at::Tensor> named_arrays(const fs::path& path) {
  if (path.extension() == ".npz") return base::read_npz(path);
  const auto file = base::read_safetensors(path);
  return {file.tensors.begin(), file.tensors.end()};
}

/// A module of the user's own, at its own weights.
class ScriptSource final : public LandscapeSource {
 public:
  ScriptSource(const Settings& settings, const fs::path& file) : settings_(settings), file_(file) {
    refuse_chosen(settings, {"data.source", "landscape.norms", "run.device"}, "a module");
    const std::string& arrays = settings.text("landscape.arrays");
    base::require(!arrays.empty(),
                  ErrorKind::usage,
                  "{} is a module: --arrays FILE must name its inputs and targets",
                  file.string());
    const auto read = named_arrays(arrays);
    for (const auto& [name, tensor] :
         {std::pair{"inputs", &inputs_}, std::pair{"targets", &targets_}}) {
      const auto found = read.find(name);
      base::require(
          found != read.end(), ErrorKind::data, "{}: holds no array \"{}\"", arrays, name);
      *tensor = found->second;
    }
    base::require(inputs_.dim() > 0 && targets_.dim() > 0 && inputs_.size(0) == targets_.size(0),
                  ErrorKind::data,
                  "{}: inputs and targets have {} and {} rows",
                  arrays,
                  inputs_.dim() > 0 ? inputs_.size(0) : 0,
                  targets_.dim() > 0 ? targets_.size(0) : 0);
    names_ = choose_points(settings, {"end"}, {"end"});
  }

  [[nodiscard]] std::vector<std::string> names() const override { return names_; }

  [[nodiscard]] LandscapePoint open(std::size_t index) const override {
    const std::int64_t n = inputs_.size(0);
    const auto [used, beside] = share_samples(settings_, n);
    LandscapePoint point{.name = names_[index], .step_size = kUnknown};
    point.objective = objective_of(0, used);
    if (beside > 0) point.held_out = objective_of(used, beside);
    point.weights = point.objective->weights();
    return point;
  }

  [[nodiscard]] std::string fingerprint() const override {
    return base::stable_key(base::read_file(file_)) + key_of(inputs_) + key_of(targets_);
  }

 private:
  [[nodiscard]] std::unique_ptr<curvature::Objective> objective_of(std::int64_t begin,
                                                                   std::int64_t count) const {
    return curvature::script_objective(file_,
                                       inputs_.narrow(0, begin, count),
                                       targets_.narrow(0, begin, count),
                                       std::clamp<std::int64_t>((count + 7) / 8, 1, 128));
  }

  const Settings& settings_;
  fs::path file_;
  at::Tensor inputs_, targets_;
  std::vector<std::string> names_;
};

}  // namespace

std::vector<LandscapeSource::Mode> LandscapeSource::other_modes(std::size_t) const { return {}; }

std::vector<std::string> LandscapeSource::waypoints() const { return {}; }

at::Tensor LandscapeSource::weights_at(const std::string&) const {
  base::fail(ErrorKind::internal, "landscape: a subject without waypoints was asked for one");
}

void refuse_chosen(const Settings& settings,
                   std::initializer_list<const char*> keys,
                   const std::string& subject) {
  for (const char* key : keys) {
    base::require(!settings.is_chosen(key),
                  ErrorKind::usage,
                  "{}: {} means nothing to {}",
                  settings.origin(key),
                  key,
                  subject);
  }
}

Settings settings_of_run(const Settings& settings, const std::filesystem::path& folder) {
  Settings run;
  run.load_file(folder / kConfig);
  if (settings.is_chosen("data.source")) {
    run.set("data.source", settings.text("data.source"), settings.origin("data.source"));
  }
  run.set("run.device", settings.text("run.device"), settings.origin("run.device"));
  return run;
}

SampleShare share_samples(const Settings& settings, std::int64_t n) {
  const std::int64_t asked = settings.integer("landscape.samples");
  const std::int64_t used = asked == 0 ? n : std::min(asked, n);
  return {.used = used, .held_out = std::min(settings.integer("landscape.held_out"), n - used)};
}

std::vector<std::string> choose_points(const Settings& settings,
                                       const std::vector<std::string>& known,
                                       const std::vector<std::string>& all) {
  const std::string& text = settings.text("landscape.at");
  if (text == "all") return all;
  if (text == "last") return {known.back()};
  std::vector<std::string> chosen;
  for (const auto& part : base::split(text, ',')) {
    const std::string name(base::trim(part));
    const auto found = std::ranges::find_if(known, [&](const std::string& candidate) {
      return candidate == name || candidate == "epoch " + name;
    });
    base::require(found != known.end(),
                  ErrorKind::usage,
                  "{}: there is no point \"{}\"; there are {}",
                  settings.origin("landscape.at"),
                  name,
                  base::join(known, ", "));
    chosen.push_back(*found);
  }
  return chosen;
}

std::unique_ptr<LandscapeSource> open_landscape_source(const Settings& settings,
                                                       const fs::path& subject) {
  base::require(fs::exists(subject), ErrorKind::data, "there is no {}", subject.string());
  if (fs::is_regular_file(subject)) return std::make_unique<ScriptSource>(settings, subject);
  if (is_vision_run(subject)) return vision_source(settings, subject);
  base::require(fs::exists(subject / kConfig) && fs::exists(subject / kWeights),
                ErrorKind::data,
                "{}: holds no finished run (config.toml and weights.safetensors)",
                subject.string());
  return std::make_unique<NetworkSource>(settings, subject);
}

}  // namespace overparam::study
