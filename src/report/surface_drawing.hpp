// SPDX-License-Identifier: Apache-2.0
// Small multiples of surfaces: what the free-standing SVG and the page share.
#pragma once

#include <string>

#include "marks.hpp"
#include "overparam/report/surface.hpp"

namespace overparam::report {

struct SurfaceCanvas {
  int width = 920;
  SurfaceView view = SurfaceView::both;
  bool free_standing = true;  ///< with title, background and its own colours for dark surroundings
  /// Where it is not empty, the cells of the drawing are <id>-cell-0, ... and the surfaces without
  /// axes in them <id>-shape-0, ..., for others to show again.
  std::string id;
};

struct SurfaceDrawing {
  std::string svg;
  std::string narrow;  ///< the same cells one below the other, by reference; empty without an id
  Box shape;           ///< where the shapes are
};

/// @throws Error(internal) as `to_svg`
SurfaceDrawing draw(const SurfaceFigure& figure, const SurfaceCanvas& canvas);

/// "Title: z over x and y; epoch 5, epoch 40."
std::string alternative_text(const SurfaceFigure& figure);

}  // namespace overparam::report
