// SPDX-License-Identifier: Apache-2.0
#include "surface_panel.hpp"

#include "markup.hpp"
#include "palette.hpp"

namespace overparam::report {

namespace {

constexpr int kTickTarget = 4;        // of x and y
constexpr int kHeightTickTarget = 6;  // of z: many more contour lines would run together

}  // namespace

SurfaceTicks surface_ticks(const SurfaceFrame& frame) {
  return {.x = ticks(false, frame.x, kTickTarget),
          .y = ticks(false, frame.y, kTickTarget),
          .z = level_ticks(frame.z_logarithmic, frame.z, kHeightTickTarget)};
}

const char* contour_colour(double share) {
  return scale_is_bright(share) ? kDark.background : kLight.background;
}

std::vector<std::string> panel_lines(const std::string& text, double width) {
  if (text.empty()) return {};
  return wrap_words(
      text, width, [](const std::string& line) { return text_width(line, kPanelLabelFont); });
}

}  // namespace overparam::report
