// SPDX-License-Identifier: Apache-2.0
// The code of docs/adding.md, built into catalogues of its own and used as the library uses them.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "overparam/claims/claim.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/net/loss.hpp"
#include "overparam/net/network.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam {

namespace net {
const std::vector<NetworkFamily>& walkthrough_networks();
const std::vector<Loss>& walkthrough_losses();
}  // namespace net

namespace claims {
const std::vector<Claim>& walkthrough_claims();
}  // namespace claims

namespace {

TEST(Walkthrough, TheNetworkIsWhatItsFormulaSays) {
  const auto& family = net::walkthrough_networks().at(0);
  auto shape = family.build({.input_size = 4, .num_outputs = 2, .width = 7, .depth = 2});
  net::select_trained(shape, family.default_trained);
  EXPECT_EQ(shape.num_trained_parameters(), 2 * 7 * 7);
  const net::Network network(shape, 1, at::kDouble);
  const auto block = [&](const char* name) {
    return network.parameters()[network.architecture().find_block(name)];
  };
  const at::Tensor x = tests::normal({5, 4}, "x");
  const at::Tensor h_0 = at::relu(x.matmul(block("A").t()));
  const at::Tensor h_2 = at::relu(at::relu(h_0.matmul(block("W.1").t())).matmul(block("W.2").t()));
  const at::Tensor expected = h_2.matmul(block("B").t()) + h_0.matmul(block("C").t());
  net::Workspace workspace(at::kDouble);
  EXPECT_LT(tests::relative_difference(network.forward(x, workspace), expected), tests::kRounding);
}

TEST(Walkthrough, TheLossHasTheDerivativesItSays) {
  const auto& loss = net::walkthrough_losses().at(0);
  const std::vector<double> y{0.3, -1.7};
  const std::vector<double> target{1, 0.2};
  std::vector<double> gradient(2);
  loss.gradient(y, target, gradient);
  constexpr double kStep = 1e-5;
  for (std::size_t a = 0; a < y.size(); ++a) {
    auto up = y;
    auto down = y;
    up[a] += kStep;
    down[a] -= kStep;
    const double slope = (loss.value(up, target) - loss.value(down, target)) / (2 * kStep);
    EXPECT_NEAR(gradient[a], slope, tests::kFirstDifference);
  }
}

TEST(Walkthrough, TheClaimHoldsAndCanFail) {
  const auto& claim = claims::walkthrough_claims().at(0);
  const auto holds = claims::run_control(claim, claim.positive_control);
  EXPECT_TRUE(claims::is_expected(claim, holds)) << holds.reason;
  EXPECT_EQ(claims::to_string(claims::run_control(claim, claim.negative_control).kind), "refuted");
}

}  // namespace
}  // namespace overparam
