// SPDX-License-Identifier: Apache-2.0
// Goodfellow, Vinyals, Saxe 2015: on the straight line from where training began to where it ended
// the objective falls without a barrier, and the curve is nearly convex,
//
//     f((1 - a) W_0 + a W_f),  0 <= a <= 1
//
// although training itself took another way. Between two solutions of different seeds there is a
// barrier, which the control shows: the landscape is not convex, and the measurement sees it.
#include <algorithm>

#include "overparam/claims/path_run.hpp"
#include "overparam/data/prepare.hpp"
#include "overparam/data/sources.hpp"
#include "support/experiment.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

constexpr std::int64_t kDigitInputs = 785;  // 28 x 28, and the appended constant
constexpr std::int64_t kClasses = 10;

PathSetting setting_of(const Point& point) {
  return {.width = point.integer("m"),
          .depth = point.integer("L"),
          .epochs = point.integer("epochs"),
          .seed = point.seed()};
}

train::Problem digits_problem(const Point& point) {
  data::Dataset dataset = data::find_generator("digits").generate(
      {.num_samples = point.integer("n"), .seed = point.seed()});
  data::encode_targets(dataset, kClasses);
  data::normalise(dataset, data::Normalisation::sphere, at::kFloat);
  return {.inputs = dataset.train.inputs,
          .targets = dataset.train.targets.to(at::kFloat),
          .labels = dataset.train.labels,
          .num_classes = kClasses,
          .loss = net::find_loss("cross-entropy")};
}

/// One training and the line to its end, from its start or with "from_solution" from the end of
/// another training on the same samples. Lengths in units of f at the start of the training.
std::vector<Row> measure(const Point& point) {
  const train::Problem problem = digits_problem(point);
  PathSetting setting = setting_of(point);
  const auto objective = path_objective(problem, setting);
  const PathTraining training = train_path(problem, setting);
  at::Tensor from = training.start();
  if (point.get("from_solution", 0) != 0) {
    constexpr std::uint64_t kAnotherSeed = 1'000'000;
    setting.seed += kAnotherSeed;
    from = train_path(problem, setting).end();
  }
  const auto shape = curvature::line_shape(
      curvature::evaluate_line(*objective, from, training.end(), curvature::line_shares(), 1));
  const auto beside = curvature::along_line(training.points);
  const double unit = training.objective.front();
  Row row = row_of(point);
  row.values["rise"] = shape.rise / unit;
  row.values["dent"] = shape.dent / unit;
  row.values["end"] = shape.end / unit;
  row.values["plateau"] = shape.plateau_share;
  row.values["residual"] = std::ranges::max(beside.beta) / beside.length;
  return {row};
}

std::vector<Design> designs_of(Values fixed,
                               std::vector<double> widths,
                               std::vector<double> depths,
                               int seeds) {
  return {{.name = "paths",
           .fixed = std::move(fixed),
           .axes = {{"m", std::move(widths)}, {"L", std::move(depths)}},
           .seeds = seeds}};
}

const Values kSmall{{"n", 200}, {"epochs", 60}};

}  // namespace

Claim goodfellow15() {
  return {
      .id = "goodfellow15",
      .group = Group::neighbours,
      .statement =
          "on the line from the initial weights to those that SGD found, the objective of a fully "
          "connected ReLU network falls monotonically and is nearly convex",
      .source = "Goodfellow, Vinyals, Saxe 2015 (arXiv 1412.6544)",
      .quantity =
          "largest rise of f on the line, and its largest height above a convex curve, over "
          "f(W^(0))",
      .window = "an observation on networks of few layers, without a theorem: every m",
      .inside_window = everywhere,
      .expected = {VerdictKind::consistent},
      .designs = [](Scale scale) -> std::vector<Design> {
        switch (scale) {
          case Scale::quick:
            return designs_of(kSmall, {32, 128}, {1, 2}, 2);
          case Scale::standard:
            return designs_of({{"n", 500}, {"epochs", 60}}, {64, 128, 256}, {1, 2}, 3);
          default:
            return designs_of({{"n", 2000}, {"epochs", 60}}, {64, 128, 256, 512}, {1, 2}, 5);
        }
      },
      .measure = measure,
      .memory =
          [](const Point& point) {
            return plan_path(point.integer("n"), kDigitInputs, kClasses, setting_of(point)).total();
          },
      .checks = {{.name = "largest f(W_f) / f(W^(0))",
                  .meaning = "SGD has arrived",
                  .value = most("paths", "end"),
                  .low = 0,
                  .high = 0.1},
                 {.name = "largest rise on the line, over f(W^(0))",
                  .meaning = "monotone: 0 up to a thousandth",
                  .value = most("paths", "rise"),
                  .low = 0,
                  .high = 1e-3},
                 {.name = "largest height above the convex envelope, over f(W^(0))",
                  .meaning = "nearly convex: 0 for a straight line, 1/4 for 1 - a^2",
                  .value = most("paths", "dent"),
                  .low = 0,
                  .high = 0.2},
                 {.name = "least distance of the trajectory from the line, over the line's length",
                  .meaning = "training did not follow the line",
                  .value = least("paths", "residual"),
                  .low = 0.05,
                  .high = 2}},
      .positive_control = {.description = "two seeds at m = 32",
                           .designs = designs_of(kSmall, {32}, {1}, 2)},
      .negative_control = {.description =
                               "the line from another solution in place of the initial weights",
                           .designs = designs_of(
                               {{"n", 200}, {"epochs", 60}, {"from_solution", 1}}, {32}, {1}, 1)},
  };
}

}  // namespace overparam::claims
