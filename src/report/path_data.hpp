// SPDX-License-Identifier: Apache-2.0
// The d="..." of an SVG path in few bytes.
#pragma once

#include <string>

namespace overparam::report {

/// Points to a tenth of a pixel, finer than any eye. Each step is the difference of rounded places,
/// so that roundings never add up and shapes that share a corner meet.
class PathData {
 public:
  void move_to(double x, double y);
  void line_to(double x, double y);
  void close() { text_ += 'z'; }

  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void append(long tenths, bool first);

  std::string text_;
  long x_ = 0;  // in tenths
  long y_ = 0;
  bool in_line_ = false;
};

}  // namespace overparam::report
