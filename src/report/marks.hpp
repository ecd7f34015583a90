// SPDX-License-Identifier: Apache-2.0
// The inside of a chart: bands, error bars, lines and markers; and its legend.
#pragma once

#include <string>
#include <vector>

#include "chart.hpp"
#include "scale.hpp"

namespace overparam::report {

struct Box {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;
};

/// The bands of all series, then what is drawn in front of them: references behind data.
std::string draw_series(const Figure& figure, const Scale& x, const Scale& y, const Box& plot);

/// Rows of samples and names that fill `width` from the left.
class Legend {
 public:
  Legend(const Figure& figure, double width);

  [[nodiscard]] double height() const;
  [[nodiscard]] std::string draw(double left, double top) const;

 private:
  struct Entry {
    std::size_t series;
    std::string name;
    double x;
    int row;
  };
  const Figure& figure_;
  std::vector<Entry> entries_;
  int rows_ = 0;
};

}  // namespace overparam::report
