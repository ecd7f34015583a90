// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

namespace overparam::study {

/// How a study speaks to whoever runs it. Silent by default.
struct Voice {
  std::function<void(const std::string&)> say = [](const std::string&) {};
  std::function<void(const std::string&)> warn = [](const std::string&) {};
  bool progress = false;  ///< whether progress lines may be drawn
};

}  // namespace overparam::study
