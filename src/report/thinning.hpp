// SPDX-License-Identifier: Apache-2.0
// Long series cut down to what can be seen.
#pragma once

#include <cstddef>
#include <vector>

#include "overparam/report/figure.hpp"
#include "scale.hpp"

namespace overparam::report {

/// A series in pixels; NaN where a value cannot be shown. `low` and `high` may be empty.
struct PixelSeries {
  std::vector<double> x;
  std::vector<double> y;
  std::vector<double> low;
  std::vector<double> high;

  [[nodiscard]] bool shows(std::size_t i) const { return x[i] == x[i] && y[i] == y[i]; }
};

PixelSeries to_pixels(const Series& series, const Scale& x, const Scale& y);

/// The points, in order, that look the same as all of them. Of neighbours in one pixel column a
/// line needs the first, the last and the extreme ones; of marks within the same pixel one is
/// enough; of a stretch that cannot be shown one point stays, to keep the gap.
std::vector<std::size_t> visible_points(const PixelSeries& pixels, Mark mark);

/// The points named by `kept`.
PixelSeries pick(const PixelSeries& pixels, const std::vector<std::size_t>& kept);
Series pick(const Series& series, const std::vector<std::size_t>& kept);

}  // namespace overparam::report
