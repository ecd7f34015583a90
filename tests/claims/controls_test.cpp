// SPDX-License-Identifier: Apache-2.0
// Every claim holds where its assumptions hold, and falls where one of them is broken on purpose.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "claims/every_claim.hpp"
#include "overparam/base/clock.hpp"
#include "overparam/base/threads.hpp"
#include "overparam/claims/claim.hpp"

namespace overparam::claims {
namespace {

class Controls : public testing::TestWithParam<std::string> {
 protected:
  /// The verdict; its time and reason are kept for whoever reads the log.
  [[nodiscard]] Verdict measure(const char* which, const Control& control) {
    const base::ThreadGuard one(1);  // as a measurement of `verify` runs
    const base::Stopwatch watch;
    auto verdict = run_control(find_claim(GetParam()), control);
    const double seconds = watch.seconds();
    RecordProperty(std::string(which) + "_milliseconds", static_cast<int>(1000 * seconds));
    std::printf("%-13s %s %5.2f s  %s\n",
                GetParam().c_str(),
                which,
                seconds,
                to_string(verdict.kind).c_str());
    return verdict;
  }
};

TEST_P(Controls, ThePositiveOneHolds) {
  const Claim& claim = find_claim(GetParam());
  const auto verdict = measure("positive", claim.positive_control);
  EXPECT_TRUE(is_expected(claim, verdict)) << to_string(verdict.kind) << ": " << verdict.reason;
  for (const auto& law : verdict.laws) EXPECT_GT(law.points, 0) << law.name;
}

TEST_P(Controls, TheNegativeOneDoesNot) {
  const Claim& claim = find_claim(GetParam());
  const auto verdict = measure("negative", claim.negative_control);
  EXPECT_FALSE(is_expected(claim, verdict)) << to_string(verdict.kind) << ": " << verdict.reason;
  // Too little to decide would be no answer to an assumption that was broken, or to an obstacle
  // that was taken away from a statement that fails.
  const bool fails = std::ranges::count(claim.expected, VerdictKind::refuted) > 0;
  const bool is_bound = verdict.kind == VerdictKind::tight ||
                        verdict.kind == VerdictKind::consistent ||
                        verdict.kind == VerdictKind::loose;
  EXPECT_TRUE(fails ? is_bound : verdict.kind == VerdictKind::refuted)
      << to_string(verdict.kind) << ": " << verdict.reason;
}

INSTANTIATE_TEST_SUITE_P(All, Controls, testing::ValuesIn(ids()), test_name);

}  // namespace
}  // namespace overparam::claims
