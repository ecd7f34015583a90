// SPDX-License-Identifier: Apache-2.0
// Allen-Zhu, Li 2019, Figure 2: on H = beta F + alpha G(F) the residual network of three layers
// learns the simple F first and G on top of it, while two-layer networks, the last layer alone and
// the kernel of two layers do not get below the energy 8 alpha^2 of the composition. Step size and
// weight decay are chosen by the test risk, as the source does.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <tuple>

#include "overparam/base/text.hpp"
#include "overparam/study/recipe.hpp"
#include "support/parity_run.hpp"

namespace overparam::study {

namespace {

using base::format_number;
using claims::Design;
using claims::Point;
using claims::Row;

constexpr const char* kName = "allenzhu2019-resnet";
constexpr double kAlpha = 0.3;
constexpr double kMixtureWidth = 200;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// A curve of the first figure.
struct Learner {
  const char* design;
  const char* title;
  bool learns;  ///< whether the source finds it below the composition's energy
  bool has_width = true;
};

constexpr Learner kLearners[] = {{"residual", "three layers, residual", true},
                                 {"two-layer", "two layers", false},
                                 {"last", "last of two layers", false},
                                 {"kernel", "kernel, infinite width", false, false}};

/// How much is trained. Steps of 2 diverge, so that the largest that does not is on the grid.
struct Extent {
  std::vector<double> widths, step_sizes, weight_decays, betas;
  double epochs;
  int seeds;
};

Extent extent_of(claims::Scale scale) {
  switch (scale) {
    case claims::Scale::quick:
      return {{200, 500}, {0.1, 0.5, 1, 2}, {5e-4, 5e-3}, {0.5, 0}, 800, 3};
    case claims::Scale::standard:
      return {{100, 200, 500, 1000},
              {0.1, 0.2, 0.5, 1, 2},
              {2e-4, 5e-4, 1e-3, 5e-3},
              {0.5, 0.3, 0.2, 0},
              800,
              3};
    case claims::Scale::full:
      break;
  }
  return {{100, 200, 500, 1000, 2000, 5000, 10'000},
          {0.05, 0.1, 0.2, 0.5, 1, 2},
          {1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3},
          {0.5, 0.3, 0.2, 0.1, 0},
          800,
          5};
}

ParityConcept concept_of(const Point& point) {
  return {.alpha = kAlpha, .beta = point.get("beta", 1)};
}

ParityRisk risk_at(const Point& point) {
  const auto task = concept_of(point);
  if (point.design == "kernel") return kernel_on_parity(task, point.seed());
  if (point.design == "last") return last_layer_on_parity(task, point.integer("m"), point.seed());
  return train_on_parity(
      task,
      {.network = point.design == "two-layer" ? ParityNetwork::two_layer
                                              : ParityNetwork::three_layer_residual,
       .width = point.integer("m"),
       .step_size = point.at("step_size"),
       .weight_decay = point.at("weight_decay"),
       .epochs = point.integer("epochs")},
      point.seed());
}

std::vector<Row> measure(const Point& point) {
  const auto risk = risk_at(point);
  Row row{.design = point.design, .values = point.settings};
  for (const char* setting : {"step_size", "weight_decay"}) row.values.try_emplace(setting, 0);
  row.values["diverged"] = risk.diverged ? 1 : 0;
  if (!risk.diverged) {
    row.values["train"] = risk.train;
    row.values["test"] = risk.test;
    row.values["ridge"] = risk.ridge;
  }
  return {row};
}

std::vector<Design> designs_of(const Extent& extent) {
  const std::vector<claims::Axis> settings{{"step_size", extent.step_sizes},
                                           {"weight_decay", extent.weight_decays}};
  auto by_width = settings;
  by_width.push_back({"m", extent.widths});
  auto by_beta = settings;
  by_beta.push_back({"beta", extent.betas});
  const int seeds = extent.seeds;
  return {
      {.name = "residual", .fixed = {{"epochs", extent.epochs}}, .axes = by_width, .seeds = seeds},
      {.name = "two-layer", .fixed = {{"epochs", extent.epochs}}, .axes = by_width, .seeds = seeds},
      {.name = "mixture",
       .fixed = {{"epochs", extent.epochs}, {"m", kMixtureWidth}},
       .axes = by_beta,
       .seeds = seeds},
      {.name = "last", .axes = {{"m", extent.widths}}, .seeds = seeds},
      {.name = "kernel", .seeds = seeds}};
}

std::vector<Measurement> plan(const ReproduceOptions& options) {
  std::vector<Measurement> measurements;
  for (const auto& design : designs_of(extent_of(options.scale))) {
    for (const auto& point : claims::points_of(design, options.seed)) {
      const auto width = static_cast<std::int64_t>(point.get("m", 1));
      measurements.push_back(measurement_of(kName, 1, point, plan_parity(width).total(), measure));
    }
  }
  return measurements;
}

/// One choice of step size and weight decay, over all seeds. Learners without them have one.
struct Choice {
  double step_size = 0, weight_decay = 0;
  std::vector<double> train, test, ridges;
  bool diverged = false;

  [[nodiscard]] double risk() const { return linalg::mean(test); }
};

using Setting = std::pair<double, double>;

/// All choices of one learner at one value of `axis`.
std::map<Setting, Choice> choices_at(const std::vector<Row>& rows,
                                     const std::string& design,
                                     const std::string& axis,
                                     double value) {
  std::map<Setting, Choice> choices;
  for (const auto& row : rows) {
    if (row.design != design || (row.has(axis) && row.at(axis) != value)) continue;
    const Setting setting{row.at("step_size"), row.at("weight_decay")};
    auto& choice = choices[setting];
    std::tie(choice.step_size, choice.weight_decay) = setting;
    if (row.at("diverged") != 0) {
      choice.diverged = true;
      continue;
    }
    choice.train.push_back(row.at("train"));
    choice.test.push_back(row.at("test"));
    choice.ridges.push_back(row.at("ridge"));
  }
  return choices;
}

/// The choice with the least mean test risk, of this step size alone where one is given.
std::optional<Choice> best_of(const std::map<Setting, Choice>& choices,
                              std::optional<double> step_size = {}) {
  std::optional<Choice> best;
  for (const auto& [setting, choice] : choices) {
    if (choice.diverged || (step_size && choice.step_size != *step_size)) continue;
    if (!best || choice.risk() < best->risk()) best = choice;
  }
  return best;
}

std::optional<Choice> best_at(const std::vector<Row>& rows,
                              const std::string& design,
                              const std::string& axis,
                              double value) {
  return best_of(choices_at(rows, design, axis, value));
}

const double kEnergy = ParityConcept{.alpha = kAlpha}.composite_energy();

/// A learner that diverges with every setting has not learned.
Comparison against_energy(const std::string& group,
                          const std::string& quantity,
                          const std::optional<Choice>& choice,
                          std::optional<bool> below) {
  Comparison comparison{.group = group,
                        .quantity = quantity,
                        .against = "8 alpha^2, the energy of the composition",
                        .published = kEnergy,
                        .measured = choice ? choice->risk() : kNone,
                        .interval = choice ? interval_of_mean(choice->test)
                                           : linalg::Interval{.low = kNone, .high = kNone}};
  if (!below) return comparison;
  comparison.criterion = *below ? "below" : "not below";
  comparison.met = *below == (choice && choice->risk() < kEnergy);
  return comparison;
}

report::Series energy_line(double from, double to) {
  return {.name = "energy of the composition, 8 α²",
          .x = {from, to},
          .y = {kEnergy, kEnergy},
          .dashed = true,
          .reference = true};
}

report::Figure width_figure(const std::vector<Row>& rows, const Extent& extent) {
  report::Figure figure{
      .id = "width",
      .title = "Test risk by learner and width",
      .caption =
          "The best of the step sizes and weight decays (ridges for the last layer and the kernel) "
          "by the test risk; mean over the seeds, with its 95 % interval from three seeds on, "
          "which does not know of that choice. In the source's figure the residual network lies "
          "between 0.1 and 0.29, two layers near 1, and the last layer falls from 8 at m = 100 to "
          "1.4 at m = 100,000.",
      .x = {.label = "width m", .logarithmic = true},
      .y = {.label = "E ‖out − H‖²", .logarithmic = true}};
  for (const auto& learner : kLearners) {
    report::Series series{.name = learner.title, .mark = report::Mark::line_and_points};
    for (const double width : extent.widths) {
      if (const auto best = best_at(rows, learner.design, "m", width))
        add_mean(series, width, best->test);
    }
    figure.series.push_back(std::move(series));
  }
  figure.series.push_back(energy_line(extent.widths.front(), extent.widths.back()));
  return figure;
}

report::Figure step_figure(const std::vector<Row>& rows, const Extent& extent) {
  report::Figure figure{
      .id = "step-size",
      .title = "The residual network needs a large step",
      .caption =
          "Test risk of the residual network with the best weight decay for each step size. Steps "
          "with which it diverges are left out.",
      .x = {.label = "step size", .logarithmic = true},
      .y = {.label = "E ‖out − H‖²", .logarithmic = true}};
  for (const double width : extent.widths) {
    const auto choices = choices_at(rows, "residual", "m", width);
    report::Series series{.name = fmt::format("m = {}", width),
                          .mark = report::Mark::line_and_points};
    for (const double step_size : extent.step_sizes) {
      if (const auto best = best_of(choices, step_size)) add_mean(series, step_size, best->test);
    }
    figure.series.push_back(std::move(series));
  }
  figure.series.push_back(energy_line(extent.step_sizes.front(), extent.step_sizes.back()));
  return figure;
}

report::Figure mixture_figure(const std::map<double, Choice>& by_beta) {
  report::Figure figure{
      .id = "mixture",
      .title = "The composition is learned through what it is composed of",
      .caption = fmt::format(
          "Test risk of the residual network of width {:g} on H = β F + α G(F), "
          "α = {:g}. The source finds that G is learned if and only if α / β is at most about 1.",
          kMixtureWidth,
          kAlpha),
      .x = {.label = "β"},
      .y = {.label = "E ‖out − H‖²", .logarithmic = true}};
  report::Series series{.name = "three layers, residual", .mark = report::Mark::line_and_points};
  for (const auto& [beta, choice] : by_beta) add_mean(series, beta, choice.test);
  figure.series = {std::move(series), energy_line(0, 1)};
  return figure;
}

/// The source: learnable if and only if alpha / beta is at most about 1. What "about" leaves open,
/// 0.6 to 3, decides nothing here.
std::optional<bool> learnable(double beta) {
  if (kAlpha <= 0.6 * beta) return true;
  if (kAlpha >= 3 * beta) return false;
  return std::nullopt;
}

report::Table data_table() {
  return {.title = "Best settings",
          .columns = {{"learner", ""},
                      {"m", ""},
                      {"beta", ""},
                      {"step size", "on the mean over samples of 1/2 |out - H|^2"},
                      {"weight decay", ""},
                      {"ridge", "over the mean eigenvalue of the kernel, mean over the seeds"},
                      {"seeds", ""},
                      {"train risk", ""},
                      {"test risk", ""},
                      {"low", "95 % interval of the mean, as if the settings were given"},
                      {"high", "95 % interval of the mean, as if the settings were given"}}};
}

report::Cell shown_if(bool has, double value) { return has ? report::Cell(value) : report::Cell(); }

void add_row(
    report::Table& table, const Learner& learner, double width, double beta, const Choice& choice) {
  const auto interval = interval_of_mean(choice.test);
  const bool trained = choice.step_size > 0;
  table.add_row({learner.title,
                 shown_if(learner.has_width, width),
                 beta,
                 shown_if(trained, choice.step_size),
                 shown_if(trained, choice.weight_decay),
                 shown_if(!trained, linalg::mean(choice.ridges)),
                 static_cast<std::int64_t>(choice.test.size()),
                 linalg::mean(choice.train),
                 choice.risk(),
                 interval.low,
                 interval.high});
}

/// The least risk of a learner over all widths, in words.
std::string best_of_widths(const std::vector<Row>& rows,
                           const Extent& extent,
                           const Learner& learner) {
  double least = std::numeric_limits<double>::infinity();
  for (const double width : extent.widths) {
    if (const auto best = best_at(rows, learner.design, "m", width)) {
      least = std::min(least, best->risk());
    }
  }
  return fmt::format(
      "{} ({})", std::isfinite(least) ? format_number(least) : "divergence", learner.title);
}

std::string learner_finding(const std::vector<Row>& rows, const Extent& extent) {
  std::vector<std::string> others;
  for (const auto& learner : kLearners) {
    if (!learner.learns) others.push_back(best_of_widths(rows, extent, learner));
  }
  return fmt::format(
      "The composition has the energy {}. The least test risk over the widths is {} against {}.",
      format_number(kEnergy),
      best_of_widths(rows, extent, kLearners[0]),
      base::join(others, ", "));
}

/// Whether the composition is learned with large steps alone, where that is so.
std::optional<std::string> step_finding(const std::vector<Row>& rows, const Extent& extent) {
  const double width = extent.widths.back();
  const auto choices = choices_at(rows, "residual", "m", width);
  const auto small = best_of(choices, extent.step_sizes.front());
  const auto best = best_of(choices);
  if (!small || !best || small->risk() < kEnergy || best->risk() >= kEnergy) return std::nullopt;
  return fmt::format(
      "At m = {} the residual network gets below that with the step size {} (test risk {}) and not "
      "with the smallest of the grid, {} ({}): the composition needs the large step.",
      width,
      best->step_size,
      format_number(best->risk()),
      small->step_size,
      format_number(small->risk()));
}

/// What was read off the source's figure, over its widths of 100 to 100,000.
void add_figure_values(const Learner& learner,
                       const std::string& quantity,
                       double width,
                       const Choice& choice,
                       std::vector<Comparison>& comparisons) {
  const auto add = [&](const char* against, double published) {
    comparisons.push_back(
        compare("Test risk, the source's figure", quantity, against, published, choice.test, {}));
  };
  const std::string design = learner.design;
  if (design == "residual") add("at most this, at any m", 0.29);
  if (design == "two-layer") add("about this, at any m", 1);
  if (design == "last" && width == 100) add("m = 100", 8);
  if (design == "kernel") add("tangent kernel, m = 100,000", 1.9);
}

Conclusion conclude(const ReproduceOptions& options, const std::vector<Measured>& measured) {
  const auto rows = rows_of(measured, kName);
  const auto extent = extent_of(options.scale);
  Conclusion conclusion{.findings = {learner_finding(rows, extent)}, .data = data_table()};
  std::vector<Comparison> from_figure;
  for (const auto& learner : kLearners) {
    for (const double width : extent.widths) {
      const auto best = best_at(rows, learner.design, "m", width);
      const std::string quantity =
          learner.has_width ? fmt::format("{}, m = {}", learner.title, width) : learner.title;
      conclusion.comparisons.push_back(
          against_energy("Test risk, beta = 1", quantity, best, learner.learns));
      if (best) {
        add_row(conclusion.data, learner, width, 1, *best);
        add_figure_values(learner, quantity, width, *best, from_figure);
      }
      if (!learner.has_width) break;
    }
  }
  std::map<double, Choice> by_beta;
  for (const double beta : extent.betas) {
    const auto best = best_at(rows, "mixture", "beta", beta);
    conclusion.comparisons.push_back(
        against_energy(fmt::format("Test risk of the residual network, m = {}", kMixtureWidth),
                       fmt::format("beta = {}", beta),
                       best,
                       learnable(beta)));
    if (!best) continue;
    add_row(conclusion.data, kLearners[0], kMixtureWidth, beta, *best);
    by_beta.emplace(beta, *best);
  }
  if (const auto whole = best_at(rows, "residual", "m", kMixtureWidth)) by_beta.emplace(1, *whole);
  conclusion.comparisons.insert(
      conclusion.comparisons.end(), from_figure.begin(), from_figure.end());
  if (auto finding = step_finding(rows, extent)) conclusion.findings.push_back(*finding);
  conclusion.blocks = {
      width_figure(rows, extent), step_figure(rows, extent), mixture_figure(by_beta)};
  return conclusion;
}

}  // namespace

Recipe allenzhu2019_resnet() {
  return {
      .name = kName,
      .title = "Allen-Zhu, Li 2019: what a residual network learns beyond kernels",
      .source =
          "Allen-Zhu, Li: What Can ResNet Learn Efficiently, Going Beyond Kernels? (arXiv "
          "1905.10337), Figure 2: test risk of a three-layer residual network, two-layer networks, "
          "the last layer and the infinite-width kernel of two on products of products of signs in "
          "{-1, 1}^30, "
          "N = 1000, 800 epochs of SGD. Left out: the plain three-layer network, and the last "
          "layer "
          "and the kernel of three layers",
      .cost = "quick 6 min, standard 45 min, full many hours",
      .plan = plan,
      .conclude = conclude,
  };
}

}  // namespace overparam::study
