// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "overparam/base/clock.hpp"

namespace overparam::base {

/// One honest line on stderr: redrawn ten times a second on a terminal, one line per tenth of the
/// work elsewhere. Silent where the caller asks for it.
class ProgressLine {
 public:
  /// @param total units of work; 0 if unknown   @param start units that were done before
  ProgressLine(std::string label, std::int64_t total, bool enabled = true, std::int64_t start = 0);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// @param done units finished so far   @param detail what to say beside the count
  void update(std::int64_t done, const std::string& detail = "");

  /// True when an update would be drawn now: lets the caller skip preparing the detail.
  [[nodiscard]] bool due(std::int64_t done) const;

  /// Ends the line; later updates do nothing.
  void finish();

 private:
  void draw(std::int64_t done, const std::string& detail);

  std::string label_;
  std::int64_t total_;
  std::int64_t start_;
  bool enabled_;
  bool on_terminal_;
  bool drawn_ = false;
  Stopwatch since_start_;
  double last_drawn_seconds_ = -1;
  std::int64_t next_tenth_ = 1;
};

}  // namespace overparam::base
