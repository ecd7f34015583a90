// SPDX-License-Identifier: Apache-2.0
// The two halves of `prepare_data`, for those who want several normalisations of the same data.
#pragma once

#include "overparam/study/prepare.hpp"

namespace overparam::study {

/// Data that are chosen, relabelled and have targets, but are not normalised; `normalisation` is
/// the one that the settings ask for.
PreparedData read_data(const Settings& settings);

/// Normalises and measures. The raw inputs are replaced, not written to, so that a copy made before
/// still has them.
/// @throws Error(data) for data that cannot be normalised so
void normalise_and_measure(PreparedData& prepared,
                           data::Normalisation normalisation,
                           at::ScalarType dtype);

}  // namespace overparam::study
