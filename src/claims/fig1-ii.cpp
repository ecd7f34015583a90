// SPDX-License-Identifier: Apache-2.0
// Figure 1, criterion (ii): once the gradient has led down, negative curvature has little to add.
// Beside a saddle it has: there the gradient is small and the curvature is not.
#include "support/experiment.hpp"
#include "support/landscape.hpp"

namespace overparam::claims {

Claim fig1_ii() {
  Claim claim = landscape_claim("fig1-ii", "the direction of negative curvature");
  claim.statement =
      "after the gradient's best step the most negatively curved direction lowers the objective "
      "little further";
  claim.quantity =
      "(f(x*) - min_y f(x* + y v)) / f(x*) at x* = W - s* g/|g|, |y| <= 2.5 s*, v by Lanczos";
  claim.checks = check_both("largest further drop along negative curvature, over f there",
                            "a twentieth of f at every snapshot",
                            "benefit",
                            most,
                            0,
                            0.05);
  claim.negative_control = {
      .description = "beside a saddle: trained weights of a thousandth their size",
      .designs = {small_paper_design({{"shrunk", 1e-3}})}};
  return claim;
}

}  // namespace overparam::claims
