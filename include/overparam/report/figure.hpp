// SPDX-License-Identifier: Apache-2.0
// A chart as plain data, and its static drawing.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace overparam::report {

enum class Mark { line, points, line_and_points };

struct Series {
  std::string name;
  std::vector<double> x;
  std::vector<double> y;
  std::vector<double> low;   ///< lower ends of a band (line) or error bars (points); may be empty
  std::vector<double> high;  ///< upper ends; as many as `low`
  Mark mark = Mark::line;
  /// For predictions and bounds. Right after a solid series it takes its colour: a measurement and
  /// what was predicted for it.
  bool dashed = false;
  bool reference = false;  ///< drawn in grey and behind: a guide, not data
};

struct Axis {
  std::string label;
  bool logarithmic = false;  ///< values that are not positive are left out of the drawing
};

struct Figure {
  std::string id;  ///< a name for files and links: lower case, digits, dashes
  std::string title;
  std::string caption;  ///< what one sees, which statement it belongs to, what would break it
  Axis x;
  Axis y;
  std::vector<Series> series;
};

/// A picture of samples: grey (h, w) or colour (3, h, w) planes with values in [0, 1].
struct ImageGrid {
  std::string id;
  std::string title;
  std::string caption;
  int height = 0;
  int width = 0;
  int channels = 1;
  int per_row = 10;
  struct Image {
    std::vector<float> pixels;  ///< channels * height * width, channel by channel
    std::string label;
  };
  std::vector<Image> images;
};

/// A free-standing SVG: axes with readable ticks (powers of ten on logarithmic axes), a legend,
/// bands, error bars. The same input gives the same bytes. Long series are thinned to what can be
/// seen; what is not finite leaves a gap. `height` is that of the plot with its axes; title, legend
/// and labels of several lines add to it.
/// @throws Error(internal) naming figure and series whose lists differ in length
std::string to_svg(const Figure& figure, int width = 640, int height = 400);

/// @throws Error(internal) naming the grid if an image has another number of pixels than it says
std::string to_svg(const ImageGrid& grid);

/// The figure's numbers; NaN and infinities become null.
nlohmann::json to_json(const Figure& figure);

}  // namespace overparam::report
