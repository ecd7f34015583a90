// SPDX-License-Identifier: Apache-2.0
// A page with every kind of block, and figures of every kind, on made-up numbers.
#pragma once

#include "overparam/report/page.hpp"

namespace overparam::report::tests {

Figure log_log_figure();         ///< error bars, a fitted line, a reference slope
Figure semi_log_figure();        ///< bands, dashed predictions, 20,000 steps
Figure linear_figure();          ///< seven series, negative values, a gap
Figure small_log_figure();       ///< less than one decade, one series named like its axis
SurfaceFigure surface_figure();  ///< six surfaces with ranges of their own, marks, paths, a hole
SurfaceFigure lone_surface_figure();  ///< negative values, no mark, uneven coordinates
ImageGrid grey_images();
ImageGrid colour_images();
Table verdict_table();
Page sample_page();

}  // namespace overparam::report::tests
