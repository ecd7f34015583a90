// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "arguments.hpp"

namespace overparam::app {

/// The manual page in troff's language, from the commands, the table of options and the exit codes.
std::string manual_page(const std::vector<CommandShape>& commands);

}  // namespace overparam::app
