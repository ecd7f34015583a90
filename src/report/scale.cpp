// SPDX-License-Identifier: Apache-2.0
#include "scale.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace overparam::report {

namespace {

constexpr double kMargin = 0.04;          // of the axis, beyond the outermost values
constexpr double kLargest = 1e300;        // beyond it, margins and differences overflow
constexpr double kLargestDecade = 305;    // of a logarithmic range with its margin
constexpr double kRelativeSpread = 1e-9;  // values closer than this count as equal
constexpr int kLargestPlainExponent = 6;  // from 1e7 on, and below 1e-4, labels have exponents
constexpr int kSmallestPlainExponent = -4;

bool can_show(double value, bool logarithmic) {
  if (!(std::abs(value) <= kLargest)) return false;
  return !logarithmic || value >= 1 / kLargest;
}

/// Collects the extent of the values that an axis can show.
class Extent {
 public:
  explicit Extent(bool logarithmic) : logarithmic_(logarithmic) {}

  void add(const std::vector<double>& values) {
    for (const double value : values) {
      if (!can_show(value, logarithmic_)) continue;
      low_ = std::min(low_, value);
      high_ = std::max(high_, value);
    }
  }

  /// Adds the ends of bands and error bars. On a logarithmic axis they may stretch the range by one
  /// decade only: an interval that nearly reaches zero would squeeze the data into a corner.
  void add_interval_ends(const Extent& ends) {
    if (ends.empty()) return;
    const double most = logarithmic_ && !empty() ? 10 : std::numeric_limits<double>::infinity();
    low_ = std::min(low_, logarithmic_ ? std::max(ends.low_, low_ / most) : ends.low_);
    high_ = std::max(high_, logarithmic_ ? std::min(ends.high_, high_ * most) : ends.high_);
  }

  [[nodiscard]] bool empty() const { return low_ > high_; }
  [[nodiscard]] Range with_margin() const { return logarithmic_ ? logarithmic() : linear(); }

 private:
  [[nodiscard]] Range logarithmic() const {
    if (empty()) return {.low = 1, .high = 10};
    const double low = std::log10(low_);
    const double high = std::log10(high_);
    const double margin = high - low < kRelativeSpread ? 0.5 : kMargin * (high - low);
    return {.low = std::pow(10, std::max(low - margin, -kLargestDecade)),
            .high = std::pow(10, std::min(high + margin, kLargestDecade))};
  }

  [[nodiscard]] Range linear() const {
    if (empty()) return {};
    const double size = std::max(std::abs(low_), std::abs(high_));
    if (high_ - low_ <= kRelativeSpread * size) {
      const double margin = size > 0 ? 0.1 * size : 1;
      return {.low = low_ - margin, .high = high_ + margin};
    }
    const double margin = kMargin * (high_ - low_);
    Range range{.low = low_ - margin, .high = high_ + margin};
    if (low_ >= 0 && range.low < 0) range.low = 0;
    if (high_ <= 0 && range.high > 0) range.high = 0;
    return range;
  }

  bool logarithmic_;
  double low_ = std::numeric_limits<double>::infinity();
  double high_ = -std::numeric_limits<double>::infinity();
};

/// factor * 10^exponent with the factor 1, 2 or 5.
struct Step {
  int factor;
  int exponent;

  /// The k-th multiple, rounded once.
  [[nodiscard]] double multiple(double k) const {
    const double power = std::pow(10, std::abs(exponent));
    return exponent < 0 ? k * factor / power : k * factor * power;
  }
};

/// Up to rounding: powers of ten are not exact.
bool is_inside(double value, Range range) {
  return value >= range.low * (1 - 1e-12) && value <= range.high * (1 + 1e-12);
}

/// Rather a few ticks more than half as many.
Step round_step(double span, int target) {
  const double smallest = span / (1.3 * target);
  int exponent = static_cast<int>(std::floor(std::log10(smallest)));
  for (const int factor : {1, 2, 5}) {
    const Step step{factor, exponent};
    if (step.multiple(1) >= smallest * (1 - 1e-9)) return step;
  }
  return {1, exponent + 1};
}

int decimal_exponent(double value) {
  return value == 0 ? 0 : static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-12));
}

std::vector<Tick> linear_ticks(Range range, int target) {
  const Step step = round_step(range.high - range.low, target);
  const double size = step.multiple(1);
  const int largest = decimal_exponent(std::max(std::abs(range.low), std::abs(range.high)));
  const bool plain = largest <= kLargestPlainExponent && largest >= kSmallestPlainExponent;
  const int shift = plain ? 0 : largest;

  std::vector<Tick> result;
  const double first = std::ceil(range.low / size - 1e-9);
  for (double k = first; step.multiple(k) <= range.high + 1e-9 * size; ++k) {
    Tick tick{.value = step.multiple(k)};
    if (k == 0) {
      tick.value = 0;  // never -0
      tick.label.digits = "0";
    } else {
      const Step shifted{step.factor, step.exponent - shift};
      tick.label.digits =
          fmt::format("{:.{}f}", shifted.multiple(k), std::max(0, -shifted.exponent));
      if (!plain) tick.label.exponent = std::to_string(shift);
    }
    result.push_back(std::move(tick));
    if (result.size() > 100) break;  // a range as narrow as the spacing of doubles
  }
  return result;
}

