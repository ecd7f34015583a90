// SPDX-License-Identifier: Apache-2.0
// What can be said of data before any training.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "overparam/report/page.hpp"
#include "overparam/study/prepare.hpp"

namespace overparam::study {

/// One normalisation and what it makes of the data.
struct NormalisedView {
  data::Normalisation normalisation = data::Normalisation::none;
  bool is_chosen = false;
  std::int64_t dimension = 0;
  data::Separation separation;
  std::string problem;  ///< why it cannot be applied; empty if it can
};

struct DataSummary {
  PreparedData prepared;
  std::vector<std::int64_t> class_counts;      ///< of the training part
  std::vector<NormalisedView> views;           ///< all four normalisations
  double largest_norm = 0, smallest_norm = 0;  ///< of the raw training rows
};

/// O(n^2 dx) for each normalisation. An interrupt ends it between two of them: where
/// `base::interrupted()`, the summary is not whole.
/// @throws what `prepare_data` throws
DataSummary summarise_data(const Settings& settings);

nlohmann::json to_json(const DataSummary& summary);
report::Table data_table(const DataSummary& summary);
report::Page data_page(const DataSummary& summary);

}  // namespace overparam::study
