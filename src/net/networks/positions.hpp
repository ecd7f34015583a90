// SPDX-License-Identifier: Apache-2.0
// Positions of an image or a line, and their circular neighbourhoods.
#pragma once

#include <ATen/ATen.h>

#include "overparam/base/require.hpp"
#include "overparam/net/catalogue.hpp"

namespace overparam::net {

/// A line has a height of 1.
struct Grid {
  std::int64_t channels = 1;
  std::int64_t height = 1;
  std::int64_t width = 1;

  [[nodiscard]] std::int64_t positions() const { return height * width; }
  [[nodiscard]] bool is_line() const { return height == 1; }
};

/// What the inputs are: (channels, height, width), (height, width), or a line of numbers.
inline Grid input_grid(const NetworkOptions& options) {
  const auto& shape = options.input_shape;
  Grid grid{.width = options.input_size};
  if (shape.size() == 2) grid = {.height = shape[0], .width = shape[1]};
  if (shape.size() == 3) grid = {.channels = shape[0], .height = shape[1], .width = shape[2]};
  const std::int64_t size = grid.channels * grid.positions();
  base::require(
      size == options.input_size,
      ErrorKind::usage,
      "the network cnn reads images of {} x {} x {} = {} numbers, found inputs of {}: the "
      "normalisations unit and none append nothing",
      grid.channels,
      grid.height,
      grid.width,
      size,
      options.input_size);
  return grid;
}

inline void check_filter(const Grid& grid, std::int64_t filter) {
  base::require(filter >= 1 && filter <= grid.width && (grid.is_line() || filter <= grid.height),
                ErrorKind::usage,
                "a filter of {} is larger than the {} x {} positions of the inputs",
                filter,
                grid.height,
                grid.width);
}

/// q: the filter's length on a line, its square on an image.
inline std::int64_t neighbourhood_size(const Grid& grid, std::int64_t filter) {
  return grid.is_line() ? filter : filter * filter;
}

/// Row j lists the cells of Q_j, wrapping around; with `planes` of cells one behind another, those
/// of each plane in turn.
inline at::Tensor neighbour_table(const Grid& grid, std::int64_t filter, std::int64_t planes) {
  const std::int64_t reach = (filter - 1) / 2;
  const std::int64_t tall = grid.is_line() ? 1 : filter;
  const std::int64_t above = grid.is_line() ? 0 : reach;
  at::Tensor table = at::empty({grid.positions(), planes * tall * filter}, at::kLong);
  auto* cell = table.data_ptr<std::int64_t>();
  for (std::int64_t y = 0; y < grid.height; ++y) {
    for (std::int64_t x = 0; x < grid.width; ++x) {
      for (std::int64_t plane = 0; plane < planes; ++plane) {
        for (std::int64_t dy = 0; dy < tall; ++dy) {
          for (std::int64_t dx = 0; dx < filter; ++dx) {
            const std::int64_t row = (y + dy - above + grid.height) % grid.height;
            const std::int64_t column = (x + dx - reach + grid.width) % grid.width;
            *cell++ = plane * grid.positions() + row * grid.width + column;
          }
        }
      }
    }
  }
  return table;
}

}  // namespace overparam::net
