// SPDX-License-Identifier: Apache-2.0
#include "palette.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace overparam::report {

namespace {

/// Two digits of "#rrggbb".
double channel(const char* colour, std::size_t index) {
  return std::stoi(std::string(colour + 1 + 2 * index, 2), nullptr, 16);
}

int lit(double value, double brightness) {
  return static_cast<int>(std::lround(std::clamp(value * brightness, 0.0, 255.0)));
}

}  // namespace

Rgb scale_rgb(double share) {
  constexpr std::size_t kLast = kScale.size() - 1;
  const double position = share > 0 ? std::min(share, 1.0) * kLast : 0;  // NaN: the first
  const std::size_t index = std::min(static_cast<std::size_t>(position), kLast - 1);
  const double rest = position - static_cast<double>(index);
  const auto mixed = [&](std::size_t i) {
    return (1 - rest) * channel(kScale[index], i) + rest * channel(kScale[index + 1], i);
  };
  return {.red = mixed(0), .green = mixed(1), .blue = mixed(2)};
}

std::string scale_colour(double share, double brightness) {
  const Rgb colour = scale_rgb(share);
  return fmt::format("#{:02x}{:02x}{:02x}",
                     lit(colour.red, brightness),
                     lit(colour.green, brightness),
                     lit(colour.blue, brightness));
}

bool scale_is_bright(double share) {
  const Rgb colour = scale_rgb(share);
  return 0.299 * colour.red + 0.587 * colour.green + 0.114 * colour.blue > 128;
}

std::string css_variables(const Palette& palette) {
  std::string out = fmt::format(
      "{{ --background: {}; --text: {}; --soft: {}; --grid: {}; --axis: {}; --reference: {};",
      palette.background,
      palette.text,
      palette.soft,
      palette.grid,
      palette.axis,
      palette.reference);
  for (std::size_t i = 0; i < palette.series.size(); ++i) {
    out += fmt::format(" --series-{}: {};", i, palette.series[i]);
  }
  return out + " }";
}

std::string css_classes() {
  std::string out =
      ".ov-b{fill:var(--background)}.ov-t{fill:var(--text)}.ov-s{fill:var(--soft)}"
      ".ov-g{stroke:var(--grid)}.ov-a{stroke:var(--axis)}"
      ".ov-rs{stroke:var(--reference)}.ov-rf{fill:var(--reference)}"
      ".ov-m{stroke:var(--background)}";
  for (std::size_t i = 0; i < kLight.series.size(); ++i) {
    out += fmt::format(".ov-{0}s{{stroke:var(--series-{0})}}.ov-{0}f{{fill:var(--series-{0})}}", i);
  }
  return out + '\n';
}

}  // namespace overparam::report
