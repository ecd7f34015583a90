// SPDX-License-Identifier: Apache-2.0
// Ghorbani, Mei, Misiakiewicz, Montanari 2019, the comparison of lazy and full training on a
// quadratic target: risk against rho = N / d for random features (RF), tangent features (NT) and a
// trained network (NN). RF and NT are solved exactly at the paper's d = 450; NN is trained by
// one-pass SGD at a smaller d, which its limit, the tail of B's eigenvalues, does not need large.
#include <cmath>
#include <map>

#include "overparam/base/text.hpp"
#include "overparam/study/recipe.hpp"
#include "support/quadratic_risk.hpp"

namespace overparam::study {

namespace {

using base::format_number;
using claims::Point;
using claims::Row;

constexpr const char* kName = "ghorbani2019";
constexpr double kDimension = 450;
constexpr double kNeuronStep = 30;  ///< of the paper's grid of N

/// The limits are those of d -> infinity; at d = 450 random features explain about 2 rho / d more.
constexpr Tolerance kLazyTolerance{.absolute = 0.01};
/// SGD keeps the noise of its last step size, and has not found the smallest eigenvalues.
constexpr Tolerance kTrainedTolerance{.absolute = 0.02};

/// How much is measured: seeds, and the trained network's size, steps and numbers of neurons.
struct Extent {
  int seeds;
  double trained_dimension;
  double trained_steps;
  std::vector<double> trained_shares;  ///< N / d
};

Extent extent_of(claims::Scale scale) {
  switch (scale) {
    case claims::Scale::quick:
      return {3, 20, 2'000, {0.2, 0.6, 1.0}};
    case claims::Scale::standard:
      return {5, 50, 10'000, {0.2, 0.4, 0.6, 0.8, 1.0}};
    case claims::Scale::full:
      break;
  }
  return {10, 100, 40'000, {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0}};
}

Row row_at(const Point& point, double neurons, double risk, double limit) {
  return {.design = point.design,
          .values = {{"seed", point.at("seed")},
                     {"d", point.at("d")},
                     {"N", neurons},
                     {"rho", neurons / point.at("d")},
                     {"risk", risk},
                     {"limit", limit}}};
}

/// RF or NT for all N of the grid.
std::vector<Row> measure_lazy(const Point& point) {
  const bool tangent = point.design == "NT";
  const at::Tensor target = quadratic_target(point.integer("d"), point.seed());
  const at::Tensor weights =
      first_layer(point.integer("most_neurons"), point.integer("d"), point.seed());
  const auto risks =
      tangent ? tangent_features_risk(target, weights) : random_features_risk(target, weights);
  const double beta = trace_share(target);
  std::vector<Row> rows;
  for (double neurons = 0; neurons <= point.at("most_neurons"); neurons += kNeuronStep) {
    const double rho = neurons / point.at("d");
    rows.push_back(
        row_at(point,
               neurons,
               risks.at(static_cast<std::size_t>(neurons)),
               tangent ? tangent_features_limit(rho, beta) : random_features_limit(rho, beta)));
  }
  return rows;
}

/// NN at one N.
std::vector<Row> measure_trained(const Point& point) {
  const at::Tensor target = quadratic_target(point.integer("d"), point.seed());
  const double risk = trained_risk(
      target,
      {.neurons = point.integer("N"), .steps = point.integer("steps"), .seed = point.seed()});
  return {row_at(point, point.at("N"), risk, trained_limit(target, point.integer("N")))};
}

/// A few matrices of the larger of N and d.
std::uint64_t memory(const Point& point) {
  const double side = std::max(point.at("d"), point.get("most_neurons", point.get("N", 0)));
  return static_cast<std::uint64_t>(8 * side * side * sizeof(double));
}

std::vector<Measurement> plan(const ReproduceOptions& options) {
  const auto extent = extent_of(options.scale);
  std::vector<double> trained_neurons;
  for (const double share : extent.trained_shares) {
    trained_neurons.push_back(std::round(share * extent.trained_dimension));
  }
  const std::vector<claims::Design> designs{
      {.name = "NN",
       .fixed = {{"d", extent.trained_dimension}, {"steps", extent.trained_steps}},
       .axes = {{"N", trained_neurons}},
       .seeds = extent.seeds},
      {.name = "RF",
       .fixed = {{"d", kDimension}, {"most_neurons", 2 * kDimension}},
       .seeds = extent.seeds},
      {.name = "NT",
       .fixed = {{"d", kDimension}, {"most_neurons", kDimension}},
       .seeds = extent.seeds}};
  std::vector<Measurement> measurements;
  for (const auto& design : designs) {
    for (const auto& point : claims::points_of(design, options.seed)) {
      measurements.push_back(measurement_of(
          kName, 1, point, memory(point), design.name == "NN" ? measure_trained : measure_lazy));
    }
  }
  return measurements;
}

/// The rows of one model by rho: risks and limits of all seeds.
struct Level {
  std::vector<double> risks, limits;
};
using Levels = std::map<double, Level>;

Levels levels_of(const std::vector<Row>& rows, const std::string& model) {
  Levels levels;
  for (const auto& row : rows) {
    if (row.design != model) continue;
    auto& level = levels[row.at("rho")];
    level.risks.push_back(row.at("risk"));
    level.limits.push_back(row.at("limit"));
  }
  return levels;
}

struct Model {
  const char* name;
  const char* title;
  Tolerance tolerance;
};

constexpr Model kModels[] = {{"RF", "random features", kLazyTolerance},
                             {"NT", "tangent features", kLazyTolerance},
                             {"NN", "trained network", kTrainedTolerance}};

void add_series(report::Figure& figure, const Model& model, const Levels& levels) {
  report::Series measured{.name = fmt::format("{}, {}", model.name, model.title),
                          .mark = report::Mark::points};
  report::Series limit{.name = fmt::format("{}, limit", model.name), .dashed = true};
  for (const auto& [rho, level] : levels) {
    const auto interval = interval_of_mean(level.risks);
    measured.x.push_back(rho);
    measured.y.push_back(linalg::mean(level.risks));
    measured.low.push_back(interval.low);
    measured.high.push_back(interval.high);
    limit.x.push_back(rho);
    limit.y.push_back(linalg::mean(level.limits));
  }
  figure.series.push_back(std::move(measured));
  figure.series.push_back(std::move(limit));
}

Conclusion conclude(const ReproduceOptions&, const std::vector<Measured>& measured) {
  const auto rows = rows_of(measured, kName);
  Conclusion conclusion{
      .data = {.title = "Risks",
               .columns = {{"model", ""},
                           {"rho", "N / d"},
                           {"seeds", ""},
                           {"risk", "over that of a constant, mean over the seeds"},
                           {"low", "95 % interval of the mean"},
                           {"high", "95 % interval of the mean"},
                           {"limit", "of the formula, mean over the seeds"}}}};
  report::Figure figure{
      .id = "risk",
      .title = "Risk against the number of neurons",
      .caption =
          "Points: mean over the seeds with its 95 % interval; dashed: the formulas. Random and "
          "tangent features at d = 450 by exact least squares; the network by one-pass SGD at "
          "a smaller d.",
      .x = {.label = "ρ = N / d"},
      .y = {.label = "risk / risk of a constant"}};
  std::map<std::string, double> at_sixty_percent;
  for (const auto& model : kModels) {
    const auto levels = levels_of(rows, model.name);
    add_series(figure, model, levels);
    for (const auto& [rho, level] : levels) {
      const auto interval = interval_of_mean(level.risks);
      const double risk = linalg::mean(level.risks), limit = linalg::mean(level.limits);
      conclusion.data.add_row({model.name,
                               rho,
                               static_cast<std::int64_t>(level.risks.size()),
                               risk,
                               interval.low,
                               interval.high,
                               limit});
      for (const double shown : {0.2, 0.6, 1.0}) {
        if (std::abs(rho - shown) > 1e-9) continue;
        if (shown == 0.6) at_sixty_percent[model.name] = risk;
        conclusion.comparisons.push_back(compare(fmt::format("{}, {}", model.name, model.title),
                                                 fmt::format("risk at rho = {}", shown),
                                                 "the formula",
                                                 limit,
                                                 level.risks,
                                                 model.tolerance));
      }
    }
  }
  conclusion.findings = {fmt::format(
      "With N = 0.6 d neurons, random features leave {} of the risk, tangent features {}, and the "
      "trained network {}: lazy training learns the trace of the target and what the span of the "
      "first weights happens to hold, full training its largest eigenvalues.",
      format_number(at_sixty_percent["RF"]),
      format_number(at_sixty_percent["NT"]),
      format_number(at_sixty_percent["NN"]))};
  conclusion.blocks = {std::move(figure)};
  return conclusion;
}

}  // namespace

Recipe ghorbani2019() {
  return {
      .name = kName,
      .title = "Ghorbani et al. 2019: lazy and full training on a quadratic target",
      .source =
          "Ghorbani, Mei, Misiakiewicz, Montanari: Limitations of Lazy Training of Two-layers "
          "Neural Networks (arXiv 1906.08899): risk of random features, tangent features and a "
          "trained network of N neurons with the activation z^2 on a quadratic function of "
          "x ~ N(0, I_d), against N / d",
      .cost = "quick 5 s, standard 1 min, full 10 min",
      .plan = plan,
      .conclude = conclude,
  };
}

}  // namespace overparam::study
