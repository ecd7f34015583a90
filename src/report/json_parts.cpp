// SPDX-License-Identifier: Apache-2.0
#include "json_parts.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

namespace overparam::report {

nlohmann::json numbers_json(const std::vector<double>& values) {
  nlohmann::json list = nlohmann::json::array();
  for (const double value : values) {
    list.push_back(std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(nullptr));
  }
  return list;
}

nlohmann::json axis_json(const Axis& axis) {
  return {{"label", axis.label}, {"logarithmic", axis.logarithmic}};
}

nlohmann::json ticks_json(const std::vector<Tick>& all) {
  nlohmann::json json{{"values", nlohmann::json::array()},
                      {"texts", nlohmann::json::array()},
                      {"minor", nlohmann::json::array()}};
  for (const auto& tick : all) {
    json[tick.labelled ? "values" : "minor"].push_back(tick.value);
    if (tick.labelled) json["texts"].push_back(number_markup(tick.label));
  }
  return json;
}

}  // namespace overparam::report
