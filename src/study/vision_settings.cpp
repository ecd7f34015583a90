// SPDX-License-Identifier: Apache-2.0
#include "vision_settings.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/net/vision.hpp"
#include "overparam/study/vision_run.hpp"
#include "overparam/train/options.hpp"

namespace overparam::study {

namespace {

using base::require;

/// Settings of other networks, and what to say of them.
struct Unread {
  const char* key;
  const char* reason;
};
constexpr const char* kShape = "its shape is the source's";
constexpr const char* kStops =
    "it ends by train.epochs, train.max_seconds or train.target_accuracy";
constexpr const char* kSteps = "it is trained by SGD";
constexpr std::array kUnread{Unread{"data.normalise", "its images are scaled by channel"},
                             Unread{"network.depth", kShape},
                             Unread{"network.trained", "all of its weights are trained"},
                             Unread{"network.widths", kShape},
                             Unread{"network.tau", kShape},
                             Unread{"network.block_layers", kShape},
                             Unread{"network.last", kShape},
                             Unread{"network.filter", kShape},
                             Unread{"network.filters", kShape},
                             Unread{"network.bias", kShape},
                             Unread{"train.solver", kSteps},
                             Unread{"train.damping", kSteps},
                             Unread{"train.max_steps", kStops},
                             Unread{"train.target_objective", kStops},
                             Unread{"train.target_ratio", kStops},
                             Unread{"train.gradient_norm", kStops},
                             Unread{"run.precision", "its products are plain"}};

bool is_default(const Settings& settings, const std::string& key) {
  return settings.origin(key) == "default";
}

void refuse_unread(const Settings& settings) {
  for (const auto& [key, reason] : kUnread) {
    require(!settings.is_chosen(key),
            ErrorKind::usage,
            "{}: {} is not read by the network of images {}: {}; found \"{}\"",
            settings.origin(key),
            key,
            settings.text("network.kind"),
            reason,
            settings.text(key));
  }
}

/// A setting that has one value here, or one of a few.
void require_value(const Settings& settings,
                   const std::string& key,
                   const std::vector<std::string>& allowed) {
  require(
      is_default(settings, key) || std::ranges::find(allowed, settings.text(key)) != allowed.end(),
      ErrorKind::usage,
      "{}: {} must be {} for the network of images {}, found \"{}\"",
      settings.origin(key),
      key,
      base::join(allowed, " or "),
      settings.text("network.kind"),
      settings.text(key));
}

void check_step(const Settings& settings) {
  if (is_default(settings, "train.step")) return;
  const auto step = base::parse_number(settings.text("train.step"));
  require(step && *step > 0 && std::isfinite(*step),
          ErrorKind::usage,
          "{}: train.step must be a positive number for the network of images {}, found \"{}\"",
          settings.origin("train.step"),
          settings.text("network.kind"),
          settings.text("train.step"));
}

/// Before any arithmetic with sizes: a product of theirs may not fit 64 bits.
void check_width(const Settings& settings) {
  constexpr std::int64_t kMost = 100'000;
  const bool is_given = !is_default(settings, "network.width");
  require(!is_given || settings.integer("network.width") <= kMost,
          ErrorKind::capacity,
          "{}: would not fit any memory: {} channels",
          settings.origin("network.width"),
          settings.integer("network.width"));
}

/// How the source trains the network.
std::vector<std::pair<std::string, std::string>> recipe_of(const std::string& network,
                                                           std::int64_t num_samples) {
  const bool is_vgg = network.starts_with("vgg");
  const std::int64_t width = net::make_vision_architecture(network, {}).options.width;
  // The gradient of k images costs about what training on them does.
  const std::int64_t measured = std::min(num_samples, kMostMeasured);
  const std::int64_t every = (10 * measured + num_samples - 1) / num_samples;
  return {{"network.width", std::to_string(width)},
          {"train.loss", "cross-entropy"},
          {"train.method", "sgd"},
          {"train.batch", std::to_string(std::min<std::int64_t>(128, num_samples))},
          {"train.step", "0.1"},
          {"train.momentum", "0.9"},
          {"train.weight_decay", is_vgg ? "0.0005" : "0.0001"},
          {"train.schedule", "81:0.1,122:0.1"},
          {"train.measure_every", std::to_string(every)}};
}

std::string schedule_text(const std::vector<train::StepChange>& schedule) {
  std::string text;
  for (const auto& [epoch, factor] : schedule) {
    text += fmt::format("{} times {} from epoch {} on", text.empty() ? "" : " and", factor, epoch);
  }
  return text;
}

}  // namespace

bool is_vision(const Settings& settings) {
  return net::is_vision_network(settings.text("network.kind"));
}

void refuse_vision(const Settings& settings, const std::string& command) {
  require(!is_vision(settings),
          ErrorKind::usage,
          "{}: {} is a network of images: train and landscape take it, {} does not",
          settings.origin("network.kind"),
          settings.text("network.kind"),
          command);
}

Settings resolve_vision(const Settings& given, std::int64_t num_samples) {
  const std::string& network = given.text("network.kind");
  refuse_unread(given);
  require_value(given, "train.method", {"sgd"});
  require_value(given, "train.loss", {"cross-entropy"});
  require_value(given, "train.sampling", {"epoch"});
  require_value(given, "network.activation", {"relu", "softplus"});
  check_step(given);
  check_width(given);
  (void)parse_snapshots(given);
  (void)train::parse_schedule(given.text("train.schedule"));

  Settings settings = given;
  for (const auto& [key, value] : recipe_of(network, num_samples)) {
    const bool is_open =
        (key == "train.batch" || key == "train.measure_every") && given.integer(key) == 0;
    if (is_default(given, key) || is_open) settings.set(key, value, "the recipe of " + network);
  }
  return settings;
}

std::string recipe_text(const Settings& resolved, std::int64_t num_samples) {
  const auto options = vision_options(resolved);
  std::vector<std::string> changed;
  for (const auto& [key, value] : recipe_of(resolved.text("network.kind"), num_samples)) {
    if (key != "train.measure_every" && resolved.text(key) != value) changed.push_back(key);
  }
  for (const char* key : {"train.epochs", "train.augment", "network.activation"}) {
    if (resolved.text(key) != find_option(key, key).fallback) changed.emplace_back(key);
  }
  return fmt::format(
      "SGD in batches of {}, step size {}{}, momentum {}, weight decay {}, {} epochs, "
      "{}, width {} ({})",
      options.batch_size,
      options.step_size,
      schedule_text(options.schedule),
      options.momentum,
      options.weight_decay,
      base::format_count(options.epochs),
      options.augment ? "images shifted and mirrored" : "images as they are",
      resolved.integer("network.width"),
      changed.empty() ? "all as in the source"
                      : "as in the source but for " + base::join(changed, ", "));
}

std::vector<std::int64_t> parse_snapshots(const Settings& settings) {
  const std::string& text = settings.text("train.snapshots");
  const std::int64_t epochs = settings.integer("train.epochs");
  std::vector<std::int64_t> snapshots;
  if (text == "all") {
    for (std::int64_t epoch = 1; epoch <= epochs; ++epoch) snapshots.push_back(epoch);
    return snapshots;
  }
  if (text.empty()) return snapshots;
  for (const auto& part : base::split(text, ',')) {
    const auto epoch = base::parse_integer(base::trim(part));
    require(epoch && *epoch >= 1,
            ErrorKind::usage,
            "{}: train.snapshots must be epochs from 1 on such as 5,40,90, or all, found \"{}\"",
            settings.origin("train.snapshots"),
            text);
    if (*epoch <= epochs) snapshots.push_back(*epoch);
  }
  std::ranges::sort(snapshots);
  snapshots.erase(std::ranges::unique(snapshots).begin(), snapshots.end());
  return snapshots;
}

train::VisionTrainOptions vision_options(const Settings& resolved) {
  return {.epochs = resolved.integer("train.epochs"),
          .batch_size = resolved.integer("train.batch"),
          .step_size = base::parse_number(resolved.text("train.step")).value(),
          .momentum = resolved.number("train.momentum"),
          .weight_decay = resolved.number("train.weight_decay"),
          .schedule = train::parse_schedule(resolved.text("train.schedule")),
          .augment = resolved.text("train.augment") == "crop-flip",
          .seed = static_cast<std::uint64_t>(resolved.integer("run.seed"))};
}

std::int64_t measured_batch() {
  return std::clamp<std::int64_t>(256 / at::get_num_threads(), 16, 128);
}

}  // namespace overparam::study
