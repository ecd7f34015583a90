// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/random.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "overparam/base/threads.hpp"

namespace overparam::base {
namespace {

TEST(Random, NormalsHaveTheMomentsOfANormal) {
  constexpr std::int64_t kCount = 1'000'000;
  at::Tensor values = at::empty({kCount}, at::kDouble);
  fill_normal(values, 2.0, Stream(1, "moments"));
  const at::Tensor z = values / 2.0;
  // Standard errors of the mean of z^k over 1e6 draws: sqrt(Var z^k / 1e6); five of them allowed.
  EXPECT_NEAR(z.mean().item<double>(), 0, 5 * 1e-3);
  EXPECT_NEAR(z.pow(2).mean().item<double>(), 1, 5 * std::sqrt(2.0) * 1e-3);
  EXPECT_NEAR(z.pow(4).mean().item<double>(), 3, 5 * std::sqrt(96.0) * 1e-3);
  EXPECT_NEAR((z.abs() > 3).to(at::kDouble).mean().item<double>(), 2.6998e-3, 5 * 5.2e-5);
}

TEST(Random, FillDependsOnNeitherThreadsNorPrecision) {
  at::Tensor two = at::empty({10007}, at::kDouble);
  at::Tensor one = at::empty({10007}, at::kDouble);
  at::Tensor narrow = at::empty({10007}, at::kFloat);
  fill_normal(two, 1, Stream(7, "W.1"));
  {
    const ThreadGuard guard(1);
    fill_normal(one, 1, Stream(7, "W.1"));
  }
  fill_normal(narrow, 1, Stream(7, "W.1"));
  EXPECT_TRUE(at::equal(one, two));
  EXPECT_TRUE(at::equal(narrow, two.to(at::kFloat)));
}

TEST(Random, SignsAreFairAndDependOnNeitherThreadsNorPrecision) {
  constexpr std::int64_t kCount = 100'003;
  at::Tensor two = at::empty({kCount}, at::kDouble);
  at::Tensor one = at::empty({kCount}, at::kDouble);
  at::Tensor narrow = at::empty({kCount}, at::kFloat);
  fill_signs(two, Stream(7, "probe"));
  {
    const ThreadGuard guard(1);
    fill_signs(one, Stream(7, "probe"));
  }
  fill_signs(narrow, Stream(7, "probe"));
  EXPECT_TRUE(at::equal(one, two));
  EXPECT_TRUE(at::equal(narrow, two.to(at::kFloat)));
  EXPECT_TRUE(at::equal(two.abs(), at::ones_like(two)));
  // Five standard errors, of a sign and of the product of neighbours.
  const double allowed = 5 / std::sqrt(double{kCount});
  EXPECT_NEAR(two.mean().item<double>(), 0, allowed);
  EXPECT_NEAR((two.slice(0, 1) * two.slice(0, 0, -1)).mean().item<double>(), 0, allowed);
}

TEST(Random, StreamsAreIndependent) {
  constexpr std::int64_t kCount = 100'000;
  at::Tensor base = at::empty({kCount}, at::kDouble);
  fill_normal(base, 1, Stream(1, "W", 1));
  for (const Stream& other : {Stream(1, "W", 2), Stream(2, "W", 1), Stream(1, "A", 1)}) {
    at::Tensor values = at::empty({kCount}, at::kDouble);
    fill_normal(values, 1, other);
    EXPECT_NEAR((base * values).mean().item<double>(), 0, 5 / std::sqrt(double{kCount}));
  }
}

TEST(Random, PermutationsHoldEveryIndexOnce) {
  const auto order = random_permutation(1000, Stream(3, "order"));
  EXPECT_EQ(std::set<std::int64_t>(order.begin(), order.end()).size(), 1000u);
  EXPECT_NE(order, random_permutation(1000, Stream(4, "order")));
  EXPECT_EQ(order, random_permutation(1000, Stream(3, "order")));
}

TEST(Random, BelowReachesEveryValueAndNoOther) {
  Random random(Stream(5, "below"));
  std::vector<int> seen(7);
  for (int i = 0; i < 7000; ++i) ++seen.at(static_cast<std::size_t>(random.below(7)));
  for (const int count : seen) EXPECT_NEAR(count, 1000, 5 * 30);
}

}  // namespace
}  // namespace overparam::base
