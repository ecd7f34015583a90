// SPDX-License-Identifier: Apache-2.0
// Figure 1, criterion (v): the gradient does not vanish before the objective does. |grad f|^2 ~ f^p
// has p = 1 where Theorem 3 holds, and p = 2 for the cross-entropy near its infimum, which is not
// strongly convex (Remark 1). Towards a saddle the gradient vanishes while f does not, and p has no
// bound.
#include <algorithm>
#include <cmath>
#include <limits>

#include "overparam/linalg/fit.hpp"
#include "support/experiment.hpp"
#include "support/landscape.hpp"

namespace overparam::claims {

namespace {

/// A row a run: p over its snapshots, and the least (|grad f|^2 / f^2) over that at its first.
std::vector<Row> decay_of_runs(const std::vector<Row>& rows) {
  std::vector<Row> runs;
  for (const char* design : {"paper", "residual"}) {
    for (const auto& run : group_by(rows_of(rows, design), {"seed"})) {
      Row row{.design = design, .values = {{"seed", run.front().at("seed")}}};
      const auto f = column(run, "f");
      const auto gradient = column(run, "gradient");
      row.values["exponent"] = linalg::fit_power_law(f, gradient).exponent;
      double kept = std::numeric_limits<double>::infinity();
      for (std::size_t i = 0; i < f.size(); ++i) {
        kept = std::min(kept, gradient[i] / gradient[0] / std::pow(f[i] / f[0], 2));
      }
      row.values["kept"] = kept;
      runs.push_back(std::move(row));
    }
  }
  return runs;
}

std::vector<Check> checks() {
  constexpr const char* kRange =
      "between 0 and 2.3; 1 in Theorem 3, 2 for the cross-entropy at last";
  auto all = check_both(
      "least exponent p of |grad f|^2 ~ f^p over a run", kRange, "exponent", least, 0, 2.3);
  const auto add = [&](std::vector<Check> more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  add(check_both(
      "largest exponent p of |grad f|^2 ~ f^p over a run", kRange, "exponent", most, 0, 2.3));
  add(check_both("least (|grad f|^2 / f) / f, over that at the first snapshot",
                 "|grad f|^2 / f falls no faster than f, to a factor of 100",
                 "kept",
                 least,
                 0.01,
                 1));
  return all;
}

}  // namespace

Claim fig1_v() {
  Claim claim = landscape_claim("fig1-v", "Remark 1: the size of gradients");
  claim.statement =
      "gradients do not vanish before the objective does: |grad f|^2 / f goes to zero with f at "
      "most";
  claim.quantity = "|grad f|^2 against f along a training";
  claim.summarise = decay_of_runs;
  claim.checks = checks();
  claim.negative_control = {
      .description = "towards a saddle: the trained weights shrink to a thousandth, f stays",
      .designs = {small_paper_design({{"snapshots", 1}}, {{"shrunk", {1, 0.1, 0.01, 1e-3}}})}};
  return claim;
}

}  // namespace overparam::claims
