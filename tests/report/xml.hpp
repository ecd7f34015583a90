// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace overparam::report::tests {

/// What makes `text` ill-formed as XML, or nothing. Knows elements, attributes, text and the five
/// predefined entities, which is all that drawings use.
std::string xml_fault(std::string_view text);

/// How often `part` occurs in `text`.
std::size_t count(std::string_view text, std::string_view part);

}  // namespace overparam::report::tests
