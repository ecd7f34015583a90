// SPDX-License-Identifier: Apache-2.0
// What the formats of a table share.
#pragma once

#include <string>
#include <vector>

#include "numbers.hpp"
#include "overparam/report/table.hpp"

namespace overparam::report {

/// The cell of a column; a missing value where the row is too short.
const Cell& cell_of(const std::vector<Cell>& row, std::size_t column);

/// Whether a column is to be aligned as numbers: it has some, and no text.
bool holds_numbers(const Table& table, std::size_t column);

/// A cell as people read it, without markup: "1.2e-05", "128", "yes"; empty where it is missing.
std::string plain_cell(const Cell& cell, int digits);

}  // namespace overparam::report
