// SPDX-License-Identifier: Apache-2.0
// Surfaces over a plane as plain data, and their static drawing.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "overparam/report/figure.hpp"
#include "overparam/report/table.hpp"

namespace overparam::report {

/// A place on a surface: a vertical stick with a dot at `z`. Marks with the same label look the
/// same on every surface.
struct SurfaceMark {
  double x = 0;
  double y = 0;
  double z = 0;
  std::string label;  ///< for the legend
};

/// A line drawn on a surface, such as a trajectory. What is not finite leaves a gap. Paths with the
/// same name look the same on every surface.
struct SurfacePath {
  std::string name;  ///< for the legend
  std::vector<double> x;
  std::vector<double> y;
  std::vector<double> z;
};

/// Values over a rectangular grid, z = f(x, y).
struct Surface {
  std::string name;       ///< "epoch 5"
  std::vector<double> x;  ///< of the columns: two or more, finite and ascending
  std::vector<double> y;  ///< of the rows: the same
  std::vector<double> z;  ///< (y.size(), x.size()), row by row; what is not finite is a hole
  std::vector<SurfaceMark> marks;
  std::vector<SurfacePath> paths;
  std::string note;  ///< one line of numbers, shown below
};

/// Surfaces over the same two directions, one panel each; their ranges may differ.
struct SurfaceFigure {
  std::string id;  ///< a name for files and links: lower case, digits, dashes
  std::string title;
  std::string caption;
  Axis x;  ///< linear
  Axis y;  ///< linear
  Axis z;  ///< on a logarithmic axis values that are not positive are holes
  /// One range of z, and of colours, for all surfaces instead of its own for each. On a page the
  /// reader may switch.
  bool shared_z = false;
  std::vector<Surface> surfaces;
};

enum class SurfaceView {
  /// Each surface in its box, seen from above the corner of largest x and smallest y: what rises
  /// towards that corner hides what lies behind it.
  boxes,
  contours,  ///< maps: colours with contour lines at the ticks of the colour bar
  both       ///< each surface above its map
};

/// A free-standing SVG of small multiples, three in a row or fewer where `width` has no room for
/// them. The same input gives the same bytes. In boxes a surface is drawn with at most 36 cells a
/// side; marks and paths are pale where the surface hides them, and cut off where they leave its
/// grid.
/// @throws Error(internal) naming figure and surface where sizes do not fit, coordinates are not
/// finite or do not ascend, and naming the figure if it has no surface or if x or y is logarithmic
std::string to_svg(const SurfaceFigure& figure,
                   SurfaceView view = SurfaceView::both,
                   int width = 920);

/// The figure's numbers, z as a list of rows; NaN and infinities become null.
/// @throws Error(internal) as `to_svg`
nlohmann::json to_json(const SurfaceFigure& figure);

/// The figure's numbers in long form: surface, part ("grid", "mark" or "path"), name of the mark or
/// path, x, y, z. A hole has no z.
/// @throws Error(internal) as `to_svg`
Table to_table(const SurfaceFigure& figure);

}  // namespace overparam::report
