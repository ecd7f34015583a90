// SPDX-License-Identifier: Apache-2.0
// The gain of residual branches, as users write it.
#pragma once

#include <algorithm>
#include <cmath>

#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/net/catalogue.hpp"

namespace overparam::net {

/// "theory" is the family's own `theory`, "theory:c" c times that; "1/L"; "1/sqrt(L)"; or a number.
/// @throws Error(usage)
inline double parse_tau(const NetworkOptions& options, double theory) {
  const auto L = static_cast<double>(std::max<std::int64_t>(1, options.depth));
  const std::string& text = options.tau;
  std::optional<double> tau;
  if (text == "1/L") {
    tau = 1 / L;
  } else if (text == "1/sqrt(L)") {
    tau = 1 / std::sqrt(L);
  } else if (text == "theory" || text.starts_with("theory:")) {
    const auto c = text == "theory" ? 1 : base::parse_number(text.substr(7));
    if (c) tau = *c * theory;
  } else {
    tau = base::parse_number(text);
  }
  base::require(tau && std::isfinite(*tau) && *tau > 0,
                ErrorKind::usage,
                "tau must be theory, theory:c, 1/L, 1/sqrt(L) or a positive number, found \"{}\"",
                text);
  return *tau;
}

}  // namespace overparam::net
