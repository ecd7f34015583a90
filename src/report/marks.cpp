// SPDX-License-Identifier: Apache-2.0
#include "marks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "markup.hpp"
#include "palette.hpp"
#include "svg.hpp"
#include "thinning.hpp"

namespace overparam::report {

namespace {

constexpr double kLine = 2;
constexpr double kThinLine = 1.3;
constexpr double kLonePoint = 5;
constexpr std::size_t kManyMarkers = 500;
constexpr double kCap = 3.5;        // half the width of an error bar's ends
constexpr double kFontSize = 12.5;  // of the legend
constexpr double kRowHeight = 20;
constexpr double kSampleWidth = 28;
constexpr double kEntryGap = 20;

/// Shapes around the current point, all of about the same area.
constexpr std::array<const char*, 5> kMarkers{
    "m-3.6,0a3.6,3.6 0 1,0 7.2,0a3.6,3.6 0 1,0 -7.2,0z",
    "m-3.2,-3.2h6.4v6.4h-6.4z",
    "m0,-4.6l4.6,4.6l-4.6,4.6l-4.6,-4.6z",
    "m0,-4.4l4.3,7.4h-8.6z",
    "m0,4.4l4.3,-7.4h-8.6z",
};

const char* colour_of(const SeriesLook& look) {
  return look.colour < 0 ? kLight.reference : kLight.series[static_cast<std::size_t>(look.colour)];
}

std::string class_of(const SeriesLook& look) {
  return look.colour < 0 ? "ov-r" : fmt::format("ov-{}", look.colour);
}

// Colours are attributes, which every SVG reader knows, and classes, which a style sheet for dark
// surroundings overrides.
std::string stroke(const SeriesLook& look, double width, bool dashed = false) {
  return fmt::format(
      R"(class="{}s" fill="none" stroke="{}" stroke-width="{}" stroke-linejoin="round" )"
      R"(stroke-linecap="round"{})",
      class_of(look),
      colour_of(look),
      width,
      dashed ? R"( stroke-dasharray="6 5.5")" : "");
}

std::string band_fill(const SeriesLook& look) {
  return fmt::format(
      R"(class="{}f" fill="{}" fill-opacity="0.16")", class_of(look), colour_of(look));
}

/// A rim in the colour of the background keeps markers apart. Where there are very many, rims would
/// paint over everything.
std::string marker_fill(const SeriesLook& look, std::size_t count) {
  if (count > kManyMarkers) {
    return fmt::format(R"(class="{}f" fill="{}")", class_of(look), colour_of(look));
  }
  return fmt::format(R"(class="{}f ov-m" fill="{}" stroke="{}")",
                     class_of(look),
                     colour_of(look),
                     kLight.background);
}

/// A tenth of a pixel is finer than any eye, and long series have many points.
std::string tenths(double value) { return coordinate(std::round(10 * value) / 10); }

std::string point(double x, double y) { return tenths(x) + ',' + tenths(y); }

/// Calls `visit(first, end)` for each stretch of points that can be shown.
template <typename Visit>
void for_each_stretch(const PixelSeries& pixels, const Visit& visit) {
  std::size_t first = 0;
  while (first < pixels.x.size()) {
    if (!pixels.shows(first)) {
      ++first;
      continue;
    }
    std::size_t end = first;
    while (end < pixels.x.size() && pixels.shows(end)) ++end;
    visit(first, end);
    first = end;
  }
}

std::string line_path(const PixelSeries& pixels) {
  std::string path;
  for_each_stretch(pixels, [&](std::size_t first, std::size_t end) {
    if (end == first + 1) return;
    path += 'M' + point(pixels.x[first], pixels.y[first]);
    for (std::size_t i = first + 1; i < end; ++i) {
      path += 'L' + point(pixels.x[i], pixels.y[i]);
    }
  });
  return path;
}

/// A stretch of one point has no length; round ends make it a dot.
std::string lone_point_path(const PixelSeries& pixels) {
  std::string path;
  for_each_stretch(pixels, [&](std::size_t first, std::size_t end) {
    if (end == first + 1) path += 'M' + point(pixels.x[first], pixels.y[first]) + "h0";
  });
  return path;
}

std::string band_path(const PixelSeries& pixels) {
  std::string path;
  for_each_stretch(pixels, [&](std::size_t first, std::size_t end) {
    for (std::size_t i = first; i < end; ++i) {
      path += (i == first ? 'M' : 'L') + point(pixels.x[i], pixels.high[i]);
    }
    for (std::size_t i = end; i-- > first;) path += 'L' + point(pixels.x[i], pixels.low[i]);
    path += 'Z';
  });
  return path;
}

/// A bar that leaves the plot has no cap: it does not end there.
std::string error_bar_path(const PixelSeries& pixels, const Box& plot) {
  std::string path;
  for (std::size_t i = 0; i < pixels.x.size(); ++i) {
    if (!pixels.shows(i)) continue;
    path += 'M' + point(pixels.x[i], pixels.low[i]) + 'V' + tenths(pixels.high[i]);
    for (const double end : {pixels.low[i], pixels.high[i]}) {
      if (end <= plot.top || end >= plot.bottom) continue;
      path += 'M' + point(pixels.x[i] - kCap, end) + fmt::format("h{}", 2 * kCap);
    }
  }
  return path;
}

std::string marker_path(const PixelSeries& pixels, const SeriesLook& look) {
  std::string path;
  for (std::size_t i = 0; i < pixels.x.size(); ++i) {
    if (!pixels.shows(i)) continue;
    path += 'M' + point(pixels.x[i], pixels.y[i]);
    path += kMarkers[static_cast<std::size_t>(look.marker)];
  }
  return path;
}

std::string path_element(const std::string& path, const std::string& attributes) {
  return path.empty() ? "" : fmt::format("<path {} d=\"{}\"/>\n", attributes, path);
}

bool has_band(const Series& series) { return series.mark == Mark::line && !series.low.empty(); }

std::string draw_band(const PixelSeries& pixels, const SeriesLook& look) {
  return path_element(band_path(pixels), band_fill(look));
}

std::string draw_front(const Series& series,
                       const PixelSeries& pixels,
                       const SeriesLook& look,
                       const Box& plot) {
  std::string out;
  if (series.mark != Mark::points) {
    out += path_element(line_path(pixels),
                        stroke(look, series.reference ? kThinLine : kLine, series.dashed));
  }
  if (series.mark == Mark::line) {
    return out + path_element(lone_point_path(pixels), stroke(look, kLonePoint));
  }
  if (!series.low.empty()) {
    out += path_element(error_bar_path(pixels, plot), stroke(look, kThinLine));
  }
  return out + path_element(marker_path(pixels, look), marker_fill(look, pixels.x.size()));
}

}  // namespace

std::vector<SeriesLook> series_looks(const Figure& figure) {
  std::vector<SeriesLook> looks;
  int used = 0;
  bool after_solid = false;
  for (const auto& series : figure.series) {
    SeriesLook look;
    if (series.reference) {
      look.colour = -1;
    } else if (series.dashed && after_solid) {
      look = looks.back();
    } else {
      look.colour = used % static_cast<int>(kLight.series.size());
      look.marker = used % static_cast<int>(kMarkers.size());
      ++used;
    }
    after_solid = !series.reference && !series.dashed;
    looks.push_back(look);
  }
  return looks;
}

std::string draw_series(const Figure& figure, const Scale& x, const Scale& y, const Box& plot) {
  const auto looks = series_looks(figure);
  std::string bands;
  std::string references;
  std::string front;
  for (std::size_t i = 0; i < figure.series.size(); ++i) {
    const Series& series = figure.series[i];
    const PixelSeries all = to_pixels(series, x, y);
    const PixelSeries pixels = pick(all, visible_points(all, series.mark));
    if (has_band(series)) bands += draw_band(pixels, looks[i]);
    (series.reference ? references : front) += draw_front(series, pixels, looks[i], plot);
  }
  return bands + references + front;
}

Legend::Legend(const Figure& figure, double width) : figure_(figure) {
  std::size_t named = 0;
  for (const auto& series : figure.series) named += series.name.empty() ? 0 : 1;
  // One series that is called like its axis explains nothing.
  if (named == 1 && figure.series.size() == 1 && figure.series[0].name == figure.y.label) return;

  double x = 0;
  for (std::size_t i = 0; i < figure.series.size(); ++i) {
    if (figure.series[i].name.empty()) continue;
    const std::string name =
        shortened(figure.series[i].name, kFontSize, width - kSampleWidth - kEntryGap);
    const double entry_width = kSampleWidth + text_width(name, kFontSize);
    if (rows_ == 0) rows_ = 1;
    if (x > 0 && x + entry_width > width) {
      x = 0;
      ++rows_;
    }
    entries_.push_back({.series = i, .name = name, .x = x, .row = rows_ - 1});
    x += entry_width + kEntryGap;
  }
}

double Legend::height() const { return rows_ * kRowHeight; }

std::string Legend::draw(double left, double top) const {
  const auto looks = series_looks(figure_);
  std::string out;
  for (const auto& entry : entries_) {
    const Series& series = figure_.series[entry.series];
    const double x = left + entry.x;
    const double y = top + (entry.row + 0.5) * kRowHeight;
    const double sample_end = x + kSampleWidth - 8;
    PixelSeries sample{.x = {x, sample_end}, .y = {y, y}};
    if (has_band(series)) {
      out +=
          draw_band({.x = sample.x, .y = sample.y, .low = {y + 5, y + 5}, .high = {y - 5, y - 5}},
                    looks[entry.series]);
    }
    Series plain{.mark = Mark::line, .dashed = series.dashed, .reference = series.reference};
    if (series.mark != Mark::points) out += draw_front(plain, sample, looks[entry.series], {});
    plain.mark = Mark::points;
    if (series.mark != Mark::line) {
      out += draw_front(plain, {.x = {(x + sample_end) / 2}, .y = {y}}, looks[entry.series], {});
    }
    out += text_element(x + kSampleWidth, y + 4.4, {.font_size = kFontSize}, escape(entry.name));
  }
  return out;
}

}  // namespace overparam::report
