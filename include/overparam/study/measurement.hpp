// SPDX-License-Identifier: Apache-2.0
// What verifications and reproductions measure: pure functions, each known by a key that outlives
// the process, so that nothing finished is measured twice.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "overparam/claims/claim.hpp"

namespace overparam::study {

struct Measurement {
  std::string owner;  ///< the claim or recipe that asks for it
  std::string key;    ///< a hash of all that decides its rows
  std::string name;   ///< for people, while it runs
  std::uint64_t bytes = 0;
  std::function<std::vector<claims::Row>()> run;
};

/// The measurement of one point. Its key is that of owner, revision, design and settings.
Measurement measurement_of(
    const std::string& owner,
    int revision,
    const claims::Point& point,
    std::uint64_t bytes,
    const std::function<std::vector<claims::Row>(const claims::Point&)>& run);

/// The rows that a measurement gave, now or earlier.
struct Measured {
  std::string owner;
  std::vector<claims::Row> rows;
};

/// The rows of one owner, in the order in which they were planned.
std::vector<claims::Row> rows_of(const std::vector<Measured>& measured, const std::string& owner);

}  // namespace overparam::study
