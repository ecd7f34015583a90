// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "overparam/report/table.hpp"

namespace overparam::study {

/// What this build knows, one table a catalogue: networks, losses, readers, generators, claims.
std::vector<report::Table> catalogue_tables();
nlohmann::json catalogues_json();

/// docs/theory.md: every claim with its source, bounds, window and control, group by group.
std::string theory_markdown();

/// The table of docs/kernels.md: for each network its kernel of infinite width, or why there is
/// none.
std::string kernels_markdown();

}  // namespace overparam::study
