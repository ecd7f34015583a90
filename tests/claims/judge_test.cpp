// SPDX-License-Identifier: Apache-2.0
// The judge on tables whose exponents are known.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "overparam/base/random.hpp"
#include "overparam/claims/claim.hpp"

namespace overparam::claims {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// y = 3 x^exponent at five levels, three seeds each. `scatter` is the relative noise; `bend` adds
/// a curvature that the line cannot follow, which widens its interval without moving its slope.
std::vector<Row> power_law(double exponent, double scatter = 0, double bend = 0) {
  std::vector<Row> rows;
  base::Random random(base::Stream(1, "judge"));
  for (int level = 0; level < 5; ++level) {
    const double x = std::pow(2, level);
    const double curve = bend * (level - 2) * (level - 2);
    for (int seed = 0; seed < 3; ++seed) {
      const double noise = scatter * random.normal();
      rows.push_back({.design = "design",
                      .values = {{"seed", seed},
                                 {"x", x},
                                 {"y", 3 * std::pow(x, exponent) * std::exp(noise + curve)}}});
    }
  }
  return rows;
}

std::vector<Row> of_family(std::vector<Row> rows, const char* family) {
  for (auto& row : rows) row.family = family;
  return rows;
}

std::vector<Row> joined(std::vector<Row> rows, const std::vector<Row>& more) {
  rows.insert(rows.end(), more.begin(), more.end());
  return rows;
}

Claim claim_of(Law law) {
  law.name = "y in x";
  law.design = "design";
  law.x = "x";
  law.y = "y";
  return {.id = "synthetic", .expected = {VerdictKind::tight}, .laws = {law}};
}

Claim claim_of(Check check) { return {.id = "synthetic", .checks = {std::move(check)}}; }

Check number_in(double value, double low, double high) {
  return {.name = "number",
          .meaning = "worked by hand",
          .value = [=](const std::vector<Row>&) { return value; },
          .low = low,
          .high = high};
}

std::string kind_of(const Claim& claim, const std::vector<Row>& rows) {
  return to_string(judge(claim, rows).kind);
}

struct Case {
  std::string name;
  Bound bound = Bound::upper;
  Limit limit = Limit::large;
  double fitted = 0;  ///< beyond the law's exponent of 1.5
  std::string kind;
};

class ExactPowers : public testing::TestWithParam<Case> {};

TEST_P(ExactPowers, AreJudgedByTheirDistance) {
  constexpr double kPredicted = 1.5;
  const Case& tested = GetParam();
  const auto claim =
      claim_of(Law{.predicted = kPredicted, .bound = tested.bound, .limit = tested.limit});
  const auto verdict = judge(claim, power_law(kPredicted + tested.fitted));
  EXPECT_EQ(to_string(verdict.kind), tested.kind);
  ASSERT_EQ(verdict.laws.size(), 1u);
  EXPECT_NEAR(verdict.laws[0].fitted, kPredicted + tested.fitted, 1e-12);
  EXPECT_NEAR(verdict.laws[0].constant, 3, 1e-12);
  EXPECT_EQ(verdict.laws[0].points, 15);
}

// Without noise the interval is a point. 0.07 is the reach of tight, 0.1 that of refuted.
INSTANTIATE_TEST_SUITE_P(
    All,
    ExactPowers,
    testing::Values(Case{"upper_reached", Bound::upper, Limit::large, 0, "tight"},
                    Case{"upper_just_tight_above", Bound::upper, Limit::large, 0.069, "tight"},
                    Case{"upper_just_tight_below", Bound::upper, Limit::large, -0.069, "tight"},
                    Case{"upper_between", Bound::upper, Limit::large, 0.071, "consistent"},
                    Case{"upper_not_yet_refuted", Bound::upper, Limit::large, 0.099, "consistent"},
                    Case{"upper_just_refuted", Bound::upper, Limit::large, 0.101, "refuted"},
                    Case{"upper_just_loose", Bound::upper, Limit::large, -0.071, "loose"},
                    Case{"upper_far_below", Bound::upper, Limit::large, -3, "loose"},
                    // y <= C x^p as x -> 0 breaks where y falls more slowly than x^p.
                    Case{"upper_small_x_refuted", Bound::upper, Limit::small, -0.101, "refuted"},
                    Case{"upper_small_x_loose", Bound::upper, Limit::small, 0.101, "loose"},
                    Case{"upper_small_x_tight", Bound::upper, Limit::small, 0.069, "tight"},
                    Case{"lower_reached", Bound::lower, Limit::large, 0, "tight"},
                    Case{"lower_refuted", Bound::lower, Limit::large, -0.101, "refuted"},
                    Case{"lower_between", Bound::lower, Limit::large, -0.099, "consistent"},
                    Case{"lower_loose", Bound::lower, Limit::large, 0.071, "loose"},
                    Case{"lower_small_x_refuted", Bound::lower, Limit::small, 0.101, "refuted"},
                    Case{"lower_small_x_loose", Bound::lower, Limit::small, -0.071, "loose"},
                    Case{"exact_met", Bound::exact, Limit::large, 0, "consistent"},
                    Case{"exact_near", Bound::exact, Limit::large, -0.069, "consistent"},
                    Case{
                        "exact_missed_a_little", Bound::exact, Limit::large, 0.085, "inconclusive"},
                    Case{"exact_refuted_above", Bound::exact, Limit::large, 0.101, "refuted"},
                    Case{"exact_refuted_below", Bound::exact, Limit::large, -0.101, "refuted"}),
    [](const auto& tested) { return tested.param.name; });

TEST(Judge, AWideIntervalDecidesNothing) {
  // The curvature leaves the slope at the bound, with an interval of +- 0.94.
  const auto rows = power_law(1, 0, 0.3);
  for (const Bound bound : {Bound::upper, Bound::lower, Bound::exact}) {
    const auto verdict = judge(claim_of(Law{.predicted = 1, .bound = bound}), rows);
    EXPECT_NEAR(verdict.laws[0].fitted, 1, 1e-12);
    EXPECT_GT(verdict.laws[0].interval.high - 1, 0.5);
    EXPECT_EQ(to_string(verdict.kind), "inconclusive") << to_string(bound);
  }
}

TEST(Judge, ABoundIsConsistentWhereTheSlopeIsNotResolved) {
  // Interval +- 0.25 about 0.8: the bound 1 is inside, and no end lies 0.5 beyond it.
  const auto rows = power_law(0.8, 0, 0.08);
  EXPECT_EQ(kind_of(claim_of(Law{.predicted = 1}), rows), "consistent");
  EXPECT_EQ(kind_of(claim_of(Law{.predicted = 1, .bound = Bound::lower}), rows), "consistent");
  EXPECT_EQ(kind_of(claim_of(Law{.predicted = 1, .bound = Bound::exact}), rows), "consistent");
  // With the interval on one side, the same slope decides.
  EXPECT_EQ(kind_of(claim_of(Law{.predicted = 2}), rows), "loose");
  EXPECT_EQ(kind_of(claim_of(Law{.predicted = 2, .bound = Bound::lower}), rows), "refuted");
  EXPECT_EQ(kind_of(claim_of(Law{.predicted = 2, .bound = Bound::exact}), rows), "refuted");
}

TEST(Judge, ScatterOverSeedsWidensTheInterval) {
  const auto quiet = judge(claim_of(Law{.predicted = 1}), power_law(1, 0.01));
  const auto noisy = judge(claim_of(Law{.predicted = 1}), power_law(1, 3));
  EXPECT_EQ(to_string(quiet.kind), "tight");
  EXPECT_EQ(to_string(noisy.kind), "inconclusive");
  EXPECT_GT(noisy.laws[0].interval.high - noisy.laws[0].interval.low,
            quiet.laws[0].interval.high - quiet.laws[0].interval.low);
}

TEST(Judge, OneLevelOrNoRowIsInconclusive) {
  auto rows = power_law(1);
  rows.resize(3);  // the first level
  const auto one = judge(claim_of(Law{.predicted = 1}), rows);
  EXPECT_EQ(to_string(one.kind), "inconclusive");
  EXPECT_TRUE(std::isinf(one.laws[0].interval.high));
  const auto none = judge(claim_of(Law{.predicted = 1}), {});
  EXPECT_EQ(to_string(none.kind), "inconclusive");
  EXPECT_EQ(none.reason, "nothing was measured");
  EXPECT_EQ(none.rows, 0);
}

TEST(Judge, ALawSeesItsOwnRowsOnly) {
  auto rows = power_law(1);
  const auto foreign = [&](const char* design, const char* family, double y) {
    rows.push_back({.design = design, .family = family, .values = {{"x", 2}, {"y", y}}});
  };
  foreign("other", "", 1e9);
  foreign("design", "random", 1e9);
  rows.push_back({.design = "design", .values = {{"x", 2}}});  // without y

  auto claim =
      claim_of(Law{.predicted = 1, .keep = [](const Row& row) { return row.at("y") < 1e6; }});
  EXPECT_EQ(judge(claim, rows).laws[0].points, 15);
  claim.laws[0].family = "random";
  claim.laws[0].keep = nullptr;
  EXPECT_EQ(judge(claim, rows).laws[0].points, 1);
  claim.laws[0].family = "";
  EXPECT_EQ(judge(claim, rows).laws[0].points, 16);  // rows of every family
}

TEST(Judge, ChecksAreClosedIntervals) {
  const auto rows = power_law(1);
  EXPECT_EQ(kind_of(claim_of(number_in(2, 1, 3)), rows), "consistent");
  EXPECT_EQ(kind_of(claim_of(number_in(1, 1, 3)), rows), "consistent");
  EXPECT_EQ(kind_of(claim_of(number_in(3, 1, 3)), rows), "consistent");
  for (const double outside : {0.999, 3.001, kInfinity, -kInfinity}) {
    const auto verdict = judge(claim_of(number_in(outside, 1, 3)), rows);
    EXPECT_EQ(to_string(verdict.kind), "refuted") << outside;
    EXPECT_FALSE(verdict.checks[0].holds);
    EXPECT_NE(verdict.reason.find("worked by hand"), std::string::npos) << verdict.reason;
  }
}

TEST(Judge, ACheckThatIsNoNumberDecidesNothing) {
  const auto verdict = judge(claim_of(number_in(kNaN, 1, 3)), power_law(1));
  EXPECT_FALSE(verdict.checks[0].holds);
  EXPECT_EQ(to_string(verdict.kind), "inconclusive");
}

TEST(Judge, ChecksAndLawsReadTheSummary) {
  auto claim = claim_of(Law{.predicted = 2});
  claim.checks = {{.name = "rows of the summary",
                   .value = [](const auto& rows) { return static_cast<double>(rows.size()); },
                   .low = 15,
                   .high = 15}};
  claim.summarise = [](const std::vector<Row>& rows) {
    auto squares = rows;
    for (auto& row : squares) row.values["y"] = std::pow(row.at("y"), 2);
    return squares;
  };
  const auto verdict = judge(claim, power_law(1));
  EXPECT_NEAR(verdict.laws[0].fitted, 2, 1e-12);
  EXPECT_EQ(to_string(verdict.kind), "tight");
  EXPECT_EQ(verdict.seeds, 3);
  EXPECT_EQ(verdict.rows, 15);
}

TEST(Judge, OneFaultOutweighsEverything) {
  // In the order of what decides: refuted, inconclusive, loose, tight, consistent.
  const Law tight{.predicted = 1};
  const Law loose{.predicted = 2};
  const Law refuted{.predicted = 0};
  const Law nothing{.family = "nobody", .predicted = 1};
  const Law consistent{.predicted = 1, .bound = Bound::exact};
  const auto kind_with = [](const std::vector<Law>& laws, bool holds = true) {
    Claim claim = claim_of(number_in(holds ? 1 : 5, 0, 2));
    for (const auto& law : laws) claim.laws.push_back(claim_of(law).laws[0]);
    return kind_of(claim, power_law(1));
  };
  EXPECT_EQ(kind_with({tight, loose, consistent, nothing, refuted}), "refuted");
  EXPECT_EQ(kind_with({tight, loose, consistent, nothing}, false), "refuted");
  EXPECT_EQ(kind_with({tight, loose, consistent, nothing}), "inconclusive");
  EXPECT_EQ(kind_with({consistent, tight, loose, tight}), "loose");
  EXPECT_EQ(kind_with({consistent, loose}), "loose");
  EXPECT_EQ(kind_with({consistent, tight}), "tight");
  EXPECT_EQ(kind_with({consistent}), "consistent");
}

TEST(Judge, OnlyTheAdversaryShowsThatABoundIsAttained) {
  const auto claim = claim_of(Law{.predicted = 1});
  EXPECT_EQ(kind_of(claim, of_family(power_law(1.05), "adversarial")), "tight");
  for (const char* family : {"random", "gradient", "trajectory"}) {
    const auto verdict = judge(claim, of_family(power_law(1.05), family));
    EXPECT_EQ(to_string(verdict.kind), "consistent") << family;
    EXPECT_EQ(verdict.laws[0].family, family);
    // The whole interval on the good side, within 0.07 or not.
    EXPECT_EQ(kind_of(claim, of_family(power_law(0.95), family)), "loose") << family;
    EXPECT_EQ(kind_of(claim, of_family(power_law(0.5), family)), "loose") << family;
    EXPECT_EQ(kind_of(claim, of_family(power_law(1.2), family)), "refuted") << family;
  }
  // Of rows of several families, one that is typical is enough.
  const auto rows =
      joined(of_family(power_law(1.05), "random"), of_family(power_law(1.05), "adversarial"));
  EXPECT_EQ(kind_of(claim, rows), "consistent");
}

TEST(Judge, TypicalPerturbationsDoNotDecideBesideTheWorst) {
  auto claim = claim_of(Law{.family = "adversarial", .predicted = 1});
  claim.laws.push_back(claim_of(Law{.family = "random", .predicted = 1}).laws[0]);
  const auto with = [&](double worst, double typical) {
    return judge(claim,
                 joined(of_family(power_law(worst), "adversarial"),
                        of_family(power_law(typical), "random")));
  };
  const auto attained = with(1, 0.2);
  EXPECT_EQ(to_string(attained.kind), "tight");
  EXPECT_EQ(to_string(attained.laws[1].kind), "loose");
  EXPECT_EQ(to_string(with(0.2, 1).kind), "loose");
  EXPECT_EQ(to_string(with(0.91, 0.2).kind), "loose");
  EXPECT_EQ(to_string(with(1.08, 0.2).kind), "consistent");
  EXPECT_EQ(to_string(with(1, 1.2).kind), "refuted");  // whoever breaks a bound breaks it
  EXPECT_EQ(attained.reason.find("0.20"), std::string::npos) << attained.reason;

  claim.laws.erase(claim.laws.begin());  // where there is nothing else, they decide
  EXPECT_EQ(to_string(with(1, 0.2).kind), "loose");
}

TEST(Judge, ALawOfNoFamilyDecidesBesideTheAdversary) {
  auto claim = claim_of(Law{.family = "adversarial", .predicted = 1});
  claim.laws.push_back(claim_of(Law{.predicted = 2}).laws[0]);
  claim.laws[1].design = "start";
  auto rows = power_law(1);
  for (auto& row : rows) row.design = "start";
  EXPECT_EQ(kind_of(claim, joined(of_family(power_law(1), "adversarial"), rows)), "loose");
}

TEST(Judge, ExpectedKindsAreAListOfTheClaim) {
  Claim claim = claim_of(Law{.predicted = 1});
  claim.expected = {VerdictKind::tight, VerdictKind::loose};
  EXPECT_TRUE(is_expected(claim, {.kind = VerdictKind::loose}));
  EXPECT_FALSE(is_expected(claim, {.kind = VerdictKind::refuted}));
}

TEST(Judge, ARefutationIsExpectedOnlyOfWhatTheClaimNames) {
  Claim claim = claim_of(number_in(5, 0, 2));
  claim.expected = {VerdictKind::refuted};
  claim.refuted_by = {"number"};
  claim.laws = claim_of(Law{.predicted = 1}).laws;
  const auto is_expected_at = [&](double exponent) {
    const auto verdict = judge(claim, power_law(exponent));
    EXPECT_EQ(to_string(verdict.kind), "refuted");
    return is_expected(claim, verdict);
  };
  EXPECT_TRUE(is_expected_at(1));
  EXPECT_FALSE(is_expected_at(2));
  claim.refuted_by.push_back("y in x");
  EXPECT_TRUE(is_expected_at(2));
  claim.refuted_by = {"y in x"};
  EXPECT_FALSE(is_expected_at(2));
  claim.refuted_by.clear();
  EXPECT_TRUE(is_expected_at(2));
}

TEST(Judge, AControlIsSilentOnWhatItLeavesOut) {
  Claim claim = claim_of(number_in(1, 0, 2));
  claim.checks.push_back(number_in(kNaN, 0, 2));
  claim.checks.back().name = "another network's";
  claim.measure = [](const Point& point) {
    return std::vector<Row>{{.design = point.design, .values = point.settings}};
  };
  Control control{.designs = {{.name = "design"}}};
  EXPECT_EQ(to_string(run_control(claim, control).kind), "inconclusive");
  control.without = {"another network's"};
  const auto verdict = run_control(claim, control);
  EXPECT_EQ(to_string(verdict.kind), "consistent");
  EXPECT_EQ(verdict.checks.size(), 1u);
}

}  // namespace
}  // namespace overparam::claims
