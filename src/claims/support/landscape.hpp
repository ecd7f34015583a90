// SPDX-License-Identifier: Apache-2.0
// What Figure 1 is said to show, (i) to (v), measured together: the objective around the weights
// that a training passed, along its gradient and the direction v of most negative curvature.
//
// Design "paper": the paper's network, squared loss, gradient descent, float64; settings as in
// experiment.hpp. Design "residual": a ResNet-8 with batch normalisation on drawn digits, trained
// as in digit_images.hpp and measured under the means and variances of all images in one batch:
// running ones lag behind in so short a training. Settings of both: "snapshots" along the training,
// "products" of the Hessian for the search of v by Lanczos.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "overparam/claims/claim.hpp"

namespace overparam::claims {

/// A row a snapshot: "f" (mean loss), "gradient" = |grad f|^2, "step" s* (the best along the
/// gradient), "drop", "benefit", "share" and "quadratic" (curvature::DescentCriteria), "curvature"
/// = v^T H v, "residual" = |H v - c v| / |c|.
///
/// Settings that break what the figure shows:
///   random   "drop" along a random direction in place of the gradient, no farther than s*; no more
///   shrunk   the factor of all trained weights: 0 is a saddle, where the gradient vanishes before
///            the curvature does
///   reach    "quadratic" over a plane that reaches so many times s*
/// Setting "late" leaves the last snapshot alone.
///
/// A point is measured once in a process, however many claims ask for it at once.
std::vector<Row> landscape_rows(const Point& point);

std::vector<Design> landscape_designs(Scale scale);
std::uint64_t landscape_memory(const Point& point);

/// Either network at a size for a control; the paper's with further settings, or with an axis.
Design small_paper_design(const Values& settings = {}, const std::vector<Axis>& axes = {});
Design small_residual_design();

/// The part that the claims of the figure share: designs, measurement, positive control and the
/// window in words. Checks hold at every snapshot of every seed.
Claim landscape_claim(const std::string& id, const std::string& criterion);

/// The names of such checks.
std::string of_paper(const std::string& name);
std::string of_residual(const std::string& name);

/// One check a network: `value` of ("paper" or "residual", column) lies in [low, high].
std::vector<Check> check_both(
    const std::string& name,
    const std::string& meaning,
    const std::string& column,
    std::function<double(const std::vector<Row>&)> (*value)(const std::string&, const std::string&),
    double low,
    double high);

}  // namespace overparam::claims
