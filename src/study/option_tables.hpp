// SPDX-License-Identifier: Apache-2.0
// Parts of the table of options that have files of their own.
#pragma once

#include <vector>

#include "overparam/study/settings.hpp"

namespace overparam::study {

std::vector<Option> landscape_options();

/// Whether two values of an option may be two runs: the others decide no number of one.
bool decides_numbers(const Option& option);

}  // namespace overparam::study
