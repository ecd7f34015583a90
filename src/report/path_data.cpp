// SPDX-License-Identifier: Apache-2.0
#include "path_data.hpp"

#include <cmath>
#include <cstdlib>

namespace overparam::report {

void PathData::move_to(double x, double y) {
  x_ = std::lround(10 * x);
  y_ = std::lround(10 * y);
  text_ += 'M';
  append(x_, true);
  append(y_, false);
  in_line_ = false;
}

void PathData::line_to(double x, double y) {
  const long next_x = std::lround(10 * x);
  const long next_y = std::lround(10 * y);
  if (!in_line_) text_ += 'l';
  append(next_x - x_, !in_line_);
  append(next_y - y_, false);
  x_ = next_x;
  y_ = next_y;
  in_line_ = true;
}

/// "-.5" needs no blank before it, and no zero.
void PathData::append(long tenths, bool first) {
  if (tenths < 0) {
    text_ += '-';
  } else if (!first) {
    text_ += ' ';
  }
  const long size = std::labs(tenths);
  if (size >= 10 || size == 0) text_ += std::to_string(size / 10);
  if (size % 10 != 0) {
    text_ += '.';
    text_ += static_cast<char>('0' + size % 10);
  }
}

}  // namespace overparam::report
