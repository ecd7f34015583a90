// SPDX-License-Identifier: Apache-2.0
// What every claim must say of itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

#include "claims/every_claim.hpp"
#include "overparam/base/text.hpp"
#include "overparam/claims/claim.hpp"
#include "support/files.hpp"

namespace overparam::claims {
namespace {

using tests::expect_error;

constexpr Scale kScales[] = {Scale::quick, Scale::standard, Scale::full};

std::vector<Point> all_points(const std::vector<Design>& designs) {
  std::vector<Point> points;
  for (const auto& design : designs) {
    const auto more = points_of(design);
    points.insert(points.end(), more.begin(), more.end());
  }
  return points;
}

TEST(ClaimCatalogue, HoldsTheEntriesOfTheTheory) {
  const auto known = ids();
  for (const std::string id : {"thm1",
                               "thm1-eta",
                               "thm1-dim",
                               "thm2",
                               "neg-dup",
                               "train-subset",
                               "polyL",
                               "thm3-upper",
                               "thm3-lower",
                               "step3",
                               "thm4",
                               "lemE-lip",
                               "remark-beyond",
                               "remark-beyond-vision",
                               "thm5-loss",
                               "thm6-cnn",
                               "thm7-resnet",
                               "fig1-i",
                               "fig1-ii",
                               "fig1-iii",
                               "fig1-iv",
                               "fig1-v",
                               "lemA-forward",
                               "lemA-inter-a",
                               "lemA-inter-bcd",
                               "lemA-back",
                               "lemA-sep",
                               "lemB-signs",
                               "lemB-forward",
                               "lemB-inter",
                               "lemB-back",
                               "ntk-grad",
                               "ntk-func",
                               "ntk-kernel",
                               "ntk-init",
                               "slide-ntk-gradient",
                               "slide-ntk-objective",
                               "poly-width",
                               "ntk-convex",
                               "facts",
                               "du-thm3.1",
                               "du-flow",
                               "du-joint",
                               "du-gd",
                               "du-l3.1",
                               "du-l3.2",
                               "du-l3.3",
                               "du-c4.1",
                               "du-l4.1",
                               "daniely17",
                               "goodfellow15",
                               "liliang18",
                               "rnn",
                               "du18a"}) {
    EXPECT_NE(std::ranges::find(known, id), known.end()) << id;
  }
}

TEST(ClaimCatalogue, KeepsGroupsTogether) {
  EXPECT_TRUE(std::ranges::is_sorted(claims(), {}, &Claim::group));
}

TEST(ClaimCatalogue, FindsByIdAndNamesTheNearest) {
  EXPECT_EQ(find_claim("neg-dup").id, "neg-dup");
  expect_error(ErrorKind::usage,
               {"claim \"thm3-lwer\"", "did you mean \"thm3-lower\"", "known: thm1, thm1-eta"},
               [] { find_claim("thm3-lwer"); });
}

class EveryClaim : public testing::TestWithParam<std::string> {
 protected:
  [[nodiscard]] static const Claim& claim() { return find_claim(GetParam()); }
};

TEST_P(EveryClaim, SaysWhatItIs) {
  for (const std::string& text : {claim().statement,
                                  claim().source,
                                  claim().quantity,
                                  claim().window,
                                  claim().positive_control.description,
                                  claim().negative_control.description}) {
    EXPECT_FALSE(text.empty());
    EXPECT_EQ(text, base::trim(text));
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    EXPECT_EQ(text.find("  "), std::string::npos) << text;
    EXPECT_FALSE(text.ends_with('.')) << text;
  }
  EXPECT_GE(claim().revision, 1);
  EXPECT_TRUE(claim().measure);
  EXPECT_TRUE(claim().memory);
}

TEST_P(EveryClaim, CanFail) {
  EXPECT_FALSE(claim().expected.empty());
  EXPECT_FALSE(claim().laws.empty() && claim().checks.empty());
  const std::set<VerdictKind> kinds(claim().expected.begin(), claim().expected.end());
  EXPECT_EQ(kinds.size(), claim().expected.size());
  EXPECT_FALSE(kinds.contains(VerdictKind::inconclusive));
  EXPECT_FALSE(claim().negative_control.designs.empty());
  EXPECT_FALSE(claim().positive_control.designs.empty());
}

TEST_P(EveryClaim, NamesWhatRefutesItAndWhatItsControlsLeaveOut) {
  std::set<std::string> names;
  for (const auto& law : claim().laws) names.insert(law.name);
  for (const auto& check : claim().checks) names.insert(check.name);
  EXPECT_EQ(claim().refuted_by.empty(),
            std::ranges::count(claim().expected, VerdictKind::refuted) == 0);
  for (const auto& name : claim().refuted_by) EXPECT_TRUE(names.contains(name)) << name;
  EXPECT_TRUE(claim().positive_control.without.empty());
  for (const auto& name : claim().negative_control.without) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST_P(EveryClaim, HasNamedLawsOverItsOwnDesigns) {
  std::set<std::string> names;
  for (const auto& law : claim().laws) {
    EXPECT_TRUE(names.insert(law.name).second) << law.name;
    EXPECT_FALSE(law.x.empty());
    EXPECT_FALSE(law.y.empty());
    EXPECT_NE(law.x, law.y);
    EXPECT_TRUE(std::isfinite(law.predicted));
    // "y in x": the name ends with the variable or speaks of it.
    EXPECT_NE(law.name.find(" in "), std::string::npos) << law.name;
    for (const Scale scale : kScales) {
      EXPECT_TRUE(std::ranges::any_of(
          claim().designs(scale), [&](const auto& design) { return design.name == law.design; }))
          << law.name << " at " << to_string(scale);
    }
  }
  for (const auto& check : claim().checks) {
    EXPECT_TRUE(names.insert(check.name).second) << check.name;
    EXPECT_FALSE(check.meaning.empty()) << check.name;
    EXPECT_TRUE(check.value) << check.name;
    EXPECT_LE(check.low, check.high) << check.name;
  }
}

TEST_P(EveryClaim, MeasuresDistinctPointsAtEveryScale) {
  for (const Scale scale : kScales) {
    const auto points = all_points(claim().designs(scale));
    std::set<std::string> keys;
    for (const auto& point : points) keys.insert(point.design + " " + point.describe());
    EXPECT_FALSE(points.empty());
    EXPECT_EQ(keys.size(), points.size()) << to_string(scale);
  }
}

TEST_P(EveryClaim, MeasuresMoreAtALargerScale) {
  // The same designs; along each axis at least as many values, and as many seeds.
  const auto sizes = [&](Scale scale) { return all_points(claim().designs(scale)).size(); };
  EXPECT_LE(sizes(Scale::quick), sizes(Scale::standard));
  EXPECT_LE(sizes(Scale::standard), sizes(Scale::full));
  EXPECT_LT(sizes(Scale::quick), sizes(Scale::full));
  const auto names = [&](Scale scale) {
    std::vector<std::string> result;
    for (const auto& design : claim().designs(scale)) result.push_back(design.name);
    return result;
  };
  EXPECT_EQ(names(Scale::quick), names(Scale::full));
  EXPECT_EQ(names(Scale::standard), names(Scale::full));
}

TEST_P(EveryClaim, FitsAMachineAtQuickScale) {
  for (const auto& point : all_points(claim().designs(Scale::quick))) {
    EXPECT_LE(claim().memory(point), std::uint64_t{1} << 29) << point.describe();
    EXPECT_GT(claim().memory(point), 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(All, EveryClaim, testing::ValuesIn(ids()), test_name);

}  // namespace
}  // namespace overparam::claims
