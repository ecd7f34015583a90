// SPDX-License-Identifier: Apache-2.0
#include "thinning.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <unordered_set>

namespace overparam::report {

namespace {

constexpr std::size_t kShortSeries = 1000;  // not worth thinning

/// The ends and the extremes of a run of points that share a pixel column.
class Run {
 public:
  Run(const PixelSeries& pixels, std::size_t first)
      : pixels_(pixels),
        first_(first),
        last_(first),
        top_(first),
        bottom_(first),
        low_(first),
        high_(first) {}

  [[nodiscard]] bool takes(std::size_t i) const {
    return std::floor(pixels_.x[i]) == std::floor(pixels_.x[first_]);
  }

  void add(std::size_t i) {
    last_ = i;
    if (pixels_.y[i] < pixels_.y[top_]) top_ = i;
    if (pixels_.y[i] > pixels_.y[bottom_]) bottom_ = i;
    if (pixels_.low.empty()) return;
    if (pixels_.low[i] > pixels_.low[low_]) low_ = i;
    if (pixels_.high[i] < pixels_.high[high_]) high_ = i;
  }

  void append_to(std::vector<std::size_t>& kept) const {
    std::vector<std::size_t> own{first_, last_, top_, bottom_, low_, high_};
    std::sort(own.begin(), own.end());
    own.erase(std::unique(own.begin(), own.end()), own.end());
    kept.insert(kept.end(), own.begin(), own.end());
  }

 private:
  const PixelSeries& pixels_;
  std::size_t first_;
  std::size_t last_;
  std::size_t top_;
  std::size_t bottom_;
  std::size_t low_;
  std::size_t high_;
};

std::vector<std::size_t> visible_line(const PixelSeries& pixels) {
  std::vector<std::size_t> kept;
  std::size_t i = 0;
  while (i < pixels.x.size()) {
    if (!pixels.shows(i)) {
      kept.push_back(i);
      while (i < pixels.x.size() && !pixels.shows(i)) ++i;
      continue;
    }
    Run run(pixels, i);
    for (++i; i < pixels.x.size() && pixels.shows(i) && run.takes(i); ++i) run.add(i);
    run.append_to(kept);
  }
  return kept;
}

std::vector<std::size_t> visible_marks(const PixelSeries& pixels) {
  std::vector<std::size_t> kept;
  std::unordered_set<std::int64_t> taken;
  for (std::size_t i = 0; i < pixels.x.size(); ++i) {
    if (!pixels.shows(i)) continue;
    const auto column = static_cast<std::int64_t>(std::floor(pixels.x[i]));
    const auto row = static_cast<std::int64_t>(std::floor(pixels.y[i]));
    if (taken.insert(column * 100'000 + row).second) kept.push_back(i);
  }
  return kept;
}

std::vector<double> pick(const std::vector<double>& values, const std::vector<std::size_t>& kept) {
  std::vector<double> result;
  if (values.empty()) return result;
  result.reserve(kept.size());
  for (const std::size_t i : kept) result.push_back(values[i]);
  return result;
}

}  // namespace

PixelSeries to_pixels(const Series& series, const Scale& x, const Scale& y) {
  PixelSeries pixels;
  for (const double value : series.x) pixels.x.push_back(x.pixel(value));
  for (const double value : series.y) pixels.y.push_back(y.pixel(value));
  // An interval without an end ends at the point itself.
  for (std::size_t i = 0; i < series.low.size(); ++i) {
    const double low = y.clamped_pixel(series.low[i]);
    const double high = y.clamped_pixel(series.high[i]);
    pixels.low.push_back(std::isnan(low) ? pixels.y[i] : low);
    pixels.high.push_back(std::isnan(high) ? pixels.y[i] : high);
  }
  return pixels;
}

std::vector<std::size_t> visible_points(const PixelSeries& pixels, Mark mark) {
  if (pixels.x.size() > kShortSeries) {
    return mark == Mark::points ? visible_marks(pixels) : visible_line(pixels);
  }
  std::vector<std::size_t> all(pixels.x.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  return all;
}

PixelSeries pick(const PixelSeries& pixels, const std::vector<std::size_t>& kept) {
  return {.x = pick(pixels.x, kept),
          .y = pick(pixels.y, kept),
          .low = pick(pixels.low, kept),
          .high = pick(pixels.high, kept)};
}

Series pick(const Series& series, const std::vector<std::size_t>& kept) {
  Series result = series;
  result.x = pick(series.x, kept);
  result.y = pick(series.y, kept);
  result.low = pick(series.low, kept);
  result.high = pick(series.high, kept);
  return result;
}

}  // namespace overparam::report
