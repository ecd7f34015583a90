// SPDX-License-Identifier: Apache-2.0
// From settings to data that a network can be trained on.
#pragma once

#include <string>
#include <vector>

#include "overparam/data/dataset.hpp"
#include "overparam/data/geometry.hpp"
#include "overparam/report/figure.hpp"
#include "overparam/study/settings.hpp"
#include "overparam/train/problem.hpp"

namespace overparam::study {

/// Data as the settings ask for them: chosen, relabelled, normalised, with targets.
struct PreparedData {
  data::Dataset dataset;
  data::Normalisation normalisation = data::Normalisation::none;
  std::int64_t num_outputs = 0;
  data::Separation separation;           ///< delta of the normalised training inputs
  data::Separation distinct_separation;  ///< the same with duplicates counted once
  data::Duplicates duplicates;
  std::int64_t num_changed_labels = 0;  ///< training labels that noise has changed
  report::ImageGrid
      pictures;  ///< of the first raw samples; no images where the data are not pictures
};

/// @throws Error(data) for files, Error(usage) for settings
PreparedData prepare_data(const Settings& settings);

/// The training part as a problem for the settings' loss. @throws Error(data) if targets do not fit
/// it
train::Problem training_problem(const PreparedData& data, const Settings& settings);

/// Whether the network asks for |x| = 1 with nothing appended, where the settings leave it open.
bool wants_unit_inputs(const Settings& settings);

/// The test part, or one without inputs.
train::Problem test_problem(const PreparedData& data, const Settings& settings);

at::ScalarType number_type(const Settings& settings);

/// @throws Error(usage) for a name that is no device, and for one that this LibTorch has not
at::Device device_of(const Settings& settings);

}  // namespace overparam::study
