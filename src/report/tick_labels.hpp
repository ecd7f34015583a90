// SPDX-License-Identifier: Apache-2.0
// The numbers beside an axis, in SVG.
#pragma once

#include <string>
#include <vector>

#include "scale.hpp"

namespace overparam::report {

/// The content of a text element of that size; an exponent is raised.
std::string tick_markup(const NumberText& label, double font_size);

/// Its width, an estimate.
double tick_width(const NumberText& label, double font_size);

/// Of the labelled ticks; 0 if there are none.
double widest_tick(const std::vector<Tick>& all, double font_size);

}  // namespace overparam::report
