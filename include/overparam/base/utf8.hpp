// SPDX-License-Identifier: Apache-2.0
// Text that can be written as JSON.
#pragma once

#include <string_view>

namespace overparam::base {

/// True if `text` is well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace overparam::base
