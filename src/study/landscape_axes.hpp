// SPDX-License-Identifier: Apache-2.0
// The axes of a landscape, from their names to vectors.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "landscape_source.hpp"
#include "overparam/curvature/direction.hpp"
#include "overparam/study/landscape.hpp"

namespace overparam::study {

enum class AxisKind { gradient, negative, top, random, pca, to, file };

struct AxisSpec {
  AxisKind kind = AxisKind::gradient;
  int rank = 1;      ///< of top and pca: the first, second, ... direction; of random: which draw
  std::string name;  ///< of `to`: a point of the trajectory; of `file`: its path
};

/// Reads "gradient,negative": one axis or two. @throws Error(usage) naming what is not an axis
std::vector<AxisSpec> parse_axes(const Settings& settings);

/// What the settings landscape.grid and landscape.range ask for.
struct GridRequest {
  std::int64_t columns = 0;
  std::int64_t rows = 1;
  std::vector<std::pair<double, double>> ends;  ///< one an axis; empty: by what the axes are
};

/// @throws Error(usage) naming the setting
GridRequest parse_grid(const Settings& settings, std::size_t num_axes);

/// The grid's coordinates.
struct GridRange {
  std::vector<double> x, y;
};

/// How far the grid reaches, in best steps along the gradient.
inline constexpr double kRangeOverStep = 2.5;

/// Finds one axis after another at one point.
class AxisFinder {
 public:
  AxisFinder(const Settings& settings,
             const LandscapeSource& source,
             const LandscapePoint& point,
             const curvature::HessianProduct& product,
             const curvature::GradientDirection& gradient,
             const at::Tensor& former,
             std::function<bool()> keep_going);

  /// The axis (P). @throws Error(usage), Error(data) where there is none, as along a gradient that
  /// is zero
  at::Tensor find(const AxisSpec& spec);

  /// Of the last axis found.
  [[nodiscard]] const LandscapeAxis& facts() const { return facts_.back(); }
  [[nodiscard]] double largest() const { return largest_; }
  [[nodiscard]] std::optional<SecondOpinion> second_opinion() const { return second_; }

  /// The lowest point along -gradient.
  const curvature::LineMinimum& descent();

  /// By what was asked for, or from what the axes are.
  GridRange range(const GridRequest& request);

 private:
  at::Tensor find_negative();
  at::Tensor find_top(int rank);
  at::Tensor find_principal(int rank);
  at::Tensor towards(const std::string& name) const;
  at::Tensor from_file(const std::string& path) const;
  void ask_another(const curvature::CurvedDirection& found);
  [[nodiscard]] CurvatureFacts facts_of(const curvature::CurvedDirection& found) const;
  [[nodiscard]] curvature::DirectionOptions direction_options() const;
  /// The largest coordinate of an axis, both ways or from low to high.
  [[nodiscard]] std::pair<double, double> natural_range(std::size_t axis);
  /// s, the length of a first step of the search along -gradient.
  [[nodiscard]] double first_step() const;

  const Settings& settings_;
  const LandscapeSource& source_;
  const LandscapePoint& point_;
  const curvature::HessianProduct& product_;
  const curvature::GradientDirection& gradient_;
  at::Tensor former_;
  std::function<bool()> keep_going_;
  std::vector<AxisSpec> specs_;
  std::vector<LandscapeAxis> facts_;
  std::vector<at::Tensor> vectors_;
  std::vector<curvature::CurvedDirection> tops_;
  std::optional<SecondOpinion> second_;
  std::optional<curvature::LineMinimum> descent_;
  double largest_ = std::numeric_limits<double>::quiet_NaN();
};

}  // namespace overparam::study
