// SPDX-License-Identifier: Apache-2.0
// Li, Liang 2018, the experiments: a two-layer ReLU network learns classes that are mixtures of
// separated components, its test accuracy does not suffer from the width, and the wider it is the
// less its weights and activation patterns change. With step size 10/m each neuron moves by O(1/m)
// where its weights are of size O(1/sqrt(m)), so both changes fall as m^(-1/2).
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/claims/structured_run.hpp"
#include "overparam/data/prepare.hpp"
#include "overparam/data/sources.hpp"
#include "overparam/study/prepare.hpp"
#include "overparam/study/recipe.hpp"

namespace overparam::study {

namespace {

using base::format_number;
using claims::Point;
using claims::Row;

constexpr const char* kName = "liliang2018";
constexpr std::int64_t kSamples = 1000;  ///< for training, and as many for the test
constexpr std::int64_t kClusterDimension = 1000;
constexpr double kClusterSteps = 400;
constexpr std::size_t kDirections = 60;  ///< singular values that the chart shows

/// Fitted exponents of the changes are held against -1/2.
constexpr double kExponent = -0.5;
constexpr double kExponentTolerance = 0.1;

/// One of the source's experiments.
struct Arm {
  const char* design;  ///< and what its figures and tables call it
  std::int64_t batch;
  double step_times_width;
  /// Whether exponents and accuracy decide: the statement is about separated components.
  bool decides;
};

/// The source writes eta = 4000/m for its images and not how these were scaled. On images of norm 1
/// that changes half of the signs at every width; 260/m has the eta |x|^2 of the clusters.
constexpr Arm kArms[] = {{"clusters", 16, 10, true}, {"images", 64, 260, false}};

const Arm& arm_of(const std::string& design) {
  return *std::ranges::find(kArms, design, &Arm::design);
}

data::Dataset cluster_data(std::uint64_t seed) {
  auto dataset = data::find_generator("clusters")
                     .generate({.num_samples = kSamples,
                                .num_test_samples = kSamples,
                                .dimension = kClusterDimension,
                                .seed = seed});
  data::encode_targets(dataset, dataset.num_classes);
  data::normalise(dataset, data::Normalisation::none, at::kFloat);
  return dataset;
}

/// Drawn digits, or the images of a file.
data::Dataset image_data(const std::string& source, std::uint64_t seed) {
  Settings settings;
  const auto set = [&](const char* key, const std::string& value) {
    settings.set(key, value, kName);
  };
  set("data.source", source);
  set("data.samples", std::to_string(kSamples));
  set("data.test", std::to_string(kSamples));
  set("data.normalise", "unit");
  set("run.dtype", "float32");
  set("run.seed", std::to_string(seed));
  auto dataset = prepare_data(settings).dataset;
  base::require(dataset.num_classes > 1 && dataset.test.has_value(),
                ErrorKind::data,
                "{}: {} takes data with classes, found none",
                source,
                kName);
  return dataset;
}

std::vector<Row> measure(const Point& point, const data::Dataset& dataset) {
  const Arm& arm = arm_of(point.design);
  const auto result = claims::run_structured(dataset,
                                             {.width = point.integer("m"),
                                              .steps = point.integer("steps"),
                                              .batch = arm.batch,
                                              .step_times_width = arm.step_times_width,
                                              .seed = point.seed()});
  const auto row_named = [&](const char* part) -> Row {
    return {.design = point.design + part,
            .values = {{"m", point.at("m")}, {"seed", point.at("seed")}}};
  };
  Row end = row_named("");
  end.values["train_accuracy"] = result.train_accuracy;
  end.values["test_accuracy"] = result.test_accuracy;
  end.values["changed_signs"] = result.changed_signs;
  end.values["relative_distance"] = result.relative_distance;
  std::vector<Row> rows{end};
  for (std::size_t i = 0; i < std::min(kDirections, result.energy_shares.size()); ++i) {
    Row row = row_named(" spectrum");
    row.values["direction"] = static_cast<double>(i + 1);
    row.values["share"] = result.energy_shares[i];
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<double> widths_of(claims::Scale scale) {
  std::vector<double> widths{2000, 1000, 500};
  if (scale != claims::Scale::quick) widths.insert(widths.begin(), {8000, 4000});
  if (scale == claims::Scale::full) widths.insert(widths.begin(), {32'000, 16'000});
  return widths;
}

/// The source trains on images for 20,000 steps.
double image_steps(claims::Scale scale) {
  return scale == claims::Scale::quick ? 400 : scale == claims::Scale::standard ? 2000 : 20'000;
}

/// Rows on other images are other rows.
std::string images_owner(const ReproduceOptions& options) {
  return fmt::format("{} on {}", kName, options.images);
}

std::vector<Measurement> plan(const ReproduceOptions& options) {
  const int seeds = options.scale == claims::Scale::quick ? 2 : 5;
  std::vector<Measurement> measurements;
  const auto add = [&](const Arm& arm,
                       const std::string& owner,
                       const claims::Values& fixed,
                       std::int64_t dimension,
                       const std::function<data::Dataset(std::uint64_t)>& data_of) {
    const claims::Design design{.name = arm.design,
                                .fixed = fixed,
                                .axes = {{"m", widths_of(options.scale)}},
                                .seeds = seeds};
    for (const auto& point : claims::points_of(design, options.seed)) {
      const auto memory =
          claims::plan_structured(2 * kSamples, dimension, point.integer("m")).total();
      measurements.push_back(measurement_of(owner, 1, point, memory, [data_of](const Point& at) {
        return measure(at, data_of(at.seed()));
      }));
    }
  };
  add(kArms[0], kName, {{"steps", kClusterSteps}}, kClusterDimension, cluster_data);
  // All seeds train on the same images. Their sum tells a file that has changed.
  const auto images = image_data(options.images, options.seed);
  const double sum = images.train.inputs.sum(at::kDouble).item<double>();
  add(kArms[1],
      images_owner(options),
      {{"steps", image_steps(options.scale)}, {"sum", sum}},
      images.train.inputs.size(1),
      [images](std::uint64_t) { return images; });
  return measurements;
}

/// Values of all seeds by width, or by direction.
using Levels = std::map<double, std::vector<double>>;

Levels levels_of(const std::vector<Row>& rows, const std::string& column) {
  Levels levels;
  for (const auto& row : rows) {
    if (row.has(column)) levels[row.at("m")].push_back(row.at(column));
  }
  return levels;
}

report::Series series_of(const std::string& name, const Levels& levels) {
  report::Series series{.name = name, .mark = report::Mark::line_and_points};
  for (const auto& [x, values] : levels) add_mean(series, x, values);
  return series;
}

/// The power law with the expected exponent through the first point.
report::Series slope_of(const Levels& levels) {
  report::Series series{.name = "exponent -1/2", .dashed = true};
  const double first = levels.begin()->first, value = linalg::mean(levels.begin()->second);
  for (const double x : {first, levels.rbegin()->first}) {
    series.x.push_back(x);
    series.y.push_back(value * std::pow(x / first, kExponent));
  }
  return series;
}

Comparison exponent_of(const Arm& arm, const std::string& name, const Levels& levels) {
  std::vector<double> x, y;
  for (const auto& [width, values] : levels) {
    x.insert(x.end(), values.size(), width);
    y.insert(y.end(), values.begin(), values.end());
  }
  const auto law = linalg::fit_power_law(x, y);
  Comparison comparison{.group = fmt::format("Exponents in m, {}", arm.design),
                        .quantity = name,
                        .against = "O(1/m) a neuron beside O(1/sqrt(m))",
                        .published = kExponent,
                        .measured = law.exponent,
                        .interval = law.interval};
  if (arm.decides) {
    comparison.criterion = fmt::format("within {:g}", kExponentTolerance);
    comparison.met = std::abs(law.exponent - kExponent) <= kExponentTolerance;
  }
  return comparison;
}

/// What changes with the width, by the column of the rows.
constexpr std::pair<const char*, const char*> kChanges[] = {
    {"relative_distance", "‖W − W(0)‖ / ‖W(0)‖"}, {"changed_signs", "share of changed signs"}};

report::Figure changes_figure(const Arm& arm, const std::vector<Row>& rows) {
  report::Figure figure{
      .id = fmt::format("changes-{}", arm.design),
      .title = fmt::format("Wider networks change less, {}", arm.design),
      .caption =
          "Mean over the seeds, with its 95 % interval from three seeds on; dashed, the power law "
          "with exponent -1/2 through the narrowest network.",
      .x = {.label = "width m", .logarithmic = true},
      .y = {.label = "relative change", .logarithmic = true}};
  for (const auto& [column, name] : kChanges) {
    const auto levels = levels_of(rows, column);
    figure.series.push_back(series_of(name, levels));
    figure.series.push_back(slope_of(levels));
  }
  return figure;
}

report::Figure spectrum_figure(const Arm& arm, const std::vector<Row>& rows) {
  report::Figure figure{
      .id = fmt::format("spectrum-{}", arm.design),
      .title = fmt::format("The update has low rank, {}", arm.design),
      .caption =
          "Shares of ‖W − W(0)‖² by singular direction, largest first, mean over the seeds. The "
          "clusters of the source have 20 components.",
      .x = {.label = "singular direction"},
      .y = {.label = "share of the squared norm", .logarithmic = true}};
  std::map<double, Levels> by_width;
  for (const auto& row : rows) {
    if (row.has("share")) by_width[row.at("m")][row.at("direction")].push_back(row.at("share"));
  }
  for (const auto& [width, levels] : by_width) {
    auto series = series_of(fmt::format("m = {}", width), levels);
    series.mark = report::Mark::line;
    series.low.clear();
    series.high.clear();
    figure.series.push_back(std::move(series));
  }
  return figure;
}

double share_of_first(const std::vector<Row>& rows, double directions) {
  double sum = 0;
  std::int64_t runs = 0;
  for (const auto& row : rows) {
    if (!row.has("share"))
      ++runs;
    else if (row.at("direction") <= directions)
      sum += row.at("share");
  }
  return sum / static_cast<double>(runs);
}

std::string finding_of(const std::string& data, const std::vector<Row>& rows) {
  const auto ends_of = [&](const char* column) {
    const auto levels = levels_of(rows, column);
    return fmt::format("from {} to {}",
                       format_number(linalg::mean(levels.begin()->second)),
                       format_number(linalg::mean(levels.rbegin()->second)));
  };
  const auto accuracy = levels_of(rows, "test_accuracy");
  return fmt::format(
      "On {}, from m = {} to m = {} the test accuracy goes {}, the relative distance of the "
      "weights {} and the share of changed signs {}. Of the update's squared norm {} lies in 20 "
      "directions.",
      data,
      accuracy.begin()->first,
      accuracy.rbegin()->first,
      ends_of("test_accuracy"),
      ends_of("relative_distance"),
      ends_of("changed_signs"),
      format_number(share_of_first(rows, 20)));
}

/// How the image arm departs from the source.
std::string departure(const ReproduceOptions& options) {
  return fmt::format(
      "The images' networks took {} steps of {} images of norm 1 with the step size {}/m. The "
      "source writes 20,000 steps with 4000/m and not how its images were scaled; at norm 1 that "
      "changes half of the signs at every width, and {}/m has the eta |x|^2 of the clusters. Their "
      "exponents are shown and decide nothing.",
      image_steps(options.scale),
      kArms[1].batch,
      kArms[1].step_times_width,
      kArms[1].step_times_width);
}

void add_arm(const Arm& arm,
             const std::string& data,
             const std::vector<Row>& rows,
             Conclusion& conclusion) {
  if (arm.decides) {
    for (const auto& [width, values] : levels_of(rows, "test_accuracy")) {
      conclusion.comparisons.push_back(compare("Test accuracy after 400 steps",
                                               fmt::format("m = {}", width),
                                               "test error at most epsilon",
                                               1,
                                               values,
                                               Tolerance{.relative = 0.05}));
    }
  }
  for (const auto& [column, name] : kChanges) {
    conclusion.comparisons.push_back(exponent_of(arm, name, levels_of(rows, column)));
  }
  conclusion.findings.push_back(finding_of(data, rows));
  conclusion.blocks.emplace_back(changes_figure(arm, rows));
  conclusion.blocks.emplace_back(spectrum_figure(arm, rows));
  for (const auto& row : rows) {
    if (row.has("share")) continue;
    std::vector<report::Cell> cells{arm.design};
    for (std::size_t i = 1; i < conclusion.data.columns.size(); ++i) {
      cells.emplace_back(row.at(conclusion.data.columns[i].name));
    }
    conclusion.data.add_row(std::move(cells));
  }
}

Conclusion conclude(const ReproduceOptions& options, const std::vector<Measured>& measured) {
  Conclusion conclusion{.data = {.title = "Runs",
                                 .columns = {{"data", ""},
                                             {"m", ""},
                                             {"seed", ""},
                                             {"train_accuracy", ""},
                                             {"test_accuracy", ""},
                                             {"changed_signs", ""},
                                             {"relative_distance", ""}}}};
  add_arm(kArms[0], "clusters", rows_of(measured, kName), conclusion);
  add_arm(kArms[1],
          fmt::format("images ({})", options.images),
          rows_of(measured, images_owner(options)),
          conclusion);
  conclusion.findings.push_back(departure(options));
  return conclusion;
}

}  // namespace

Recipe liliang2018() {
  return {
      .name = kName,
      .title = "Li, Liang 2018: structured data and wide networks",
      .source =
          "Li, Liang: Learning Overparameterized Neural Networks via Stochastic Gradient Descent "
          "on Structured Data (arXiv 1808.01204): ten classes of two components in R^1000, 400 "
          "steps of SGD; and images, the program's digits or those of --data",
      .cost = "quick 30 s, standard 7 min, full 6 h",
      .reads_images = true,
      .plan = plan,
      .conclude = conclude,
  };
}

}  // namespace overparam::study
