// SPDX-License-Identifier: Apache-2.0
// Figure 1, criterion (iii): at the length of the gradient's best step the second-order term of the
// most negative curvature is small beside the gradient's first-order one. At a saddle the gradient
// vanishes and the curvature does not, so that the ratio has no bound.
#include "support/experiment.hpp"
#include "support/landscape.hpp"

namespace overparam::claims {

Claim fig1_iii() {
  Claim claim = landscape_claim("fig1-iii", "the size of negative curvature");
  claim.statement =
      "the objective around SGD's weights is almost convex: |lambda_min| s^2 / 2 << s |grad f| at "
      "the gradient's best step";
  claim.quantity = "|v^T H v| s*^2 / 2 over s* |grad f|, H by differences of gradients";
  claim.checks = check_both("largest second-order term of v over the gradient's first-order one",
                            "a tenth at every snapshot",
                            "share",
                            most,
                            0,
                            0.1);
  claim.negative_control = {
      .description = "beside a saddle: trained weights of a thousandth their size",
      .designs = {small_paper_design({{"shrunk", 1e-3}})}};
  return claim;
}

}  // namespace overparam::claims
