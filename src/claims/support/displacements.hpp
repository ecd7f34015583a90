// SPDX-License-Identifier: Apache-2.0
// Displacements between two points of a ball around the initial weights, and what a statement about
// every such pair is measured by. Settings: m, L; "omega" (absent: a sweep); "flat", the share of
// the last layer's rows whose pre-activations are made zero (0 in every statement; controls break
// it).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "overparam/claims/claim.hpp"
#include "support/centre.hpp"
#include "support/perturbations.hpp"

namespace overparam::claims {

/// What a displacement from `centre` to `moved` gives, of first order in its length sum_l |W'_l -
/// W_l|_2.
using OfDisplacement =
    std::function<double(const Centre& centre, const net::Network& moved, double length)>;

/// The kink adversary of the paper's network, d = 1, against each of eight samples alone, with
/// targets y + 1: a row of the family "adversarial" for each radius and sample. Its step is omega
/// times `step_over_radius`, up from below the kink or down from above it. Columns: "slope", what
/// `value` gives, and "constant", slope / (omega^(1/3) sqrt m).
std::vector<Row> measure_kinks(const Point& point,
                               KinkSide side,
                               double step_over_radius,
                               const OfDisplacement& value);

/// Steps of max_l |W'_l - W_l|_2 = omega from W^(0) + a random displacement of radius omega, ten
/// samples: a row for each of five radii and the families "random", the mean of two directions, and
/// "gradient". Column: "slope".
std::vector<Row> measure_displacements(const Point& point, const OfDisplacement& value);

/// The designs "omega", "m" and "L" of the adversary and "generic" of the other two families.
std::vector<Design> displacement_designs(Scale scale);

/// The same at a size that takes a second.
std::vector<Design> small_displacement_designs();

/// Slopes against omega^(1/3) m^(1/2) L^2 for the adversary, and omega^(1/3) for the others, in the
/// designs above.
/// @param what the slope's name
std::vector<Law> displacement_laws(const std::string& what);

/// The mean of "constant" over the rows of the design "omega" that have enough neurons at the kink.
double mean_kink_constant(const std::vector<Row>& rows);

}  // namespace overparam::claims
