// SPDX-License-Identifier: Apache-2.0
// From values to pixels, and the ticks between.
#pragma once

#include <vector>

#include "numbers.hpp"
#include "overparam/report/figure.hpp"

namespace overparam::report {

struct Range {
  double low = 0;
  double high = 1;
};

/// What an axis must show: all values of the figure with a margin, and the zero end exactly where
/// values only come near it. Without a value to show: 0 to 1, or 1 to 10 on a logarithmic axis.
Range x_range(const Figure& figure);
Range y_range(const Figure& figure);

/// The same for lists of values.
Range value_range(bool logarithmic, const std::vector<std::vector<double>>& lists);

/// Maps values linearly, or by their logarithm, onto pixels.
class Scale {
 public:
  Scale(bool logarithmic, Range range, double low_pixel, double high_pixel);

  /// NaN for what cannot be shown: not finite, or not positive on a logarithmic axis.
  [[nodiscard]] double pixel(double value) const;

  /// As `pixel`, but values beyond the range go to its ends, and so does what a logarithmic axis
  /// cannot show: an error bar may well reach below zero. NaN stays NaN.
  [[nodiscard]] double clamped_pixel(double value) const;

 private:
  bool logarithmic_;
  Range range_;
  double low_pixel_;
  double high_pixel_;
  double low_position_;
  double high_position_;
};

struct Tick {
  double value = 0;
  bool labelled = true;
  NumberText label;
};

/// About `target` labelled ticks at round values inside the range: multiples of 1, 2 or 5 times a
/// power of ten; powers of ten on a logarithmic axis that shows at least two of them.
std::vector<Tick> ticks(bool logarithmic, Range range, int target);

/// The same for contour lines, all of them labelled: where a logarithmic axis shows few powers of
/// ten, 2 and 5 times them as well.
std::vector<Tick> level_ticks(bool logarithmic, Range range, int target);

}  // namespace overparam::report
