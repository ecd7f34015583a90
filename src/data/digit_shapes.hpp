// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace overparam::data {

/// A point of a pen stroke in the unit box, x to the right and y down. Strokes are smooth but for
/// their corners.
struct StrokePoint {
  double x;
  double y;
  bool corner = false;
};

using Stroke = std::vector<StrokePoint>;

/// One way to write one digit.
using Glyph = std::vector<Stroke>;

/// The ways to write `digit`, 0 to 9.
const std::vector<Glyph>& digit_shapes(int digit);

}  // namespace overparam::data
