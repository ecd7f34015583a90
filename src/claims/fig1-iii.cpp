// SPDX-License-Identifier: Apache-2.0
// Figure 1, criterion (iii): at the length of the gradient's best step the second-order term of the
// most negative curvature is small beside the gradient's first-order one.
//
// On networks of this size it is not. At W^(0) of the paper's network of m = 256, v^T H v is a
// fifth of the largest curvature in size (-20.9 beside 112), and the gradient's own curvature, |g|
// / s*, may be as small. Late in training it is: H's negative part goes with the residuals.
#include "support/experiment.hpp"
#include "support/landscape.hpp"

namespace overparam::claims {

namespace {

constexpr const char* kSecondOrder =
    "largest second-order term of v over the gradient's first-order one";

}  // namespace

Claim fig1_iii() {
  Claim claim = landscape_claim("fig1-iii", "the size of negative curvature");
  claim.statement =
      "the objective around SGD's weights is almost convex: |lambda_min| s^2 / 2 << s |grad f| at "
      "the gradient's best step: not so for either network at these sizes";
  claim.quantity = "|v^T H v| s*^2 / 2 over s* |grad f|, H by differences of gradients";
  claim.expected = {VerdictKind::refuted};
  claim.refuted_by = {of_paper(kSecondOrder), of_residual(kSecondOrder)};
  claim.checks = check_both(kSecondOrder, "a tenth at every snapshot", "share", most, 0, 0.1);
  claim.negative_control = {
      .description = "the paper's network alone, at F = 0.003 F_0: the residuals are gone",
      .designs = {small_paper_design({{"m", 256}, {"late", 1}})},
      .without = {of_residual(kSecondOrder)}};
  return claim;
}

}  // namespace overparam::claims
