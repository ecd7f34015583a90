// SPDX-License-Identifier: Apache-2.0
// Figure 1, criterion (i): the gradient leads down. A random direction of the same length does not:
// its share of the gradient is 1/sqrt P.
#include "support/experiment.hpp"
#include "support/landscape.hpp"

namespace overparam::claims {

Claim fig1_i() {
  Claim claim = landscape_claim("fig1-i", "the gradient direction");
  claim.statement =
      "along its gradient the objective around SGD's weights has a sufficiently large decrease";
  claim.quantity = "(f(W) - f(W - s* g/|g|)) / f(W), g the gradient and s* its best step";
  claim.checks = check_both("least relative drop of f by the best step along the gradient",
                            "a hundredth of f at every snapshot",
                            "drop",
                            least,
                            0.01,
                            1);
  claim.negative_control = {
      .description = "a random direction in place of the gradient, no farther than s*",
      .designs = {small_paper_design({{"random", 1}})}};
  return claim;
}

}  // namespace overparam::claims
