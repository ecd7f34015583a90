// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "images.hpp"
#include "markup.hpp"
#include "overparam/base/require.hpp"
#include "png.hpp"
#include "svg.hpp"

namespace overparam::report {

namespace {

constexpr int kCellHeight = 64;
constexpr double kGap = 10;
constexpr double kLabelFont = 11.5;
constexpr double kLabelHeight = 18;
constexpr double kWidestLabel = 110;
constexpr double kTitleHeight = 30;

std::uint8_t to_byte(float value) {
  if (!(value > 0)) return 0;  // NaN too
  return static_cast<std::uint8_t>(std::lround(std::min(value, 1.0F) * 255.0F));
}

double widest_label(const ImageGrid& grid) {
  double width = 0;
  for (const auto& image : grid.images) {
    width = std::max(width, text_width(image.label, kLabelFont));
  }
  return std::min(width, kWidestLabel);
}

}  // namespace

std::string image_address(const ImageGrid& grid, const ImageGrid::Image& image) {
  const auto area = static_cast<std::size_t>(std::max(grid.height, 0)) *
                    static_cast<std::size_t>(std::max(grid.width, 0));
  const auto channels = static_cast<std::size_t>(grid.channels);
  base::ensure(
      area > 0 && (channels == 1 || channels == 3) && image.pixels.size() == area * channels,
      "image grid \"{}\": {} pixels for {} channels of {} x {}",
      grid.id,
      image.pixels.size(),
      grid.channels,
      grid.height,
      grid.width);
  std::vector<std::uint8_t> samples(image.pixels.size());
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t i = 0; i < area; ++i) {
      samples[i * channels + c] = to_byte(image.pixels[c * area + i]);
    }
  }
  return "data:image/png;base64," +
         base64(encode_png(grid.width, grid.height, grid.channels, samples));
}

/// Whole multiples keep all pixels equally large.
CellSize cell_size(const ImageGrid& grid) {
  const int factor = std::max(1, kCellHeight / std::max({grid.height, grid.width, 1}));
  return {.width = factor * grid.width, .height = factor * grid.height};
}

std::string to_svg(const ImageGrid& grid) {
  const CellSize cell = cell_size(grid);
  const double column = std::max<double>(cell.width, widest_label(grid)) + kGap;
  const double row = cell.height + kLabelHeight + kGap;
  const int per_row = std::max(1, grid.per_row);
  const int count = static_cast<int>(grid.images.size());
  const int columns = std::clamp(count, 1, per_row);
  const int rows = (count + per_row - 1) / per_row;
  const double top = kGap + (grid.title.empty() ? 0 : kTitleHeight);
  const double width = std::max(columns * column, title_width(grid.title)) + 2 * kGap;

  std::string out = open_svg(width, top + rows * row + kGap / 2, grid.title);
  out += free_standing_head(grid.title);
  if (!grid.title.empty()) {
    out += text_element(kGap, kGap + 14, kTitleStyle, escape(grid.title));
  }
  for (int i = 0; i < count; ++i) {
    const auto& image = grid.images[static_cast<std::size_t>(i)];
    const double middle = kGap / 2 + (i % per_row + 0.5) * column;
    const double y = top + i / per_row * row;
    out += fmt::format(
        "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" style=\"image-rendering:pixelated\" "
        "href=\"{}\"/>\n",
        coordinate(middle - cell.width / 2.0),
        coordinate(y),
        cell.width,
        cell.height,
        image_address(grid, image));
    out += text_element(middle,
                        y + cell.height + 14,
                        {.font_size = kLabelFont, .anchor = "middle", .soft = true},
                        escape(shortened(image.label, kLabelFont, kWidestLabel)));
  }
  return out + "</svg>\n";
}

}  // namespace overparam::report
