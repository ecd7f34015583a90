// SPDX-License-Identifier: Apache-2.0
// One-line checks that throw Error with a formatted message.
#pragma once

#include <fmt/core.h>

#include <utility>

#include "overparam/base/error.hpp"

namespace overparam::base {

/// Throws Error(kind) with the formatted message.
template <typename... Args>
[[noreturn]] void fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(kind, fmt::format(format, std::forward<Args>(args)...));
}

/// Throws Error(kind) unless `condition` holds. Checks what the caller or a file handed in.
template <typename... Args>
void require(bool condition, ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) fail(kind, format, std::forward<Args>(args)...);
}

/// Throws Error(internal) unless `condition` holds. Checks what this library promised itself.
template <typename... Args>
void ensure(bool condition, fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) fail(ErrorKind::internal, format, std::forward<Args>(args)...);
}

}  // namespace overparam::base
