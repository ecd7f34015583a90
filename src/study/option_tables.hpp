// SPDX-License-Identifier: Apache-2.0
// Parts of the table of options that have files of their own.
#pragma once

#include <vector>

#include "overparam/study/settings.hpp"

namespace overparam::study {

std::vector<Option> landscape_options();

}  // namespace overparam::study
