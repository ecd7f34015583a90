// SPDX-License-Identifier: Apache-2.0
// A statement of your own, measured and judged as the library judges the theorems of the paper. A
// claim says which points are measured, what one point gives, and which power laws must follow; the
// judgement fits the laws with their intervals and says whether they hold.
//
// Here: the derivatives of the network's outputs in its weights, |J|_F^2 = tr K, grow like m L.
// A claim that cannot fail is worth nothing, so it carries a control in which it must: a network
// whose hidden layers are drawn a tenth too small forgets its lower layers, and loses the growth.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include "overparam/base/threads.hpp"
#include "overparam/claims/claim.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/net/catalogue.hpp"

using namespace overparam;

namespace {

/// tr K / n of one random network at six random inputs: a function of the point alone.
std::vector<claims::Row> measure_trace(const claims::Point& point) {
  at::manual_seed(point.seed());
  at::Tensor inputs = at::randn({6, 12}, at::kDouble);
  inputs /= inputs.norm(2, 1, true);
  auto shape = net::make_architecture(
      "fc", {.input_size = 12, .width = point.integer("m"), .depth = point.integer("L")});
  for (auto& block : shape.blocks) {
    if (block.trained) block.variance *= point.get("variance_share", 1);
  }
  const net::Network network(shape, point.seed(), inputs.options());
  claims::Row row{.design = point.design, .values = point.settings};
  row.values["trace"] = kernel::tangent_kernel(network, inputs).trace().item<double>() / 6;
  return {row};
}

/// The same grid with and without the assumption.
std::vector<claims::Design> grid(double variance_share) {
  return {{.name = "width",
           .fixed = {{"L", 2}, {"variance_share", variance_share}},
           .axes = {{"m", {64, 128, 256, 512}}},
           .seeds = 16},
          {.name = "depth",
           .fixed = {{"m", 256}, {"variance_share", variance_share}},
           .axes = {{"L", {2, 4, 8, 16}}},
           .seeds = 16}};
}

claims::Claim trace_claim() {
  using claims::Bound;
  return {
      .id = "trace",
      .statement = "tr K = Theta(n m L) at random initialisation",
      .source = "this example",
      .quantity = "tr K / n",
      .expected = {claims::VerdictKind::consistent},
      .measure = measure_trace,
      .laws = {{.name = "tr K / n in m",
                .design = "width",
                .x = "m",
                .y = "trace",
                .predicted = 1,
                .bound = Bound::exact},
               {.name = "tr K / n in L",
                .design = "depth",
                .x = "L",
                .y = "trace",
                .predicted = 1,
                .bound = Bound::exact}},
      .positive_control = {.description = "hidden variance 2/m", .designs = grid(1)},
      .negative_control = {.description = "hidden variance 1.62/m", .designs = grid(0.81)},
  };
}

void print(const claims::Control& control, const claims::Verdict& verdict) {
  fmt::print("{}: {}\n", control.description, claims::to_string(verdict.kind));
  for (const auto& law : verdict.laws) {
    fmt::print("  {:<14} exponent {:6.3f} in [{:.3f}, {:.3f}], predicted {}: {}\n",
               law.name,
               law.fitted,
               law.interval.low,
               law.interval.high,
               law.predicted,
               claims::to_string(law.kind));
  }
}

}  // namespace

int main() {
  const base::ThreadGuard threads(0);
  const claims::Claim claim = trace_claim();
  fmt::print("{}\n\n", claim.statement);
  const auto holds = claims::run_control(claim, claim.positive_control);
  print(claim.positive_control, holds);
  const auto breaks = claims::run_control(claim, claim.negative_control);
  print(claim.negative_control, breaks);
  return claims::is_expected(claim, holds) && !claims::is_expected(claim, breaks) ? 0 : 1;
}
