// SPDX-License-Identifier: Apache-2.0
// Figure 1 of Allen-Zhu, Li, Song 2019, and its variants: the objective of a residual network on
// images around the weights of SGD after 5, 40, 90, 120, 130 and 160 epochs, over the gradient and
// the most negatively curved direction of the Hessian after smoothing. The source leaves open the
// ranges, the images, the mode of batch normalisation and the smoothing: all are settings here, and
// stand in the files.
#include <algorithm>
#include <cmath>

#include "overparam/base/files.hpp"
#include "overparam/base/text.hpp"
#include "overparam/report/surface.hpp"
#include "overparam/study/landscape.hpp"
#include "overparam/study/recipe.hpp"
#include "overparam/study/vision_run.hpp"
#include "support/train_once.hpp"

namespace overparam::study {

namespace fs = std::filesystem;

namespace {

using base::format_number;
using claims::Scale;

constexpr const char* kName = "allenzhu2019-fig1";
constexpr const char* kEpochs = "5,40,90,120,130,160";  // two a phase of the step size

/// The criteria: (i) to (v) of what the figure is said to show.
constexpr double kLeastDrop = 0.01;
constexpr double kMostBenefit = 0.05;
constexpr double kMostSecondOrder = 0.1;
constexpr double kLeastQuadratic = 0.9;

/// A network, its labels, and how finely its surfaces are drawn.
struct Arm {
  std::string network;
  std::string labels = "true";
  std::int64_t train_images = 0;  ///< 0: all
  std::int64_t images = 1000;     ///< that surfaces are taken over
  std::string grid = "25";
  std::int64_t products = 60;

