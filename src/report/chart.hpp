// SPDX-License-Identifier: Apache-2.0
// Drawing a figure: what the free-standing SVG and the page share.
#pragma once

#include <string>
#include <vector>

#include "overparam/report/figure.hpp"
#include "scale.hpp"

namespace overparam::report {

struct Canvas {
  int width = 640;
  int height = 400;           ///< of the plot with its axes; a title and legend rows add to it
  bool free_standing = true;  ///< with title, background and its own colours for dark surroundings
};

std::string draw(const Figure& figure, const Canvas& canvas);

/// The ticks of such a drawing, for another one that is to agree with it.
struct ChartTicks {
  std::vector<Tick> x;
  std::vector<Tick> y;
};
ChartTicks chart_ticks(const Figure& figure, const Canvas& canvas);

/// How each series looks, in drawings of either kind.
struct SeriesLook {
  int colour = 0;  ///< index into the palette; -1: the grey of references
  int marker = 0;  ///< index into the marker shapes
};

/// A dashed series right after a solid one takes its colour: a measurement and its prediction.
std::vector<SeriesLook> series_looks(const Figure& figure);

/// "Title: y against x, for a, b and c."
std::string alternative_text(const Figure& figure);

/// Checks that lists which belong together are equally long. @throws Error(internal)
void check_lengths(const Figure& figure);

}  // namespace overparam::report
