// SPDX-License-Identifier: Apache-2.0
// Small networks of every kind the passes must serve: the catalogue's rows, and shapes that no row
// has yet (skips, shared blocks, several terms, unequal widths, gains, biases).
#pragma once

#include <string>
#include <vector>

#include "overparam/net/architecture.hpp"

namespace overparam::tests {

struct NamedArchitecture {
  std::string name;
  net::Architecture architecture;
};

inline constexpr std::int64_t kInputSize = 5;

std::vector<NamedArchitecture> small_architectures();

}  // namespace overparam::tests
