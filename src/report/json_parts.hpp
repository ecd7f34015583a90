// SPDX-License-Identifier: Apache-2.0
// What the numbers of all figures have in common as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "overparam/report/figure.hpp"
#include "scale.hpp"

namespace overparam::report {

/// NaN and infinities become null.
nlohmann::json numbers_json(const std::vector<double>& values);

nlohmann::json axis_json(const Axis& axis);

/// {"values": ..., "texts": ..., "minor": ...}, as the chart library wants them; its texts are a
/// little HTML.
nlohmann::json ticks_json(const std::vector<Tick>& all);

}  // namespace overparam::report