NumberText label_of_multiple(int factor, int exponent) {
  const std::string digits = std::to_string(factor);
  if (exponent > kLargestPlainExponent || exponent < kSmallestPlainExponent) {
    return {.digits = digits, .exponent = std::to_string(exponent)};
  }
  return {.digits =
              fmt::format("{:.{}f}", factor * std::pow(10, exponent), std::max(0, -exponent))};
}

/// Every factor * 10^exponent inside the range, labelled for the factors named.
template <std::size_t count>
std::vector<Tick> multiples(Range range, const std::array<int, count>& labelled) {
  std::vector<Tick> result;
  const int last = decimal_exponent(range.high);
  for (int exponent = decimal_exponent(range.low); exponent <= last; ++exponent) {
    for (int factor = 1; factor <= 9; ++factor) {
      const double value = Step{factor, exponent}.multiple(1);
      if (!is_inside(value, range)) continue;
      const bool has_label = std::find(labelled.begin(), labelled.end(), factor) != labelled.end();
      result.push_back({.value = value, .labelled = has_label});
      if (has_label) result.back().label = label_of_multiple(factor, exponent);
    }
  }
  return result;
}

int count_labels(const std::vector<Tick>& all) {
  return static_cast<int>(
      std::count_if(all.begin(), all.end(), [](const Tick& tick) { return tick.labelled; }));
}

/// Powers of ten, every `stride`-th of them labelled, with unlabelled ticks between unless they
/// would run together.
std::vector<Tick> power_ticks(int first, int last, Range range, int target) {
  int stride = 0;
  for (const int candidate : {1, 2, 3, 5, 10, 20, 50, 100, 200}) {
    stride = candidate;
    if ((last - first) / stride + 1 <= target) break;
  }
  std::vector<Tick> result;
  const bool fine = stride == 1 && last - first <= 8;
  const bool coarse = last - first > 40;
  for (int exponent = fine ? first - 1 : first; exponent <= last; ++exponent) {
    for (int factor = 1; factor <= (fine ? 9 : 1); ++factor) {
      const double value = Step{factor, exponent}.multiple(1);
      if (!is_inside(value, range)) continue;
      const bool has_label = factor == 1 && exponent % stride == 0;
      if (coarse && !has_label) continue;
      result.push_back({.value = value, .labelled = has_label});
      if (has_label) result.back().label.exponent = std::to_string(exponent);
    }
  }
  return result;
}

std::vector<Tick> logarithmic_ticks(Range range, int target) {
  const int first = static_cast<int>(std::ceil(std::log10(range.low) - 1e-9));
  const int last = static_cast<int>(std::floor(std::log10(range.high) + 1e-9));
  if (last - first >= 1) return power_ticks(first, last, range, target);

  auto result = multiples(range, std::array{1, 2, 3, 4, 5, 6, 7, 8, 9});
  if (count_labels(result) > target) result = multiples(range, std::array{1, 2, 3, 5});
  if (count_labels(result) > target) result = multiples(range, std::array{1, 2, 5});
  if (count_labels(result) > target) result = multiples(range, std::array{1, 3});
  if (count_labels(result) >= 2) return result;
  return linear_ticks(range, target);
}

Range axis_range(const Figure& figure, bool horizontal) {
  const bool logarithmic = horizontal ? figure.x.logarithmic : figure.y.logarithmic;
  Extent extent(logarithmic);
  Extent ends(logarithmic);
  for (const auto& series : figure.series) {
    extent.add(horizontal ? series.x : series.y);
    if (horizontal) continue;
    ends.add(series.low);
    ends.add(series.high);
  }
  extent.add_interval_ends(ends);
  return extent.with_margin();
}

}  // namespace

Range x_range(const Figure& figure) { return axis_range(figure, true); }

Range y_range(const Figure& figure) { return axis_range(figure, false); }

Range value_range(bool logarithmic, const std::vector<std::vector<double>>& lists) {
  Extent extent(logarithmic);
  for (const auto& values : lists) extent.add(values);
  return extent.with_margin();
}

Scale::Scale(bool logarithmic, Range range, double low_pixel, double high_pixel)
    : logarithmic_(logarithmic),
      range_(range),
      low_pixel_(low_pixel),
      high_pixel_(high_pixel),
      low_position_(logarithmic ? std::log10(range.low) : range.low),
      high_position_(logarithmic ? std::log10(range.high) : range.high) {}

double Scale::pixel(double value) const {
  if (!can_show(value, logarithmic_)) return std::numeric_limits<double>::quiet_NaN();
  const double position = logarithmic_ ? std::log10(value) : value;
  const double share = (position - low_position_) / (high_position_ - low_position_);
  return low_pixel_ + share * (high_pixel_ - low_pixel_);
}

double Scale::clamped_pixel(double value) const {
  if (std::isnan(value)) return value;
  return pixel(std::clamp(value, range_.low, range_.high));
}

std::vector<Tick> ticks(bool logarithmic, Range range, int target) {
  return logarithmic ? logarithmic_ticks(range, target) : linear_ticks(range, target);
}

std::vector<Tick> level_ticks(bool logarithmic, Range range, int target) {
  auto result = ticks(logarithmic, range, target);
  if (logarithmic && count_labels(result) < target) {
    const auto more = multiples(range, std::array{1, 2, 5});
    if (count_labels(more) > count_labels(result) && count_labels(more) <= target + 2)
      result = more;
  }
  std::erase_if(result, [](const Tick& tick) { return !tick.labelled; });
  return result;
}

}  // namespace overparam::report
