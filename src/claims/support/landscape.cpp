// SPDX-License-Identifier: Apache-2.0
#include "support/landscape.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <map>
#include <memory>
#include <mutex>

#include "overparam/base/interrupt.hpp"
#include "overparam/base/random.hpp"
#include "overparam/curvature/criteria.hpp"
#include "overparam/curvature/direction.hpp"
#include "overparam/curvature/network_objective.hpp"
#include "overparam/linalg/vectors.hpp"
#include "support/digit_images.hpp"
#include "support/experiment.hpp"
#include "support/training.hpp"

namespace overparam::claims {

namespace {

using curvature::Objective;

constexpr const char* kPaper = "paper";
constexpr const char* kResidual = "residual";

/// The figure's epochs, of 164: two a phase of the step size.
constexpr double kEpochs[] = {5, 40, 90, 120, 130, 160};

/// F / F_0 at the snapshots of the paper's network.
constexpr double kRatios[] = {1, 0.3, 0.1, 0.03, 0.01, 0.003};

/// How far a plane reaches, over the best step; columns within the best step, rows beyond it too.
constexpr double kRangeOverStep = 2.5;
constexpr std::int64_t kColumns = 5;
constexpr std::int64_t kRows = 11;

/// So many of six places, the first among them; or the last alone.
std::vector<double> places(const double (&six)[6], const Point& point) {
  if (point.get("late", 0) != 0) return {six[5]};
  switch (point.integer("snapshots")) {
    case 1:
      return {six[0]};
    case 2:
      return {six[0], six[5]};
    case 3:
      return {six[0], six[2], six[5]};
    default:
      return {std::begin(six), std::end(six)};
  }
}

at::Tensor random_unit(const at::Tensor& like, std::uint64_t seed) {
  at::Tensor u = at::empty({1, like.size(0)}, like.options());
  base::fill_normal(u, 1, base::Stream(seed, "random direction"));
  return u.view({-1}).div_(u.norm());
}

/// The lowest f(W - s u) for s up to s*, as a drop from f(W).
double drop_within(const Objective& objective,
                   const at::Tensor& weights,
                   const at::Tensor& unit,
                   double here,
                   double reach) {
  constexpr int kSteps = 8;
  double least = here;
  for (int k = 1; k <= kSteps; ++k) {
    least = std::min(least, objective.value(weights.sub(unit, reach * k / kSteps)).objective);
  }
  return (here - least) / here;
}

/// R^2 of a quadratic over a plane that reaches so many times s*.
double quadratic_within(const Objective& objective, curvature::Plane plane, double reach) {
  plane.x = curvature::spread_evenly(-reach, reach, kColumns);
  plane.y = curvature::spread_evenly(-reach, reach, kColumns);
  const at::Tensor values = curvature::evaluate_plane(objective, plane, 1).objective;
  return curvature::quadratic_fit(plane, values, [](double, double) { return true; });
}

/// Measures around W.
void measure_around(const Objective& objective,
                    const at::Tensor& given,
                    const Point& point,
                    Row& row) {
  const at::Tensor weights = given * point.get("shrunk", 1);
  const auto gradient = curvature::gradient_direction(objective, weights);
  const double here = gradient.value.objective;
  // Far above the rounding of float32 weights, where eta |g| is not at the end of a training.
  const double guess = 1e-3 * linalg::norm_of(weights);
  row.values["f"] = here;
  row.values["gradient"] = gradient.norm * gradient.norm;
  const auto minimum = curvature::descend_along(objective, weights, gradient.vector, here, guess);
  row.values["step"] = minimum.step;
  row.values["drop"] = (here - minimum.objective) / here;
  const double reach = minimum.step > 0 ? minimum.step : guess;
  if (point.get("random", 0) != 0) {
    at::Tensor unit = random_unit(weights, point.seed());
    curvature::orient(unit, gradient.vector);
    row.values["drop"] = drop_within(objective, weights, unit, here, reach);
    return;
  }
  const curvature::HessianProduct product(objective, weights, {});
  const auto products = static_cast<int>(point.integer("products"));
  auto curved =
      curvature::most_negative_direction(product, {.max_products = products, .seed = point.seed()});
  curvature::orient(curved.vector, gradient.vector);
  row.values["curvature"] = curved.curvature;
  row.values["residual"] = curved.residual;
  const curvature::Plane plane{
      .centre = weights,
      .x_axis = gradient.vector,
      .y_axis = curved.vector,
      .x = curvature::spread_evenly(-reach, reach, kColumns),
      .y = curvature::spread_evenly(-kRangeOverStep * reach, kRangeOverStep * reach, kRows)};
  const at::Tensor values = curvature::evaluate_plane(objective, plane, 1).objective;
  const auto criteria = curvature::descent_criteria(
      objective, plane, values, minimum, here, gradient.norm, curved.curvature, 1);
  row.values["benefit"] = criteria.benefit;
  row.values["share"] = criteria.second_order_share;
  row.values["quadratic"] = criteria.quadratic;
  if (const double far = point.get("reach", 1); far != 1) {
    row.values["quadratic"] = quadratic_within(objective, plane, far * reach);
  }
}

std::vector<Row> measure_paper(const Point& original) {
  Point point = original;
  point.settings.try_emplace("n", 10);
  point.settings.try_emplace("dx", 20);
  point.settings.try_emplace("delta", 0.5);
  const train::Problem problem = sphere_problem(point, at::kDouble);
  net::Network network = fc_network(point, problem);
  std::vector<Row> rows;
  double former = 1;
  for (const double ratio : places(kRatios, point)) {
    if (ratio < former) {
      train_run(network,
                problem,
                "critical",
                {.stop = {.max_steps = 5000, .target_ratio = ratio / former}});
      former = ratio;
    }
    const auto objective = curvature::network_objective(
        network, {.inputs = problem.inputs, .targets = problem.targets}, problem.loss);
    Row row = row_of(point);
    row.values["snapshot"] = static_cast<double>(rows.size());
    measure_around(*objective, objective->weights(), point, row);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Row> measure_residual(const Point& point) {
  const auto [architecture, data] = digit_images(point);
  const auto options = digit_training(point);
  auto state = train::initial_state(architecture, point.seed(), at::TensorOptions(at::kFloat));
  std::vector<Row> rows;
  for (const double epoch : places(kEpochs, point)) {
    while (state.epoch < shrunk_epoch(point, epoch)) {
      const auto report = train::train_epoch(
          architecture, data, options, state, [] { return !base::interrupted(); });
      if (!report.complete) return rows;
    }
    const auto objective = curvature::vision_objective(
        architecture,
        state.weights,
        state.statistics,
        data.images,
        data.labels,
        {.norms = curvature::NormMode::batch, .batch_size = point.integer("n")});
    Row row = row_of(point);
    row.values["snapshot"] = static_cast<double>(rows.size());
    measure_around(*objective, state.weights, point, row);
    rows.push_back(std::move(row));
  }
  return rows;
}

/// Rows by their points, each measured by whoever asks first while others wait.
class RowMemo {
 public:
  std::vector<Row> find(const Point& point,
                        const std::function<std::vector<Row>(const Point&)>& measure) {
    std::promise<std::vector<Row>> promise;
    std::shared_future<std::vector<Row>> rows;
    bool is_first = false;
    {
      const std::scoped_lock lock(mutex_);
      auto [entry, inserted] = rows_.try_emplace({point.design, point.settings});
      if (inserted) entry->second = promise.get_future().share();
      is_first = inserted;
      rows = entry->second;
    }
    if (is_first) {
      try {
        promise.set_value(measure(point));
      } catch (...) {
        promise.set_exception(std::current_exception());
      }
    }
    return rows.get();
  }

 private:
  std::mutex mutex_;
  std::map<std::pair<std::string, Values>, std::shared_future<std::vector<Row>>> rows_;
};

Design paper_design(double width, int snapshots, int products, int seeds) {
  return {.name = kPaper,
          .fixed = {{"L", 2},
                    {"m", width},
                    {"snapshots", static_cast<double>(snapshots)},
                    {"products", static_cast<double>(products)}},
          .seeds = seeds};
}

Design residual_design(const Values& sizes, int snapshots, int products, int seeds) {
  Design design{.name = kResidual, .fixed = sizes, .seeds = seeds};
  design.fixed["snapshots"] = snapshots;
  design.fixed["products"] = products;
  return design;
}

}  // namespace

std::vector<Row> landscape_rows(const Point& point) {
  static RowMemo memo;
  return memo.find(point, [](const Point& missing) {
    return missing.design == kPaper ? measure_paper(missing) : measure_residual(missing);
  });
}

std::vector<Design> landscape_designs(Scale scale) {
  switch (scale) {
    case Scale::quick:
      return {paper_design(256, 3, 40, 2),
              residual_design({{"n", 128}, {"w", 4}, {"epochs", 41}}, 3, 40, 2)};
    case Scale::standard:
      return {paper_design(512, 6, 60, 3),
              residual_design({{"n", 256}, {"w", 8}, {"epochs", 82}}, 6, 60, 3)};
    case Scale::full:
      break;
  }
  return {paper_design(1024, 6, 120, 5),
          residual_design(
              {{"n", 1000}, {"w", 16}, {"side", 28}, {"batch", 128}, {"epochs", 164}}, 6, 120, 5)};
}

std::uint64_t landscape_memory(const Point& point) {
  const double vectors = point.at("products") + 12;
  if (point.design == kResidual) return digit_memory(point, vectors);
  const double weights = point.at("L") * point.at("m") * point.at("m");
  return measurement_memory(point) + static_cast<std::uint64_t>(sizeof(double) * vectors * weights);
}

Design small_residual_design() {
  return residual_design({{"n", 64}, {"w", 4}, {"epochs", 16}}, 2, 16, 1);
}

Design small_paper_design(const Values& settings, const std::vector<Axis>& axes) {
  Design design = paper_design(128, 2, 24, 1);
  design.axes = axes;
  for (const auto& [name, value] : settings) design.fixed[name] = value;
  return design;
}

Claim landscape_claim(const std::string& id, const std::string& criterion) {
  return {
      .id = id,
      .group = Group::landscape,
      .source = "Figure 1, " + criterion,
      .window =
          "a figure, not a theorem: ResNet-32 on CIFAR-10 after six epochs. Proxies stand in "
          "for it: ResNet-8 on drawn digits, and the paper's network as it is trained",
      .expected = {VerdictKind::consistent},
      .designs = landscape_designs,
      .measure = landscape_rows,
      .memory = landscape_memory,
      .positive_control = {.description = "m = 128, 64 images, two snapshots of one seed",
                           .designs = {small_paper_design(), small_residual_design()}},
  };
}

std::string of_paper(const std::string& name) { return name + ", paper's network"; }

std::string of_residual(const std::string& name) { return name + ", residual network"; }

std::vector<Check> check_both(
    const std::string& name,
    const std::string& meaning,
    const std::string& column,
    std::function<double(const std::vector<Row>&)> (*value)(const std::string&, const std::string&),
    double low,
    double high) {
  return {{.name = of_paper(name),
           .meaning = meaning,
           .value = value(kPaper, column),
           .low = low,
           .high = high},
          {.name = of_residual(name),
           .meaning = meaning,
           .value = value(kResidual, column),
           .low = low,
           .high = high}};
}

}  // namespace overparam::claims
