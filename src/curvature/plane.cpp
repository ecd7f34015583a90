// SPDX-License-Identifier: Apache-2.0
#include "overparam/curvature/plane.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <mutex>

#include "overparam/base/interrupt.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/work_queue.hpp"
#include "overparam/linalg/vectors.hpp"

namespace overparam::curvature {

namespace {

void check_axis(const char* name, const at::Tensor& axis, std::int64_t size) {
  base::require(axis.dim() == 1 && axis.size(0) == size,
                ErrorKind::usage,
                "plane: its {} has {} numbers, the network {} weights",
                name,
                axis.numel(),
                size);
  const double norm = linalg::norm_of(axis);
  base::require(
      norm > 0 && std::isfinite(norm), ErrorKind::usage, "plane: its {} has length {}", name, norm);
}

void check_coordinates(const char* name, const std::vector<double>& values) {
  base::require(std::ranges::adjacent_find(values, std::greater_equal<>()) == values.end() &&
                    std::ranges::all_of(values, [](double value) { return std::isfinite(value); }),
                ErrorKind::usage,
                "plane: its {} coordinates must ascend and be finite",
                name);
}

}  // namespace

at::Tensor Plane::point(std::int64_t cell) const {
  const auto columns = std::ssize(x);
  at::Tensor weights = centre.add(x_axis, x[static_cast<std::size_t>(cell % columns)]);
  if (y_axis.defined()) weights.add_(y_axis, y[static_cast<std::size_t>(cell / columns)]);
  return weights;
}

void Plane::check(const Objective& objective) const {
  check_axis("centre", centre, objective.size());
  check_axis("first axis", x_axis, objective.size());
  if (y_axis.defined()) check_axis("second axis", y_axis, objective.size());
  base::require(x.size() >= 2 && (y_axis.defined() ? y.size() >= 2 : y.size() == 1),
                ErrorKind::usage,
                "plane: a grid needs two points a side or more, found {} x {}",
                x.size(),
                y.size());
  check_coordinates("x", x);
  check_coordinates("y", y);
}

std::vector<double> spread_evenly(double low, double high, std::int64_t count) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i) {
    const double share = count == 1 ? 0 : static_cast<double>(i) / static_cast<double>(count - 1);
    double value = low + (high - low) * share;
    if (std::abs(value) < 1e-12 * (high - low)) value = 0;
    values.push_back(value);
  }
  return values;
}

CellResult evaluate_cells(const Objective& objective,
                          const Plane& plane,
                          const CellStore& store,
                          int threads,
                          bool stops) {
  plane.check(objective);
  std::vector<base::WorkItem> items;
  std::mutex keeping;
  for (std::int64_t cell = 0; cell < plane.num_cells(); ++cell) {
    if (store.is_done && store.is_done(cell)) continue;
    items.push_back({"cell", 0, [&, cell] {
                       const Value value = objective.value(plane.point(cell));
                       const std::scoped_lock lock(keeping);
                       store.keep(cell, value);
                     }});
  }
  const auto summary =
      base::WorkQueue({.threads = threads, .stops_when_interrupted = stops}).run(items);
  summary.rethrow();
  return {.evaluated = summary.finished, .complete = summary.skipped == 0};
}

PlaneValues evaluate_plane(const Objective& objective, const Plane& plane, int threads) {
  const auto rows = std::ssize(plane.y);
  const auto columns = std::ssize(plane.x);
  PlaneValues values{.objective = at::full({rows, columns}, NAN, at::kDouble),
                     .accuracy = at::full({rows, columns}, NAN, at::kDouble)};
  evaluate_cells(objective,
                 plane,
                 {.keep =
                      [&](std::int64_t cell, const Value& value) {
                        values.objective.data_ptr<double>()[cell] = value.objective;
                        values.accuracy.data_ptr<double>()[cell] = value.accuracy;
                      }},
                 threads,
                 /*stops=*/false);
  return values;
}

Projection project(const Plane& plane, const at::Tensor& weights) {
  const at::Tensor move = (weights - plane.centre).to(at::kDouble);
  const at::Tensor a = plane.x_axis.to(at::kDouble);
  Projection found{.distance = linalg::norm_of(move)};
  if (!plane.y_axis.defined()) {
    found.x = linalg::inner_product(move, a) / linalg::inner_product(a, a);
    found.residual = linalg::norm_of(move - found.x * a);
    return found;
  }
  const at::Tensor b = plane.y_axis.to(at::kDouble);
  const double aa = linalg::inner_product(a, a);
  const double ab = linalg::inner_product(a, b);
  const double bb = linalg::inner_product(b, b);
  const double determinant = aa * bb - ab * ab;
  base::require(
      determinant > 1e-12 * aa * bb, ErrorKind::usage, "plane: its two axes are parallel");
  const double ma = linalg::inner_product(move, a);
  const double mb = linalg::inner_product(move, b);
  found.x = (bb * ma - ab * mb) / determinant;
  found.y = (aa * mb - ab * ma) / determinant;
  found.residual = linalg::norm_of(move - found.x * a - found.y * b);
  return found;
}

LineCoordinates along_line(const std::vector<at::Tensor>& trajectory) {
  base::require(trajectory.size() >= 2,
                ErrorKind::usage,
                "a line needs a trajectory of two points or more, found {}",
                trajectory.size());
  const at::Tensor start = trajectory.front().to(at::kDouble);
  at::Tensor line = trajectory.back().to(at::kDouble) - start;
  LineCoordinates found{.length = linalg::norm_of(line)};
  base::require(found.length > 0, ErrorKind::data, "the trajectory ends where it began");
  line.div_(found.length);
  for (const auto& weights : trajectory) {
    const at::Tensor move = weights.to(at::kDouble) - start;
    const double alpha = linalg::inner_product(move, line);
    found.alpha.push_back(alpha);
    found.beta.push_back(linalg::norm_of(move - alpha * line));
  }
  return found;
}

double quadratic_fit(const Plane& plane,
                     const at::Tensor& values,
                     const std::function<bool(double x, double y)>& keep) {
  const bool is_line = !plane.y_axis.defined();
  std::vector<double> design;
  std::vector<double> right;
  const auto cells = values.accessor<double, 2>();
  for (std::int64_t i = 0; i < std::ssize(plane.y); ++i) {
    for (std::int64_t j = 0; j < std::ssize(plane.x); ++j) {
      const double x = plane.x[static_cast<std::size_t>(j)];
      const double y = plane.y[static_cast<std::size_t>(i)];
      if (!keep(x, y) || !std::isfinite(cells[i][j])) continue;
      design.insert(design.end(), {1, x, x * x});
      if (!is_line) design.insert(design.end(), {y, y * y, x * y});
      right.push_back(cells[i][j]);
    }
  }
  const std::int64_t coefficients = is_line ? 3 : 6;
  if (std::ssize(right) <= coefficients) return std::nan("");
  at::Tensor X = at::tensor(design, at::kDouble).view({-1, coefficients});
  X = X / X.abs().amax(0, /*keepdim=*/true).clamp_min(1e-300);
  const at::Tensor z = at::tensor(right, at::kDouble);
  const double about_mean = (z - z.mean()).square().sum().item<double>();
  if (!(about_mean > 0)) return std::nan("");
  const at::Tensor normal = at::matmul(X.t(), X) + 1e-14 * at::eye(coefficients, at::kDouble);
  const at::Tensor fitted = at::mv(X, at::linalg_solve(normal, at::mv(X.t(), z)));
  return 1 - (z - fitted).square().sum().item<double>() / about_mean;
}

}  // namespace overparam::curvature
