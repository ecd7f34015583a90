// SPDX-License-Identifier: Apache-2.0
#include "surface_overlay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "palette.hpp"
#include "svg.hpp"

namespace overparam::report {

namespace {

/// The colours of the palette that stand out from the scale of surfaces, best first.
constexpr std::array<int, 4> kOverlayColours{1, 3, 5, 0};

constexpr double kPiece = 0.01;       // of the frame: what is tested for its sight
constexpr double kTooClose = 0.003;   // of the frame: about a pixel
constexpr double kMostPieces = 1000;  // of a segment that reaches far beyond the frame

UnitPoint between(const UnitPoint& a, const UnitPoint& b, double share) {
  return {.x = a.x + share * (b.x - a.x),
          .y = a.y + share * (b.y - a.y),
          .z = a.z + share * (b.z - a.z)};
}

/// The largest difference of a coordinate.
double distance(const UnitPoint& a, const UnitPoint& b) {
  return std::max({std::abs(a.x - b.x), std::abs(a.y - b.y), std::abs(a.z - b.z)});
}

bool is_finite(const UnitPoint& point) { return std::isfinite(point.x + point.y + point.z); }

void append_segment(const UnitPoint& start,
                    const UnitPoint& end,
                    const std::function<Sight(const UnitPoint&)>& sight_of,
                    std::vector<SightRun>& runs) {
  const double pieces = std::clamp(std::ceil(distance(start, end) / kPiece), 1.0, kMostPieces);
  UnitPoint from = start;
  for (double k = 1; k <= pieces; ++k) {
    const UnitPoint to = between(start, end, k / pieces);
    const Sight sight = sight_of(between(from, to, 0.5));
    if (runs.empty() || runs.back().sight != sight || runs.back().points.empty()) {
      runs.push_back({.sight = sight, .points = {from, to}});
    } else if (k == 1) {
      runs.back().points.push_back(to);
    } else {
      runs.back().points.back() = to;
    }
    from = to;
  }
}

}  // namespace

OverlayLooks::OverlayLooks(const SurfaceFigure& figure) {
  for (const auto& surface : figure.surfaces) {
    for (const auto& mark : surface.marks) add(mark.label, true);
  }
  for (const auto& surface : figure.surfaces) {
    for (const auto& path : surface.paths) add(path.name, false);
  }
}

void OverlayLooks::add(const std::string& name, bool is_mark) {
  const auto is_same = [&](const OverlayLook& look) {
    return look.name == name && look.is_mark == is_mark;
  };
  if (std::ranges::any_of(looks_, is_same)) return;
  const int colour = kOverlayColours[looks_.size() % kOverlayColours.size()];
  looks_.push_back({.name = name, .is_mark = is_mark, .colour = colour});
}

int OverlayLooks::find(const std::string& name, bool is_mark) const {
  for (const auto& look : looks_) {
    if (look.name == name && look.is_mark == is_mark) return look.colour;
  }
  return kOverlayColours[0];
}

std::vector<SightRun> split_by_sight(const std::vector<UnitPoint>& line,
                                     const std::function<Sight(const UnitPoint&)>& sight_of) {
  std::vector<SightRun> runs;
  const UnitPoint* last = nullptr;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (!is_finite(line[i])) {
      last = nullptr;
      runs.push_back({.sight = Sight::outside});
      continue;
    }
    const bool is_end = i + 1 == line.size() || !is_finite(line[i + 1]);
    if (last != nullptr) {
      if (!is_end && distance(*last, line[i]) < kTooClose) continue;
      append_segment(*last, line[i], sight_of, runs);
    }
    last = &line[i];
  }
  std::erase_if(runs, [](const SightRun& run) { return run.sight == Sight::outside; });
  return runs;
}

bool is_outside(const UnitPoint& point) {
  constexpr double kRounding = 1e-9;
  const auto inside = [](double share) { return share >= -kRounding && share <= 1 + kRounding; };
  return !(inside(point.x) && inside(point.y) && inside(point.z));
}

std::string overlay_stroke(int colour, double width) {
  return fmt::format(
      R"(class="ov-{}s" fill="none" stroke="{}" stroke-width="{}" stroke-linejoin="round" )"
      R"(stroke-linecap="round")",
      colour,
      kLight.series[static_cast<std::size_t>(colour)],
      width);
}

std::string overlay_rim(double width) {
  return fmt::format(
      R"(class="ov-m" fill="none" stroke="{}" stroke-width="{}" stroke-linejoin="round" )"
      R"(stroke-linecap="round")",
      kLight.background,
      width);
}

std::string overlay_dot(double x, double y, int colour, bool pale) {
  constexpr double kRadius = 3.8;
  return fmt::format(
      R"(<circle class="ov-{}f ov-m" cx="{}" cy="{}" r="{}" fill="{}" stroke="{}"{}/>)"
      "\n",
      colour,
      coordinate(x),
      coordinate(y),
      kRadius,
      kLight.series[static_cast<std::size_t>(colour)],
      kLight.background,
      pale ? " opacity=\"0.5\"" : "");
}

}  // namespace overparam::report
