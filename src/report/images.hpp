// SPDX-License-Identifier: Apache-2.0
// What the drawing and the page share about pictures of samples.
#pragma once

#include <string>

#include "overparam/report/figure.hpp"

namespace overparam::report {

/// The picture as a "data:image/png;base64,..." address. @throws Error(internal) if the number of
/// pixels is not what the grid says
std::string image_address(const ImageGrid& grid, const ImageGrid::Image& image);

/// How many screen pixels one picture should be wide, and high.
struct CellSize {
  int width = 0;
  int height = 0;
};
CellSize cell_size(const ImageGrid& grid);

}  // namespace overparam::report
