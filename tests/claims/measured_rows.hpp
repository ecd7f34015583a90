// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "overparam/claims/claim.hpp"

namespace overparam::claims {

/// The rows that a claim measures at one setting, for so many seeds.
inline std::vector<Row> measure(const std::string& id,
                                const std::string& design,
                                const Values& settings,
                                int seeds) {
  std::vector<Row> rows;
  for (const auto& point : points_of({.name = design, .fixed = settings, .seeds = seeds})) {
    const auto more = find_claim(id).measure(point);
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return rows;
}

}  // namespace overparam::claims
