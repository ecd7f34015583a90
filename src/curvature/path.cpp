// SPDX-License-Identifier: Apache-2.0
#include "overparam/curvature/path.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "overparam/base/require.hpp"
#include "overparam/linalg/vectors.hpp"

namespace overparam::curvature {

namespace {

/// The part of a curve from a = 0 to a = 1.
struct Segment {
  std::vector<double> a;
  std::vector<double> f;

  [[nodiscard]] std::size_t size() const { return a.size(); }
};

Segment segment_of(const LineCurve& curve) {
  base::require(curve.shares.size() == curve.objective.size(),
                ErrorKind::usage,
                "line: {} shares and {} values",
                curve.shares.size(),
                curve.objective.size());
  base::require(
      std::ranges::adjacent_find(curve.shares, std::greater_equal<>()) == curve.shares.end(),
      ErrorKind::usage,
      "line: its shares must ascend");
  Segment segment;
  for (std::size_t i = 0; i < curve.shares.size(); ++i) {
    if (curve.shares[i] < 0 || curve.shares[i] > 1) continue;
    segment.a.push_back(curve.shares[i]);
    segment.f.push_back(curve.objective[i]);
  }
  base::require(segment.size() >= 3 && segment.a.front() == 0 && segment.a.back() == 1,
                ErrorKind::usage,
                "line: its shape needs the shares 0 and 1 and one between");
  return segment;
}

/// The value at x of the line through (a_i, f_i) and (a_j, f_j).
double chord(const Segment& segment, std::size_t i, std::size_t j, double x) {
  const double share = (x - segment.a[i]) / (segment.a[j] - segment.a[i]);
  return (1 - share) * segment.f[i] + share * segment.f[j];
}

/// The corners of the largest convex function below the curve (Andrew's monotone chain).
std::vector<std::size_t> convex_corners(const Segment& segment) {
  std::vector<std::size_t> corners;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    while (corners.size() >= 2 &&
           segment.f[corners.back()] >=
               chord(segment, corners[corners.size() - 2], i, segment.a[corners.back()])) {
      corners.pop_back();
    }
    corners.push_back(i);
  }
  return corners;
}

double dent_of(const Segment& segment) {
  const auto corners = convex_corners(segment);
  double dent = 0;
  for (std::size_t k = 0; k + 1 < corners.size(); ++k) {
    for (std::size_t i = corners[k] + 1; i < corners[k + 1]; ++i) {
      dent =
          std::max(dent, segment.f[i] - chord(segment, corners[k], corners[k + 1], segment.a[i]));
    }
  }
  return dent;
}

void add_rise(const Segment& segment, LineShape& shape) {
  double least = segment.f.front();
  for (std::size_t i = 1; i < segment.size(); ++i) {
    if (segment.f[i] - least > shape.rise) {
      shape.rise = segment.f[i] - least;
      shape.rise_at = segment.a[i];
    }
    least = std::min(least, segment.f[i]);
  }
}

void add_curvature(const Segment& segment, LineShape& shape) {
  const auto slope = [&](std::size_t i) {
    return (segment.f[i + 1] - segment.f[i]) / (segment.a[i + 1] - segment.a[i]);
  };
  shape.least_curvature = std::numeric_limits<double>::infinity();
  shape.largest_curvature = -shape.least_curvature;
  for (std::size_t i = 1; i + 1 < segment.size(); ++i) {
    const double second = 2 * (slope(i) - slope(i - 1)) / (segment.a[i + 1] - segment.a[i - 1]);
    shape.least_curvature = std::min(shape.least_curvature, second);
    shape.largest_curvature = std::max(shape.largest_curvature, second);
  }
}

double share_above(const Segment& segment, double level) {
  double share = 0;
  for (std::size_t i = 0; i + 1 < segment.size(); ++i) {
    const auto [low, high] = std::minmax(segment.f[i], segment.f[i + 1]);
    const double length = segment.a[i + 1] - segment.a[i];
    if (low > level) {
      share += length;
    } else if (high > level) {
      share += length * (high - level) / (high - low);
    }
  }
  return share;
}

}  // namespace

std::vector<double> line_shares(int intervals) {
  base::require(intervals > 0 && intervals % 5 == 0,
                ErrorKind::usage,
                "line: the intervals of [0, 1] must be a positive multiple of 5, found {}",
                intervals);
  const int beyond = intervals / 5;
  std::vector<double> shares;
  for (int i = -beyond; i <= intervals + beyond; ++i) {
    shares.push_back(static_cast<double>(i) / intervals);
  }
  return shares;
}

Plane line_between(const at::Tensor& from, const at::Tensor& to, std::vector<double> shares) {
  base::require(from.dim() == 1 && to.dim() == 1 && from.size(0) == to.size(0),
                ErrorKind::usage,
                "line: its ends have {} and {} weights",
                from.numel(),
                to.numel());
  Plane line{.centre = from, .x_axis = to - from, .x = std::move(shares)};
  const double length = linalg::norm_of(line.x_axis);
  base::require(std::isfinite(length), ErrorKind::data, "line: an end of it is not finite");
  base::require(length > 0, ErrorKind::data, "line: it ends where it began");
  return line;
}

LineCurve evaluate_line(const Objective& objective,
                        const at::Tensor& from,
                        const at::Tensor& to,
                        std::vector<double> shares,
                        int threads) {
  const Plane line = line_between(from, to, std::move(shares));
  const auto values = evaluate_plane(objective, line, threads);
  const auto row_of = [&](const at::Tensor& cells) {
    const double* first = cells.data_ptr<double>();
    return std::vector<double>(first, first + line.num_cells());
  };
  return {
      .shares = line.x, .objective = row_of(values.objective), .accuracy = row_of(values.accuracy)};
}

LineShape line_shape(const LineCurve& curve, double plateau) {
  const Segment segment = segment_of(curve);
  const auto is_finite = [](double value) { return std::isfinite(value); };
  if (!std::ranges::all_of(segment.f, is_finite)) {
    constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
    return {
        kUnknown, kUnknown, kUnknown, kUnknown, kUnknown, kUnknown, kUnknown, kUnknown, kUnknown};
  }
  LineShape shape{.start = segment.f.front(), .end = segment.f.back()};
  for (std::size_t i = 0; i < segment.size(); ++i) {
    shape.barrier =
        std::max(shape.barrier, segment.f[i] - chord(segment, 0, segment.size() - 1, segment.a[i]));
  }
  shape.dent = dent_of(segment);
  shape.plateau_share = share_above(segment, plateau * shape.start);
  add_rise(segment, shape);
  add_curvature(segment, shape);
  return shape;
}

}  // namespace overparam::curvature
