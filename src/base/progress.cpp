// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/progress.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>

#include "overparam/base/text.hpp"

namespace overparam::base {

namespace {
constexpr double kRedrawSeconds = 0.1;
}

ProgressLine::ProgressLine(std::string label, std::int64_t total, bool enabled, std::int64_t start)
    : label_(std::move(label)),
      total_(total),
      start_(start),
      enabled_(enabled),
      on_terminal_(isatty(2) == 1) {}

ProgressLine::~ProgressLine() { finish(); }

bool ProgressLine::due(std::int64_t done) const {
  if (!enabled_) return false;
  if (on_terminal_) return since_start_.seconds() - last_drawn_seconds_ >= kRedrawSeconds;
  return total_ > 0 && done * 10 >= next_tenth_ * total_;
}

void ProgressLine::update(std::int64_t done, const std::string& detail) {
  if (due(done)) draw(done, detail);
}

void ProgressLine::draw(std::int64_t done, const std::string& detail) {
  const double elapsed = since_start_.seconds();
  last_drawn_seconds_ = elapsed;
  std::string line = fmt::format("{} {}", label_, format_count(done));
  if (total_ > 0) {
    line += fmt::format("/{}", format_count(total_));
    next_tenth_ = done * 10 / total_ + 1;
  }
  if (!detail.empty()) line += "  " + detail;
  if (total_ > 0 && done > start_ && done < total_) {
    const double left =
        elapsed * static_cast<double>(total_ - done) / static_cast<double>(done - start_);
    line += fmt::format("  at most {} left", format_seconds(left));
  }
  if (on_terminal_) {
    fmt::print(stderr, "\r{}\x1b[K", line);
    std::fflush(stderr);
  } else {
    fmt::print(stderr, "{}\n", line);
  }
  drawn_ = true;
}

void ProgressLine::finish() {
  if (drawn_ && on_terminal_) {
    fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
  }
  enabled_ = false;
  drawn_ = false;
}

}  // namespace overparam::base