  [[nodiscard]] std::string name() const {
    return labels == "true" ? network : network + "-" + labels;
  }
};

std::vector<Arm> arms_at(Scale scale) {
  switch (scale) {
    case Scale::quick:
      return {
          {.network = "resnet8", .train_images = 500, .images = 500, .grid = "11", .products = 20}};
    case Scale::standard:
      return {{.network = "resnet20"}};
    case Scale::full:
      break;
  }
  std::vector<Arm> arms;
  for (const char* network : {"resnet32", "resnet110", "vgg19-bn"}) {
    for (const char* labels : {"true", "noisy:0.2"}) {
      arms.push_back({.network = network, .labels = labels, .images = 10'000, .grid = "51"});
    }
  }
  return arms;
}

Settings training_settings(const Arm& arm, const ReproduceOptions& options) {
  Settings settings;
  const auto set = [&](const char* key, const std::string& value) {
    settings.set(key, value, kName);
  };
  set("network.kind", arm.network);
  set("data.source", options.images);
  // Generated images come in the number that is asked for.
  constexpr std::int64_t kGenerated = 1000;
  const bool generated = !fs::exists(options.images);
  set("data.samples",
      std::to_string(arm.train_images == 0 && generated ? kGenerated : arm.train_images));
  set("data.labels", arm.labels);
  set("train.snapshots", kEpochs);
  set("run.seed", std::to_string(options.seed));
  set("run.device", options.device);
  set("run.threads", std::to_string(options.threads));
  return settings;
}

Settings landscape_settings(const Arm& arm, const ReproduceOptions& options) {
  Settings settings;
  const auto set = [&](const char* key, const std::string& value) {
    settings.set(key, value, kName);
  };
  set("landscape.at", kEpochs);
  set("landscape.grid", arm.grid);
  set("landscape.samples", std::to_string(arm.images));
  set("landscape.held_out", std::to_string(std::min<std::int64_t>(arm.images, 1000)));
  set("landscape.products", std::to_string(arm.products));
  set("landscape.check_products", std::to_string(arm.products));
  set("run.seed", std::to_string(options.seed));
  set("run.device", options.device);
  set("run.threads", std::to_string(options.threads));
  return settings;
}

/// Another seed, scale or file trains another run.
fs::path run_folder(const Arm& arm, const ReproduceOptions& options) {
  return options.folder /
         fmt::format("{}-{}", arm.name(), training_settings(arm, options).fingerprint());
}

LandscapeRecord draw_arm(const Arm& arm,
                         const ReproduceOptions& options,
                         bool fresh,
                         const Voice& voice) {
  const fs::path folder = run_folder(arm, options);
  const auto record = run_landscape(landscape_settings(arm, options),
                                    folder,
                                    {.folder = folder / "landscape", .fresh = fresh},
                                    voice);
  if (!record.interrupted) report::write_page(landscape_page(record), folder / "landscape");
  return record;
}

/// What the arms will take, in operations.
void say_plan(const std::vector<Arm>& arms, const ReproduceOptions& options, const Voice& voice) {
  for (const auto& arm : arms) {
    const auto problem = prepare_vision(training_settings(arm, options));
    const auto epochs = static_cast<double>(problem.settings.integer("train.epochs"));
    const auto n = static_cast<double>(problem.train.labels.size(0));
    const double pass = 2 * problem.architecture.products_per_image();  // forward, one image
    const double side = *base::parse_number(arm.grid);
    const auto images =
        static_cast<double>(std::min<std::int64_t>(arm.images, problem.train.labels.size(0)));
    const double cells = 6 * side * side * images * pass;
    const double products = 6 * 2 * 2 * 3.0 * static_cast<double>(arm.products) * images * pass;
    voice.say(
        fmt::format("{}: {} operations to train ({} epochs of {} images), {} for directions, {} "
                    "for surfaces",
                    arm.name(),
                    format_number(3 * pass * n * epochs),
                    epochs,
                    base::format_count(problem.train.labels.size(0)),
                    format_number(products),
                    format_number(cells)));
  }
}

bool make(const ReproduceOptions& options, const Voice& voice) {
  const auto arms = arms_at(options.scale);
  say_plan(arms, options, voice);
  for (const auto& arm : arms) {
    const auto settings = training_settings(arm, options);
    if (!train_once(arm.name(), settings, run_folder(arm, options), options, voice) ||
        draw_arm(arm, options, options.fresh, voice).interrupted) {
      return false;
    }
  }
  return true;
}

void add_criterion(Conclusion& conclusion,
                   const std::string& group,
                   const std::string& quantity,
                   double measured,
                   const std::string& criterion,
                   bool met) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  conclusion.comparisons.push_back({.group = group,
                                    .quantity = quantity,
                                    .against = "Figure 1, in words",
                                    .published = kNone,
                                    .measured = measured,
                                    .interval = {kNone, kNone},
                                    .criterion = criterion,
                                    .met = met});
}

void add_criteria(const Arm& arm, const LandscapeRecord& record, Conclusion& conclusion) {
  struct Kind {
    const char* group;
    double curvature::DescentCriteria::*value;
    double bound;
    bool at_least;
  };
  constexpr Kind kKinds[] = {
      {"(i) the gradient leads down: drop of f by the best step, over f",
       &curvature::DescentCriteria::drop,
       kLeastDrop,
       true},
      {"(ii) negative curvature adds little: further drop along it, over f there",
       &curvature::DescentCriteria::benefit,
       kMostBenefit,
       false},
      {"(iii) its second-order term beside the gradient's first-order one",
       &curvature::DescentCriteria::second_order_share,
       kMostSecondOrder,
       false},
      {"(iv) smooth: R² of a quadratic within the best step",
       &curvature::DescentCriteria::quadratic,
       kLeastQuadratic,
       true}};
  for (const auto& kind : kKinds) {
    for (const auto& landscape : record.landscapes) {
      const double measured = landscape.criteria ? (*landscape.criteria).*kind.value : std::nan("");
      add_criterion(conclusion,
                    kind.group,
                    arm.name() + ", " + landscape.name,
                    measured,
                    fmt::format("{} {:g}", kind.at_least ? "at least" : "at most", kind.bound),
                    kind.at_least ? measured >= kind.bound : measured <= kind.bound);
    }
  }
  const auto decay = gradient_decay(record.landscapes);
  add_criterion(conclusion,
                "(v) gradients do not vanish before the objective does",
                arm.name() + ": exponent p of |grad f|² ~ f^p",
                decay.exponent,
                fmt::format("in [0, {:g}]", kMostGradientDecay),
                decay.exponent >= 0 && decay.exponent <= kMostGradientDecay);
}

std::string finding_of(const Arm& arm,
                       const LandscapeRecord& record,
                       const ReproduceOptions& options) {
  const auto found = std::ranges::count_if(record.landscapes, [](const Landscape& landscape) {
    return landscape.axes.size() > 1 && landscape.axes[1].curvature &&
           landscape.axes[1].curvature->curvature < 0;
  });
  std::string text = fmt::format(
      "**{}** on {} images; surfaces over {} of them. Negative curvature was found at {} of {} "
      "points; "
      "products with the Hessian: {}.",
      arm.name(),
      options.images,
      base::format_count(record.samples),
      found,
      record.landscapes.size(),
      record.product);
  if (options.scale != Scale::full) {
    text += " A smaller network on fewer images stands in for the source's: a proxy.";
  }
  return text;
}

report::Table cells_table(const std::vector<std::pair<Arm, LandscapeRecord>>& drawn) {
  report::Table table{.columns = {{"network", ""}, {"point", ""}, {"x", ""}, {"y", ""}, {"f", ""}}};
  for (const auto& [arm, record] : drawn) {
    for (const auto& landscape : record.landscapes) {
      const double* cells = landscape.objective.data_ptr<double>();
      for (const double y : landscape.y) {
        for (const double x : landscape.x)
          table.add_row({arm.name(), landscape.name, x, y, *cells++});
      }
    }
  }
  return table;
}

/// The landscapes are there already: drawing them again reads them.
Conclusion conclude(const ReproduceOptions& options, const std::vector<Measured>&) {
  Conclusion conclusion;
  std::vector<std::pair<Arm, LandscapeRecord>> drawn;
  for (const auto& arm : arms_at(options.scale))
    drawn.emplace_back(arm, draw_arm(arm, options, false, {}));
  for (const auto& [arm, record] : drawn) {
    conclusion.findings.push_back(finding_of(arm, record, options));
    add_criteria(arm, record, conclusion);
    auto figure = landscape_figure(record);
    figure.id = "surfaces-" + arm.network + (arm.labels == "true" ? "" : "-noisy");
    figure.title = "The objective around SGD's weights: " + arm.name();
    conclusion.blocks.emplace_back(std::move(figure));
    const auto page = landscape_page(record);
    for (const auto& block : page.blocks) {
      if (std::holds_alternative<report::Table>(block)) conclusion.blocks.push_back(block);
    }
  }
  const auto missed = std::ranges::count_if(
      conclusion.comparisons,
      [](const Comparison& comparison) { return !comparison.met.value_or(true); });
  conclusion.findings.insert(
      conclusion.findings.begin(),
      missed == 0 ? "All criteria hold at all points."
                  : fmt::format("{} of {} criteria do not hold; the tables below say which.",
                                missed,
                                conclusion.comparisons.size()));
  conclusion.data = cells_table(drawn);
  return conclusion;
}

}  // namespace

Recipe allenzhu2019_fig1() {
  return {
      .name = kName,
      .title = "Figure 1 of Allen-Zhu, Li, Song 2019",
      .source =
          "Allen-Zhu, Li, Song: A Convergence Theory for Deep Learning via Over-Parameterization "
          "(ICML 2019), Figure 1 and its variants: objectives around SGD's weights, along the "
          "gradient and the most negative curvature of the smoothed Hessian",
      .cost =
          "quick (ResNet-8, 500 images) 6 min, standard (ResNet-20, 10,000 images) 2.5 h, full "
          "(ResNet-32, ResNet-110, VGG19) a day of a GPU",
      .reads_images = true,
      .trains_on_device = true,
      .make = make,
      .plan = [](const ReproduceOptions&) { return std::vector<Measurement>{}; },
      .conclude = conclude,
  };
}

}  // namespace overparam::study
