// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/clock.hpp"

#include <ctime>

namespace overparam::base {

std::string utc_timestamp() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[sizeof "2026-01-31T12:00:00Z"];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace overparam::base
