// SPDX-License-Identifier: Apache-2.0
#include "landscape_axes.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "overparam/base/array_files.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/curvature/criteria.hpp"
#include "overparam/curvature/plane.hpp"
#include "overparam/linalg/vectors.hpp"

namespace overparam::study {

namespace {

/// "top2" is the second of `top`.
std::optional<int> rank_after(const std::string& text, std::string_view word) {
  if (!text.starts_with(word)) return std::nullopt;
  const std::string rest = text.substr(word.size());
  if (rest.empty()) return 1;
  const auto rank = base::parse_integer(rest);
  return rank && *rank >= 1 && *rank <= 100 ? std::optional<int>(static_cast<int>(*rank))
                                            : std::nullopt;
}

AxisSpec parse_axis(const std::string& text, const std::string& origin) {
  if (text == "gradient") return {.kind = AxisKind::gradient};
  if (text == "negative") return {.kind = AxisKind::negative};
  if (text.starts_with("to:")) return {.kind = AxisKind::to, .name = text.substr(3)};
  if (text.starts_with("file:")) return {.kind = AxisKind::file, .name = text.substr(5)};
  for (const auto& [word, kind] : {std::pair{"top", AxisKind::top},
                                   std::pair{"random", AxisKind::random},
                                   std::pair{"pca", AxisKind::pca}}) {
    if (const auto rank = rank_after(text, word)) return {.kind = kind, .rank = *rank};
  }
  static const std::vector<std::string> kWords = {"gradient", "negative", "top", "random", "pca"};
  base::fail(
      ErrorKind::usage,
      "{}: an axis is gradient, negative, top, top2, random, random2, pca, pca2, to:POINT or "
      "file:PATH; found \"{}\"{}",
      origin,
      text,
      base::did_you_mean(text, kWords));
}

std::string words_of(const AxisSpec& spec) {
  const std::string place = spec.rank == 1 ? "" : fmt::format(" {}", spec.rank);
  switch (spec.kind) {
    case AxisKind::gradient:
      return "gradient";
    case AxisKind::negative:
      return "most negative curvature";
    case AxisKind::top:
      return "largest curvature" + place;
    case AxisKind::random:
      return "random, filters normalised" + place;
    case AxisKind::pca:
      return "principal direction" + place;
    case AxisKind::to:
      return "to " + spec.name;
    case AxisKind::file:
      return spec.name;
  }
  return "";
}

/// "25", "25x41"
std::vector<std::int64_t> parse_sides(const Settings& settings) {
  const std::string& text = settings.text("landscape.grid");
  const auto parts = base::split(text, 'x');
  std::vector<std::int64_t> sides;
  for (const auto& part : parts) {
    const auto side = base::parse_integer(part);
    base::require(side && *side >= 2 && *side <= 10'000 && parts.size() <= 2,
                  ErrorKind::usage,
                  "{}: landscape.grid must be like 25 or 25x41, each at least 2; found \"{}\"",
                  settings.origin("landscape.grid"),
                  text);
    sides.push_back(*side);
  }
  return sides;
}

/// "0.5", "-1:2", "-1:1,0:3"
std::vector<std::pair<double, double>> parse_ends(const Settings& settings, std::size_t num_axes) {
  const std::string& text = settings.text("landscape.range");
  std::vector<std::pair<double, double>> ends;
  for (const auto& part : base::split(text, ',')) {
    const auto numbers = base::split(part, ':');
    const auto low = base::parse_number(numbers.front());
    const auto high = base::parse_number(numbers.back());
    const bool fits = low && high && std::isfinite(*low) && std::isfinite(*high) &&
                      numbers.size() <= 2 && (numbers.size() == 2 ? *low < *high : *high > 0);
    base::require(fits,
                  ErrorKind::usage,
                  "{}: landscape.range must be auto, R for -R:R, or LOW:HIGH,LOW:HIGH with LOW < "
                  "HIGH; found \"{}\"",
                  settings.origin("landscape.range"),
                  text);
    ends.emplace_back(numbers.size() == 2 ? *low : -*high, *high);
  }
  base::require(ends.size() == 1 || ends.size() == num_axes,
                ErrorKind::usage,
                "{}: landscape.range has {} ranges for {} axes",
                settings.origin("landscape.range"),
                ends.size(),
                num_axes);
  ends.resize(num_axes, ends.front());
  return ends;
}

/// What the search itself knows, without batches.
CurvatureFacts own_facts(const curvature::CurvedDirection& found) {
  return {.method = found.method,
          .curvature = found.curvature,
          .of_batches = {found.curvature, std::nan("")},
          .held_out = {std::nan(""), std::nan("")},
          .residual = found.residual,
          .claimed_residual = found.claimed_residual,
          .products = found.products,
          .converged = found.converged};
}

}  // namespace

std::vector<AxisSpec> parse_axes(const Settings& settings) {
  const std::string& text = settings.text("landscape.axes");
  std::vector<AxisSpec> axes;
  for (const auto& part : base::split(text, ',')) {
    axes.push_back(parse_axis(std::string(base::trim(part)), settings.origin("landscape.axes")));
  }
  base::require(axes.size() == 1 || axes.size() == 2,
                ErrorKind::usage,
                "{}: landscape.axes takes one axis or two, found \"{}\"",
                settings.origin("landscape.axes"),
                text);
  base::require(axes.size() == 1 || words_of(axes[0]) != words_of(axes[1]),
                ErrorKind::usage,
                "{}: landscape.axes takes two different axes, found \"{}\"",
                settings.origin("landscape.axes"),
                text);
  return axes;
}

GridRequest parse_grid(const Settings& settings, std::size_t num_axes) {
  const auto sides = parse_sides(settings);
  GridRequest request{.columns = sides.front(), .rows = num_axes == 1 ? 1 : sides.back()};
  if (settings.text("landscape.range") != "auto") request.ends = parse_ends(settings, num_axes);
  return request;
}

AxisFinder::AxisFinder(const Settings& settings,
                       const LandscapeSource& source,
                       const LandscapePoint& point,
                       const curvature::HessianProduct& product,
                       const curvature::GradientDirection& gradient,
                       const at::Tensor& former,
                       std::function<bool()> keep_going)
    : settings_(settings),
      source_(source),
      point_(point),
      product_(product),
      gradient_(gradient),
      former_(former),
      keep_going_(std::move(keep_going)) {}

at::Tensor AxisFinder::find(const AxisSpec& spec) {
  specs_.push_back(spec);
  facts_.push_back({.name = words_of(spec),
                    .is_gradient = spec.kind == AxisKind::gradient,
                    .is_negative = spec.kind == AxisKind::negative});
  at::Tensor axis;
  switch (spec.kind) {
    case AxisKind::gradient:
      base::require(gradient_.norm > 0,
                    ErrorKind::data,
                    "{}: the gradient is zero, it has no direction",
                    point_.name);
      axis = gradient_.vector;
      break;
    case AxisKind::negative:
      axis = find_negative();
      break;
    case AxisKind::top:
      axis = find_top(spec.rank);
      break;
    case AxisKind::random:
      axis = curvature::filter_normalised_direction(
          *point_.objective,
          point_.weights,
          static_cast<std::uint64_t>(settings_.integer("run.seed") + spec.rank - 1));
      break;
    case AxisKind::pca:
      axis = find_principal(spec.rank);
      break;
    case AxisKind::to:
      axis = towards(spec.name);
      break;
    case AxisKind::file:
      axis = from_file(spec.name);
      break;
  }
  facts_.back().length = linalg::norm_of(axis);
  base::require(facts_.back().length > 0 && std::isfinite(facts_.back().length),
                ErrorKind::usage,
                "{}: the direction \"{}\" has no length at {}, it is {}",
                settings_.origin("landscape.axes"),
                facts_.back().name,
                point_.name,
                facts_.back().length);
  vectors_.push_back(axis);
  return axis;
}

curvature::DirectionOptions AxisFinder::direction_options() const {
  return {.method = curvature::parse_direction_method(settings_.text("landscape.direction")),
          .max_products = static_cast<int>(settings_.integer("landscape.products")),
          .seed = static_cast<std::uint64_t>(settings_.integer("run.seed")),
          .keep_going = keep_going_};
}

CurvatureFacts AxisFinder::facts_of(const curvature::CurvedDirection& found) const {
  CurvatureFacts facts = own_facts(found);
  if (product_.options().kind == curvature::ProductKind::autograd) return facts;
  facts.of_batches = curvature::batch_curvature(product_, found.vector);
  if (point_.held_out) {
    const curvature::HessianProduct beside(*point_.held_out, point_.weights, product_.options());
    facts.held_out = curvature::batch_curvature(beside, found.vector);
  }
  return facts;
}

at::Tensor AxisFinder::find_negative() {
  auto options = direction_options();
  options.start = former_;
  auto found = curvature::most_negative_direction(product_, options);
  curvature::orient(found.vector, gradient_.vector);
  largest_ = found.largest;
  facts_.back().curvature = facts_of(found);
  ask_another(found);
  return found.vector;
}

/// The same direction by the method that landscape.check names.
void AxisFinder::ask_another(const curvature::CurvedDirection& found) {
  const std::string& name = settings_.text("landscape.check");
  if (name == "none" || name == settings_.text("landscape.direction") || !keep_going_()) return;
  auto options = direction_options();
  options.method = curvature::parse_direction_method(name);
  options.max_products = static_cast<int>(settings_.integer("landscape.check_products"));
  const bool stochastic = options.method != curvature::DirectionMethod::lanczos &&
                          options.method != curvature::DirectionMethod::neon_det;
  const bool has_batches = point_.objective->num_batches() > 1 &&
                           product_.options().kind != curvature::ProductKind::autograd;
  if (stochastic && !has_batches) return;
  const auto other = curvature::most_negative_direction(product_, options);
  SecondOpinion& opinion = second_.emplace();
  opinion.facts = own_facts(other);
  opinion.cosine = std::abs(linalg::inner_product(found.vector, other.vector));
  opinion.difference = std::abs(found.curvature - other.curvature) / std::abs(found.curvature);
}

at::Tensor AxisFinder::find_top(int rank) {
  if (std::ssize(tops_) < rank) {
    tops_ = curvature::top_directions(product_, std::max(rank, 2), direction_options());
  }
  base::require(std::ssize(tops_) >= rank,
                ErrorKind::data,
                "{}: {} products found {} directions of largest curvature, not {}",
                point_.name,
                settings_.integer("landscape.products"),
                tops_.size(),
                rank);
  auto& found = tops_[static_cast<std::size_t>(rank - 1)];
  curvature::orient(found.vector, gradient_.vector);
  largest_ = tops_.front().curvature;
  facts_.back().curvature = facts_of(found);
  return found.vector;
}

at::Tensor AxisFinder::find_principal(int rank) {
  std::vector<at::Tensor> weights;
  for (const auto& name : source_.waypoints()) weights.push_back(source_.weights_at(name));
  return curvature::principal_directions(weights, rank).vectors.back();
}

at::Tensor AxisFinder::towards(const std::string& name) const {
  const auto names = source_.waypoints();
  for (const auto& waypoint : names) {
    if (waypoint == name || waypoint == "epoch " + name) {
      return source_.weights_at(waypoint) - point_.weights;
    }
  }
  base::fail(ErrorKind::usage,
             "{}: there is no point \"{}\" to draw towards; there are {}",
             settings_.origin("landscape.axes"),
             name,
             base::join(names, ", "));
}

at::Tensor AxisFinder::from_file(const std::string& path) const {
  const at::Tensor read = base::read_npy(path).reshape({-1});
  base::require(read.numel() == point_.objective->size(),
                ErrorKind::data,
                "{}: a direction of {} numbers, the network has {} weights",
                path,
                read.numel(),
                point_.objective->size());
  return read.to(point_.weights.options());
}

const curvature::LineMinimum& AxisFinder::descent() {
  if (descent_) return *descent_;
  descent_ = curvature::LineMinimum{.objective = gradient_.value.objective};
  if (gradient_.norm > 0) {
    descent_ = curvature::descend_along(*point_.objective,
                                        point_.weights,
                                        gradient_.vector,
                                        gradient_.value.objective,
                                        first_step());
  }
  return *descent_;
}

double AxisFinder::first_step() const {
  // Far above the rounding of float32 weights, where eta |g| is not at the end of a training.
  const double least = 1e-3 * linalg::norm_of(point_.weights);
  if (!std::isfinite(point_.step_size)) return least;
  return std::max(least, point_.step_size * gradient_.norm);
}

std::pair<double, double> AxisFinder::natural_range(std::size_t axis) {
  switch (specs_[axis].kind) {
    case AxisKind::to:
      return {-0.25, 1.25};
    case AxisKind::random:
      return {-1, 1};
    case AxisKind::pca: {
      double reach = 0;
      for (const auto& name : source_.waypoints()) {
        const at::Tensor move = source_.weights_at(name) - point_.weights;
        reach = std::max(reach, std::abs(linalg::inner_product(move, vectors_[axis])));
      }
      return {-1.1 * reach, 1.1 * reach};
    }
    case AxisKind::gradient:
    case AxisKind::negative:
    case AxisKind::top:
    case AxisKind::file:
      break;
  }
  const double step = descent().step > 0 ? descent().step : first_step();
  const double reach = kRangeOverStep * step / facts_[axis].length;
  return {-reach, reach};
}

GridRange AxisFinder::range(const GridRequest& request) {
  auto ends = request.ends;
  for (std::size_t i = ends.size(); i < vectors_.size(); ++i) ends.push_back(natural_range(i));
  GridRange range{.x = curvature::spread_evenly(ends[0].first, ends[0].second, request.columns),
                  .y = {0}};
  if (vectors_.size() > 1) {
    range.y = curvature::spread_evenly(ends[1].first, ends[1].second, request.rows);
  }
  return range;
}

}  // namespace overparam::study
