// SPDX-License-Identifier: Apache-2.0
// The catalogue as parameters of a test.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "overparam/claims/claim.hpp"

namespace overparam::claims {

inline std::vector<std::string> ids() {
  std::vector<std::string> names;
  for (const auto& claim : claims()) names.push_back(claim.id);
  return names;
}

/// The id with characters that a test may have in its name.
inline std::string test_name(const testing::TestParamInfo<std::string>& tested) {
  std::string name = tested.param;
  std::ranges::replace_if(
      name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

}  // namespace overparam::claims
