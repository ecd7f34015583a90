// SPDX-License-Identifier: Apache-2.0
// Goodfellow, Vinyals, Saxe 2015: the objective along the straight line from the initial weights to
// those that training found, f((1 - a) W_0 + a W_f) for a in [-0.2, 1.2]. The source saw it fall
// without a barrier and nearly convex on the networks of its time, and a barrier between two
// solutions. Frankle 2020 (arXiv 2012.06898) saw on residual networks that f stays high until near
// the end, and Lucas et al. 2021 (arXiv 2104.11044) that batch normalisation breaks monotony. Both
// kinds are measured here, with the way that training took beside the line,
//
//     W_t = W_0 + alpha_t (W_f - W_0) + beta_t v_t,    |v_t| = 1 orthogonal to the line
#include <algorithm>
#include <cmath>
#include <limits>

#include "measuring.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/claims/path_run.hpp"
#include "overparam/curvature/path.hpp"
#include "overparam/study/prepare.hpp"
#include "overparam/study/recipe.hpp"
#include "support/lines.hpp"
#include "support/vision_path.hpp"

namespace overparam::study {

namespace {

using base::format_number;
using claims::Point;
using claims::Row;
using claims::Scale;
using curvature::LineShape;

constexpr const char* kName = "goodfellow2015";
constexpr std::uint64_t kAnotherSeed = 1'000'000;

/// Families of lines of the fully connected network; all end at the solution of the first seed.
constexpr const char* kOwn = "own start";
constexpr const char* kOther = "another solution";
constexpr const char* kRandom = "fresh start";

/// The criteria, all in units of f(W_0).
constexpr double kMostRise = 1e-3;
constexpr double kMostDent = 0.2;
constexpr double kLeastBarrier = 0.1;

/// The fully connected network, its images, and how many trainings.
struct DenseArm {
  std::int64_t samples = 0, test = 0, width = 0, epochs = 0;
  int seeds = 0;
};

DenseArm dense_arm(Scale scale) {
  switch (scale) {
    case Scale::quick:
      return {.samples = 500, .test = 500, .width = 128, .epochs = 40, .seeds = 3};
    case Scale::standard:
      return {.samples = 1000, .test = 1000, .width = 256, .epochs = 60, .seeds = 5};
    case Scale::full:
      break;
  }
  return {.samples = 5000, .test = 2000, .width = 512, .epochs = 60, .seeds = 10};
}

VisionPathArm vision_arm(Scale scale) {
  switch (scale) {
    case Scale::quick:
      return {.network = "resnet8", .samples = 200, .epochs = 20, .batch = 40, .images = 200};
    case Scale::standard:
      return {.network = "resnet8", .samples = 2000, .epochs = 40, .images = 1000};
    case Scale::full:
      break;
  }
  return {.network = "resnet20", .samples = 10'000, .epochs = 164, .images = 5000};
}

/// Training and test images with the loss of the source.
struct DenseData {
  train::Problem train, test;
};

DenseData dense_data(const DenseArm& arm, const ReproduceOptions& options) {
  Settings settings;
  const auto set = [&](const char* key, const std::string& value) {
    settings.set(key, value, kName);
  };
  set("data.source", options.images);
  set("data.samples", std::to_string(arm.samples));
  set("data.test", std::to_string(arm.test));
  set("data.normalise", "sphere");
  set("train.loss", "cross-entropy");
  set("run.seed", std::to_string(options.seed));
  const auto prepared = prepare_data(settings);
  base::require(prepared.dataset.num_classes > 1,
                ErrorKind::data,
                "{}: {} takes data with classes, found none",
                options.images,
                kName);
  return {training_problem(prepared, settings), test_problem(prepared, settings)};
}

claims::PathSetting setting_of(const Point& point) {
  return {.width = point.integer("m"), .epochs = point.integer("epochs"), .seed = point.seed()};
}

/// One training, another from other weights, and the three lines to the end of the first.
std::vector<Row> measure_dense(const Point& point, const DenseData& data) {
  const auto setting = setting_of(point);
  auto other = setting;
  other.seed += kAnotherSeed;
  const auto training = claims::train_path(data.train, setting);
  const auto second = claims::train_path(data.train, other);
  other.seed += kAnotherSeed;
  const at::Tensor fresh = claims::path_objective(data.train, other)->weights();
  const auto objective = claims::path_objective(data.train, setting);
  const auto held_out = claims::path_objective(data.test, setting);

  std::vector<Row> rows;
  const auto add = [&](const char* family, const at::Tensor& from) {
    const auto line = [&](const curvature::Objective& of) {
      return curvature::evaluate_line(of, from, training.end(), curvature::line_shares(), 1);
    };
    const auto curve = line(*objective), beside = line(*held_out);
    for (std::size_t i = 0; i < curve.shares.size(); ++i) {
      rows.push_back({.design = "line",
                      .family = family,
                      .values = {{"seed", point.at("seed")},
                                 {"a", curve.shares[i]},
                                 {"f", curve.objective[i]},
                                 {"accuracy", curve.accuracy[i]},
                                 {"test_f", beside.objective[i]}}});
    }
  };
  add(kOwn, training.start());
  add(kOther, second.end());
  add(kRandom, fresh);
  for (auto& row : trajectory_rows(training.points, training.epochs, training.objective)) {
    row.values["seed"] = point.at("seed");
    rows.push_back(std::move(row));
  }
  return rows;
}

/// Rows on other images are other rows.
std::string dense_owner(const ReproduceOptions& options) {
  return fmt::format("{} on {}", kName, options.images);
}

std::vector<Measurement> plan(const ReproduceOptions& options) {
  const auto arm = dense_arm(options.scale);
  const auto data = dense_data(arm, options);
  // The sum of the images tells a file that has changed.
  const claims::Design design{.name = "fully connected",
                              .fixed = {{"m", static_cast<double>(arm.width)},
                                        {"n", static_cast<double>(arm.samples)},
                                        {"epochs", static_cast<double>(arm.epochs)},
                                        {"sum", data.train.inputs.sum(at::kDouble).item<double>()}},
                              .seeds = arm.seeds};
  std::vector<Measurement> measurements;
  for (const auto& point : claims::points_of(design, options.seed)) {
    const auto memory = claims::plan_path(arm.samples + arm.test,
                                          data.train.inputs.size(1),
                                          data.train.targets.size(1),
                                          setting_of(point));
    measurements.push_back(
        measurement_of(dense_owner(options), 1, point, 2 * memory.total(), [data](const Point& at) {
          return measure_dense(at, data);
        }));
  }
  return measurements;
}

MeasuringResult measure_vision(const ReproduceOptions& options, bool fresh, const Voice& voice) {
  const auto arm = vision_arm(options.scale);
  return measure_all(plan_vision_path(arm, options),
                     {.folder = options.folder, .threads = options.threads, .fresh = fresh},
                     "the line of " + arm.network,
                     voice);
}

bool make(const ReproduceOptions& options, const Voice& voice) {
  return train_vision_path(vision_arm(options.scale), options, voice) &&
         !measure_vision(options, options.fresh, voice).interrupted;
}

constexpr const char* kShareLabel = "a, share of the way";

report::Figure dense_figure(const Lines& own, const Lines& random, const Lines& other) {
  report::Figure figure{
      .id = "lines-fully-connected",
      .title = "Three lines to the same solution, fully connected",
      .caption =
          "f((1 - a) W + a W₁), mean over the seeds with its 95 % interval; W₁ is what "
          "training found, W its own initial weights, initial weights of another seed, or "
          "another solution. A barrier would be a rise between 0 and 1.",
      .x = {.label = kShareLabel},
      .y = {.label = "f, mean loss"}};
  figure.series.push_back(objective_series("from its own start", own));
  figure.series.push_back(held_out_series("the same, test images", own));
  figure.series.push_back(objective_series("from a fresh start", random));
  figure.series.push_back(objective_series("from another solution", other));
  return figure;
}

report::Figure vision_figure(const Lines& reestimated, const Lines& frozen, const Lines& fresh) {
  report::Figure figure{
      .id = "lines-" + reestimated.network,
      .title = "The line of " + reestimated.network,
      .caption =
          "Batch normalisation makes f another function of the weights: with means and "
          "variances estimated anew at each point, or frozen as they were at the end.",
      .x = {.label = kShareLabel},
      .y = {.label = "f, mean loss"}};
  figure.series.push_back(objective_series("from its own start, re-estimated", reestimated));
  figure.series.push_back(objective_series("the same, frozen statistics", frozen));
  figure.series.push_back(objective_series("from a fresh start, re-estimated", fresh));
  return figure;
}

struct Criterion {
  const char* group;
  const char* against;
  double bound = std::numeric_limits<double>::quiet_NaN();  ///< NaN: shown only
  bool at_least = false;
};
constexpr Criterion kMonotone{
    "(a) monotone: largest rise on the line, over f(W₀)", "no barrier on the line", kMostRise};
constexpr Criterion kConvex{
    "(a) nearly convex: largest height above the convex envelope, over f(W₀)",
    "convex but for a flat start",
    kMostDent};
constexpr Criterion kSecond{"(a) largest negative second difference, over the largest positive one",
                            "almost convex"};
constexpr Criterion kApart{"(b) two solutions are apart: barrier between them, over f(W₀)",
                           "each is a minimum of its own",
                           kLeastBarrier,
                           true};
constexpr Criterion kShown{"(c), (d) controls and residual networks: largest rise, over f(W₀)",
                           "Lucas et al. 2021: batch normalisation breaks monotony"};
constexpr Criterion kPlateau{"Share of the way on which f exceeds 0.9 f(W₀)",
                             "Frankle 2020: f stays high until near the end"};
constexpr Criterion kBeside{"(e) largest distance |β v| of training from the line, over its length",
                            "small, but not zero"};

/// Mean over the seeds; the worst of them decides.
void add_criterion(Conclusion& conclusion,
                   const Criterion& criterion,
                   const std::string& quantity,
                   const std::vector<double>& values) {
  Comparison comparison{.group = criterion.group,
                        .quantity = quantity,
                        .against = criterion.against,
                        .published = std::numeric_limits<double>::quiet_NaN(),
                        .measured = linalg::mean(values),
                        .interval = interval_of_mean(values),
                        .criterion = "shown"};
  if (!std::isnan(criterion.bound)) {
    comparison.criterion = fmt::format(
        "{} {:g}, each seed", criterion.at_least ? "at least" : "at most", criterion.bound);
    comparison.met = std::ranges::all_of(values, [&](double value) {
      return criterion.at_least ? value >= criterion.bound : value <= criterion.bound;
    });
  }
  conclusion.comparisons.push_back(std::move(comparison));
}

std::string label_of(const Lines& lines) { return lines.network + ", " + lines.name; }

/// A length of each line over f at the start of the first, which may be another line's.
std::vector<double> over(const Lines& lines, double LineShape::*value, const Lines& start) {
  std::vector<double> ratios;
  for (std::size_t k = 0; k < lines.shapes.size(); ++k) {
    ratios.push_back(lines.shapes[k].*value / start.shapes[k].start);
  }
  return ratios;
}

/// -min f'' / max f'', 0 where no second difference is negative.
std::vector<double> negative_share(const Lines& lines) {
  std::vector<double> shares;
  for (const auto& shape : lines.shapes) {
    shares.push_back(std::max(0.0, -shape.least_curvature) / shape.largest_curvature);
  }
  return shares;
}

/// "0.12 ± 0.01", without an interval for one value.
std::string text_of(const std::vector<double>& values) {
  if (values.size() < 2) return format_number(values.front(), 3);
  return fmt::format("{} ± {}",
                     format_number(linalg::mean(values), 3),
                     format_number(linalg::standard_deviation(values), 2));
}

std::string dense_finding(const ReproduceOptions& options,
                          const Lines& own,
                          const Lines& other,
                          const Lines& random) {
  const auto rises = over(own, &LineShape::rise, own);
  const double worst = std::ranges::max(rises);
  return fmt::format(
      "**{}**, width {}, {} trainings on {}, means ± standard deviations: on the line from the "
      "initial weights f falls from {} to {} {}, and stays within {} f(W₀) of a convex curve. Two "
      "solutions are separated by a barrier of {} "
      "f(W₀). From initial weights of another seed, which training never saw, the largest rise is "
      "{} f(W₀) and the height above a convex curve {} f(W₀).",
      own.network,
      dense_arm(options.scale).width,
      own.shapes.size(),
      options.images,
      text_of(own.each(&LineShape::start)),
      text_of(own.each(&LineShape::end)),
      worst == 0 ? std::string("without any rise")
                 : fmt::format("with a rise of {} f(W₀) at most", format_number(worst, 2)),
      text_of(over(own, &LineShape::dent, own)),
      text_of(over(other, &LineShape::barrier, own)),
      format_number(std::ranges::max(over(random, &LineShape::rise, random)), 2),
      text_of(over(random, &LineShape::dent, random)));
}

std::string rise_text(double rise) {
  return rise == 0 ? "never rises" : fmt::format("rises by {} f(W₀)", format_number(rise, 2));
}

std::string vision_finding(const Lines& reestimated, const Lines& frozen) {
  const auto part_of = [](const Lines& lines) {
    const auto& shape = lines.shapes.front();
    return fmt::format(
        "{}, lies {} f(W₀) above a convex curve at most and exceeds 0.9 f(W₀) on {} % of the way",
        rise_text(shape.rise / shape.start),
        format_number(shape.dent / shape.start, 2),
        format_number(100 * shape.plateau_share, 2));
  };
  const auto text = fmt::format(
      "**{}**: with re-estimated statistics f {}; with the statistics of the end it {}.",
      reestimated.network,
      part_of(reestimated),
      part_of(frozen));
  constexpr double kNoticed = 0.1;
  const double change = over(frozen, &LineShape::dent, frozen).front() -
                        over(reestimated, &LineShape::dent, reestimated).front();
  return change < kNoticed ? text
                           : text +
                                 " The shape belongs to the mode of batch normalisation as much "
                                 "as to the weights.";
}

std::string residual_finding(double dense, double vision, const std::string& network) {
  return fmt::format(
      "Training did not follow these lines: it went as far as {} of the line's length beside it "
      "(fully connected) and {} ({}).",
      format_number(dense, 2),
      format_number(vision, 2),
      network);
}

/// What Frankle 2020 would have the same lines show.
std::string counter_finding(const Lines& own,
                            const Lines& reestimated,
                            const Lines& frozen,
                            Scale scale) {
  const auto plateau = [](const Lines& lines) {
    return format_number(100 * linalg::mean(lines.each(&LineShape::plateau_share)), 2);
  };
  return fmt::format(
      "Frankle 2020 saw f stay high on residual networks for CIFAR-10 and ImageNet until near the "
      "end of the line. Here it exceeds 0.9 f(W₀) on {} % of the way (fully connected) and {} % "
      "({}, re-estimated; {} % frozen).{}",
      plateau(own),
      plateau(reestimated),
      reestimated.network,
      plateau(frozen),
      scale == Scale::full ? "" : " A small network on few images stands in for theirs: a proxy.");
}

/// The lines of the vision arm are there already: measuring them again reads them.
Conclusion conclude(const ReproduceOptions& options, const std::vector<Measured>& measured) {
  const auto arm = vision_arm(options.scale);
  const auto rows = rows_of(measured, dense_owner(options));
  const auto vision_rows =
      rows_of(measure_vision(options, false, {}).measured, vision_path_owner(arm, options));
  const std::string dense = "fully connected";
  const auto own = lines_of(dense, kOwn, rows);
  const auto other = lines_of(dense, kOther, rows);
  const auto random = lines_of(dense, kRandom, rows);
  const auto reestimated = lines_of(arm.network, kReestimated, vision_rows);
  const auto frozen = lines_of(arm.network, kFrozen, vision_rows);
  const auto fresh = lines_of(arm.network, kFresh, vision_rows);
  const auto trajectories = trajectories_of(rows);
  const auto vision_trajectory = trajectories_of(vision_rows);

  Conclusion conclusion;
  add_criterion(conclusion, kMonotone, label_of(own), over(own, &LineShape::rise, own));
  add_criterion(conclusion, kConvex, label_of(own), over(own, &LineShape::dent, own));
  for (const auto* lines : {&own, &reestimated}) {
    add_criterion(conclusion, kSecond, label_of(*lines), negative_share(*lines));
  }
  add_criterion(conclusion, kApart, label_of(other), over(other, &LineShape::barrier, own));
  add_criterion(conclusion, kShown, label_of(random), over(random, &LineShape::rise, random));
  for (const auto* lines : {&reestimated, &frozen, &fresh}) {
    add_criterion(conclusion, kShown, label_of(*lines), over(*lines, &LineShape::rise, *lines));
  }
  for (const auto* lines : {&own, &random, &reestimated, &frozen, &fresh}) {
    add_criterion(conclusion, kPlateau, label_of(*lines), lines->each(&LineShape::plateau_share));
  }
  add_criterion(conclusion, kBeside, dense, {largest_residual(trajectories)});
  add_criterion(conclusion, kBeside, arm.network, {largest_residual(vision_trajectory)});

  conclusion.findings = {
      dense_finding(options, own, other, random),
      vision_finding(reestimated, frozen),
      counter_finding(own, reestimated, frozen, options.scale),
      residual_finding(
          largest_residual(trajectories), largest_residual(vision_trajectory), arm.network)};
  conclusion.blocks.emplace_back(dense_figure(own, random, other));
  conclusion.blocks.emplace_back(training_figure("fully-connected", dense, trajectories));
  conclusion.blocks.emplace_back(residual_figure("fully-connected", dense, trajectories));
  conclusion.blocks.emplace_back(vision_figure(reestimated, frozen, fresh));
  conclusion.blocks.emplace_back(training_figure(arm.network, arm.network, vision_trajectory));
  conclusion.blocks.emplace_back(residual_figure(arm.network, arm.network, vision_trajectory));
  const std::vector<const Lines*> all{&own, &other, &random, &reestimated, &frozen, &fresh};
  conclusion.blocks.emplace_back(shapes_table(all));
  conclusion.data = points_table(all);
  return conclusion;
}

}  // namespace

Recipe goodfellow2015() {
  return {
      .name = kName,
      .title = "Goodfellow, Vinyals, Saxe 2015: the line from start to solution",
      .source =
          "Goodfellow, Vinyals, Saxe: Qualitatively characterizing neural network optimization "
          "problems (ICLR 2015, arXiv 1412.6544), and against it Frankle 2020 (arXiv 2012.06898): "
          "objectives on straight lines between initial weights and solutions",
      .cost = "quick 1 min, standard 8 min, full 10 h",
      .reads_images = true,
      .trains_on_device = true,
      .make = make,
      .plan = plan,
      .conclude = conclude,
  };
}

}  // namespace overparam::study
