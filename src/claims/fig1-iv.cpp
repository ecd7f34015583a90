// SPDX-License-Identifier: Apache-2.0
// Figure 1, criterion (iv): the surface is smooth. Within the gradient's best step it is a
// quadratic; farther out it is not, a network of L trained layers grows with a power of their
// weights.
#include "support/experiment.hpp"
#include "support/landscape.hpp"

namespace overparam::claims {

Claim fig1_iv() {
  Claim claim = landscape_claim("fig1-iv", "smoothness");
  claim.statement = "the objective around SGD's weights is sufficiently smooth";
  claim.quantity = "R^2 of a quadratic in the plane of g and v, for |x|, |y| <= s*, 25 points";
  claim.checks = check_both("least R^2 of a quadratic within the best step",
                            "nine tenths at every snapshot",
                            "quadratic",
                            least,
                            0.9,
                            1);
  claim.negative_control = {.description = "the plane drawn 50 times as far",
                            .designs = {small_paper_design({{"reach", 50}})}};
  return claim;
}

}  // namespace overparam::claims
