// SPDX-License-Identifier: Apache-2.0
#include "sphere_points.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include "generating.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"

namespace overparam::data {

namespace {

constexpr std::int64_t kDefaultDimension = 20;
/// Draws of one point before the sphere is called full.
constexpr int kTries = 400;
/// Only the chosen pair may be at the separation itself.
constexpr double kMargin = 1 + 1e-9;

using Point = std::span<double>;
using ConstPoint = std::span<const double>;

double dot(ConstPoint a, ConstPoint b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  return sum;
}

void draw_direction(base::Random& random, Point out) {
  for (double& value : out) value = random.normal();
}

void set_length(Point point, double length) {
  const double factor = length / std::sqrt(dot(point, point));
  for (double& value : point) value *= factor;
}

double distance(ConstPoint a, ConstPoint b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return std::sqrt(sum);
}

base::Stream point_stream(std::uint64_t seed, const std::string& part, std::int64_t index) {
  return {seed, "sphere." + part, static_cast<std::uint64_t>(index)};
}

/// Places points one after another, each farther than the separation from all before it.
class Placement {
 public:
  Placement(std::int64_t count, std::int64_t dimension, std::uint64_t seed, double separation)
      : points_(at::empty({count, dimension}, at::kDouble)),
        dimension_(static_cast<std::size_t>(dimension)),
        seed_(seed),
        separation_(separation) {}

  /// The points, or nothing if they do not fit.
  std::optional<at::Tensor> run() {
    if (separation_ > 2 * kPointRadius) return std::nullopt;
    for (std::int64_t i = 0; i < points_.size(0); ++i) {
      if (i != 1 && !place(i)) return std::nullopt;
    }
    if (!place_partner()) return std::nullopt;
    return points_;
  }

 private:
  [[nodiscard]] Point point(std::int64_t i) const {
    return {points_.data_ptr<double>() + i * static_cast<std::int64_t>(dimension_), dimension_};
  }

  /// Whether point i is far enough from the points before it, other than the partner.
  [[nodiscard]] bool is_free(std::int64_t i) const {
    for (std::int64_t j = 0; j < i; ++j) {
      if (j != 1 && distance(point(i), point(j)) <= separation_ * kMargin) return false;
    }
    return true;
  }

  bool place(std::int64_t i) {
    base::Random random(point_stream(seed_, "train", i));
    for (int attempt = 0; attempt < kTries; ++attempt) {
      draw_direction(random, point(i));
      set_length(point(i), kPointRadius);
      if (is_free(i)) return true;
    }
    return false;
  }

  /// Turns point 0 by the angle whose chord is the separation, in a random direction.
  bool place_partner() {
    base::Random random(base::Stream(seed_, "sphere.partner"));
    const Point origin = point(0);
    const Point partner = point(1);
    std::vector<double> tangent(dimension_);
    const double sine_of_half = separation_ / (2 * kPointRadius);
    const double sine = 2 * sine_of_half * std::sqrt(1 - sine_of_half * sine_of_half);
    for (int attempt = 0; attempt < kTries; ++attempt) {
      draw_direction(random, tangent);
      make_tangent(tangent, origin);
      for (std::size_t k = 0; k < dimension_; ++k) {
        // cos = 1 - 2 sin^2(half the angle): the difference to point 0 keeps its digits.
        partner[k] = origin[k] + (sine * tangent[k] - 2 * sine_of_half * sine_of_half * origin[k]);
      }
      if (partner_is_free()) return true;
    }
    return false;
  }

  /// Makes `direction` orthogonal to a point of the sphere, and as long.
  static void make_tangent(Point direction, ConstPoint origin) {
    // Twice, because one projection leaves a rest where the two are nearly parallel.
    for (int pass = 0; pass < 2; ++pass) {
      const double along = dot(direction, origin) / dot(origin, origin);
      for (std::size_t k = 0; k < direction.size(); ++k) direction[k] -= along * origin[k];
      set_length(direction, kPointRadius);
    }
  }

  [[nodiscard]] bool partner_is_free() const {
    for (std::int64_t j = 2; j < points_.size(0); ++j) {
      if (distance(point(1), point(j)) <= separation_ * kMargin) return false;
    }
    return true;
  }

  at::Tensor points_;
  std::size_t dimension_;
  std::uint64_t seed_;
  double separation_;
};

/// A separation below the wanted one that the placement does reach, with two digits.
double reachable_separation(std::int64_t count,
                            std::int64_t dimension,
                            std::uint64_t seed,
                            double wanted) {
  constexpr double kStep = 0.9;
  double separation = std::min(wanted, 2 * kPointRadius);
  for (;;) {
    separation *= kStep;
    const double rounding = std::pow(10.0, std::floor(std::log10(separation)) - 1);
    const double rounded = std::floor(separation / rounding) * rounding;
    if (Placement(count, dimension, seed, rounded).run()) return rounded;
  }
}

}  // namespace

at::Tensor sphere_points(std::int64_t count,
                         std::int64_t dimension,
                         std::uint64_t seed,
                         const std::string& part) {
  at::Tensor points = at::empty({count, dimension}, at::kDouble);
  for (std::int64_t i = 0; i < count; ++i) {
    const Point point(points.data_ptr<double>() + i * dimension,
                      static_cast<std::size_t>(dimension));
    base::Random random(point_stream(seed, part, i));
    draw_direction(random, point);
    set_length(point, kPointRadius);
  }
  return points;
}

at::Tensor separated_sphere_points(std::int64_t count,
                                   std::int64_t dimension,
                                   std::uint64_t seed,
                                   double separation) {
  base::require(count >= 2,
                ErrorKind::usage,
                "separation: {} needs at least two samples, found {}",
                separation,
                count);
  auto points = Placement(count, dimension, seed, separation).run();
  if (!points) {
    base::fail(ErrorKind::usage,
               "separation: {} points on the sphere of radius 1/sqrt 2 in {} dimensions do not "
               "stay {} apart; {} can be reached",
               count,
               dimension,
               separation,
               base::format_number(reachable_separation(count, dimension, seed, separation)));
  }
  return *points;
}

Dataset sphere_dataset(const GeneratorOptions& options, const std::string& name) {
  const std::int64_t dimension = value_or(options.dimension, kDefaultDimension);
  Dataset dataset{.name = name,
                  .shape = {dimension},
                  .num_classes = options.num_classes,
                  .default_normalisation = Normalisation::sphere};
  dataset.train.inputs = options.separation > 0
                             ? separated_sphere_points(
                                   options.num_samples, dimension, options.seed, options.separation)
                             : sphere_points(options.num_samples, dimension, options.seed, "train");
  if (options.num_test_samples > 0) {
    dataset.test =
        Samples{.inputs = sphere_points(options.num_test_samples, dimension, options.seed, "test")};
  }
  return dataset;
}

}  // namespace overparam::data
