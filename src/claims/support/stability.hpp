// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "overparam/claims/claim.hpp"

namespace overparam::claims {

/// What the adversarial family aims at.
enum class Adversary {
  flips,    ///< the most sign changes of the last hidden layer
  stretch,  ///< the direction that the hidden layers amplify most
};

/// What perturbations of |W'|_2 = omega change in the paper's network: a row for each radius and
/// family. Settings: m (or m_per_d, m = that times d), L, d; "omega" (absent: a sweep); "gain";
/// "flat", the share of the last layer's rows whose pre-activations are made zero (0 in every
/// statement; controls break it). Columns, each the largest over the layers of the mean over five
/// samples: change_h, change_g |h' - h|, |g' - g|; change_back |Back'_l - Back_l|_2; flips |D'_l -
/// D_l|_0, and counted, the flips of all samples in that layer. The same with "most_" before the
/// name: the largest over the samples too, which is what the statements bound, but grows with the
/// scatter between samples and so has another exponent than they; and most_back_scaled, that of
/// change_back over sqrt(m/d). The adversary has a W' for each sample, whose own changes count, and
/// choices of which the largest of each column does.
std::vector<Row> measure_stability(const Point& point, Adversary adversary);

/// Enough flips to count, and a perturbation small enough not to saturate.
bool flips_enough(const Row& row);

/// The adversary flips ten signs or so, below which the mean of a logarithm lies visibly under the
/// logarithm of the mean, and does not saturate.
bool adversary_in_range(const Row& row);

/// The adversary's exponent of a column in omega, in range, fitted for each seed of the design
/// "omega" and averaged over the seeds.
std::function<double(const std::vector<Row>&)> adversary_exponent(const std::string& column);

}  // namespace overparam::claims
