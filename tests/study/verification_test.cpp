// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/verification.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "overparam/base/files.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/base/text.hpp"
#include "overparam/study/run_record.hpp"
#include "support/files.hpp"

namespace overparam::study {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using tests::expect_error;
using tests::TemporaryFolder;

/// The cheapest claim: three points of two milliseconds at quick scale.
constexpr const char* kClaim = "facts";

VerifyOptions options_for(const fs::path& folder) {
  return {.scale = claims::Scale::quick, .only = {kClaim}, .threads = 1, .folder = folder};
}

std::size_t num_points() {
  std::size_t count = 0;
  for (const auto& design : claims::find_claim(kClaim).designs(claims::Scale::quick)) {
    count += claims::points_of(design).size();
  }
  return count;
}

void rewrite(const fs::path& path, const std::vector<json>& lines) {
  std::string text;
  for (const auto& line : lines) text += line.dump() + '\n';
  tests::write_bytes(path, text);
}

TEST(Verify, MeasuresAndJudges) {
  const auto result = verify(options_for({}), {});
  ASSERT_EQ(result.outcomes.size(), 1u);
  const auto& outcome = result.outcomes[0];
  EXPECT_EQ(outcome.claim->id, kClaim);
  EXPECT_EQ(claims::to_string(outcome.verdict.kind), "consistent");
  EXPECT_TRUE(outcome.expected);
  EXPECT_TRUE(result.all_expected());
  EXPECT_EQ(outcome.rows.size(), num_points());
  EXPECT_EQ(result.measured, static_cast<std::int64_t>(num_points()));
  EXPECT_EQ(result.reused, 0);
  EXPECT_EQ(outcome.repeat, "overparam verify --only facts --scale quick");
}

TEST(Verify, WhatIsMeasuredOnceIsKept) {
  const TemporaryFolder folder;
  const auto options = options_for(folder.path());
  const auto first = verify(options, {});
  const auto second = verify(options, {});
  EXPECT_EQ(second.measured, 0);
  EXPECT_EQ(second.reused, first.measured);
  ASSERT_EQ(second.outcomes[0].rows.size(), first.outcomes[0].rows.size());
  for (std::size_t i = 0; i < first.outcomes[0].rows.size(); ++i) {
    EXPECT_EQ(second.outcomes[0].rows[i].values, first.outcomes[0].rows[i].values);
  }
  EXPECT_EQ(second.outcomes[0].verdict.reason, first.outcomes[0].verdict.reason);
}

TEST(Verify, FreshRowsAreThoseOfTheChosenClaimsAlone) {
  const TemporaryFolder folder;
  auto options = options_for(folder.path());
  const auto first = verify(options, {});
  const fs::path rows = folder / "rows.jsonl";
  auto lines = base::read_json_lines(rows);
  lines.push_back({{"key", "k"}, {"of", "another claim"}, {"rows", json::array()}});
  rewrite(rows, lines);
  options.fresh = true;
  EXPECT_EQ(verify(options, {}).measured, first.measured);
  const auto after = base::read_json_lines(rows);
  EXPECT_EQ(after.size(), lines.size());
  EXPECT_EQ(after.front().at("of"), "another claim");

  options.only = {"fcats"};
  expect_error(ErrorKind::usage, {"fcats", "facts"}, [&] { verify(options, {}); });
  EXPECT_EQ(base::read_json_lines(rows).size(), lines.size()) << "a refused line forgets nothing";
}

TEST(Verify, ALineCutInTheMiddleIsMeasuredAgain) {
  const TemporaryFolder folder;
  const auto options = options_for(folder.path());
  const auto first = verify(options, {});
  const std::string text = base::read_file(folder / "rows.jsonl");
  tests::write_bytes(folder / "rows.jsonl", text.substr(0, text.size() - 40));
  const auto second = verify(options, {});
  EXPECT_EQ(second.measured, 1);
  EXPECT_EQ(second.reused, first.measured - 1);
  EXPECT_EQ(second.outcomes[0].rows.size(), first.outcomes[0].rows.size());
  EXPECT_EQ(base::read_json_lines(folder / "rows.jsonl").size(), num_points());
  EXPECT_EQ(verify(options, {}).measured, 0);
}

TEST(Verify, RowsOfAnotherRevisionAreNotThese) {
  // A row's key is that of claim, revision, design and settings.
  const TemporaryFolder folder;
  const auto options = options_for(folder.path());
  verify(options, {});
  const auto& claim = claims::find_claim(kClaim);
  const auto key_of = [&](int revision, const claims::Point& point) {
    return base::stable_key(
        fmt::format("{}|{}|{}|{}", claim.id, revision, point.design, point.describe()));
  };
  std::set<std::string> current;
  std::vector<std::string> former;
  for (const auto& design : claim.designs(claims::Scale::quick)) {
    for (const auto& point : claims::points_of(design)) {
      current.insert(key_of(claim.revision, point));
      former.push_back(key_of(claim.revision - 1, point));
    }
  }
  auto lines = base::read_json_lines(folder / "rows.jsonl");
  std::set<std::string> stored;
  for (const auto& line : lines) stored.insert(line.at("key"));
  EXPECT_EQ(stored, current);

  for (std::size_t i = 0; i < lines.size(); ++i) {
    lines[i]["key"] = former[i];
    lines[i]["rows"][0]["values"]["gradient_difference"] = 1e9;
  }
  rewrite(folder / "rows.jsonl", lines);
  const auto again = verify(options, {});
  EXPECT_EQ(again.reused, 0);
  EXPECT_EQ(claims::to_string(again.outcomes[0].verdict.kind), "consistent");
}

TEST(Verify, StoredRowsAreWhatIsJudged) {
  const TemporaryFolder folder;
  const auto options = options_for(folder.path());
  verify(options, {});
  auto lines = base::read_json_lines(folder / "rows.jsonl");
  lines[0]["rows"][0]["values"]["gradient_difference"] = 0.5;
  rewrite(folder / "rows.jsonl", lines);
  const auto result = verify(options, {});
  EXPECT_EQ(claims::to_string(result.outcomes[0].verdict.kind), "refuted");
  EXPECT_FALSE(result.outcomes[0].expected);
  EXPECT_FALSE(result.all_expected());
}

TEST(Verify, ALineThatIsThereTwiceCountsOnce) {
  const TemporaryFolder folder;
  const auto options = options_for(folder.path());
  const auto first = verify(options, {});
  auto lines = base::read_json_lines(folder / "rows.jsonl");
  lines.push_back(lines.front());
  rewrite(folder / "rows.jsonl", lines);
  EXPECT_EQ(verify(options, {}).outcomes[0].rows.size(), first.outcomes[0].rows.size());
}

TEST(Verify, AClaimAskedForTwiceIsMeasuredOnce) {
  auto options = options_for({});
  options.only = {kClaim, kClaim};
  const auto result = verify(options, {});
  EXPECT_EQ(result.outcomes.size(), 1u);
  EXPECT_EQ(result.measured, static_cast<std::int64_t>(num_points()));
}

TEST(Verify, ADamagedLineIsNamed) {
  const TemporaryFolder folder;
  for (const char* line : {"{}\n",
                           "{\"key\": \"a\"}\n",
                           "[]\n",
                           "nonsense\n",
                           "{\"key\": \"a\", \"rows\": [{\"design\": 1}]}\n"}) {
    tests::write_bytes(folder / "rows.jsonl", line);
    expect_error(ErrorKind::data, {"rows.jsonl"}, [&] { verify(options_for(folder.path()), {}); });
  }
}

TEST(Verify, AnotherSeedIsAnotherMeasurement) {
  const TemporaryFolder folder;
  auto options = options_for(folder.path());
  verify(options, {});
  options.seed = 1'000;
  const auto other = verify(options, {});
  EXPECT_EQ(other.reused, 0);
  EXPECT_EQ(other.outcomes[0].rows.front().at("seed"), 1'000);
  EXPECT_EQ(other.outcomes[0].repeat, "overparam verify --only facts --scale quick --seed 1000");
  options.seed = 0;
  options.scale = claims::Scale::standard;
  EXPECT_EQ(verify(options, {}).reused, static_cast<std::int64_t>(num_points()))
      << "the larger scale has the same points among its own";
}

TEST(Verify, AnInterruptJudgesNothingThatWasNotMeasured) {
  const TemporaryFolder folder;
  base::set_interrupt(2);
  const auto stopped = verify(options_for(folder.path()), {});
  base::set_interrupt(0);
  EXPECT_TRUE(stopped.interrupted);
  EXPECT_EQ(stopped.measured, 0);
  EXPECT_EQ(claims::to_string(stopped.outcomes[0].verdict.kind), "inconclusive");
  EXPECT_FALSE(stopped.all_expected());
  EXPECT_EQ(verify(options_for(folder.path()), {}).measured,
            static_cast<std::int64_t>(num_points()));
}

TEST(Verify, AnUnknownClaimIsNamed) {
  auto options = options_for({});
  options.only = {"fact"};
  expect_error(
      ErrorKind::usage, {"\"fact\"", "did you mean \"facts\""}, [&] { verify(options, {}); });
}

TEST(Verify, TheDocumentHoldsLawsAndChecks) {
  const auto result = verify(options_for({}), {});
  const auto document = to_json(result);
  EXPECT_EQ(document.at("schema"), kSchema);
  EXPECT_EQ(document.at("kind"), "verify");
  EXPECT_EQ(document.at("scale"), "quick");
  EXPECT_EQ(document.at("all_expected"), true);
  const auto& claim = document.at("claims").at(0);
  EXPECT_EQ(claim.at("id"), kClaim);
  EXPECT_EQ(claim.at("verdict"), "consistent");
  EXPECT_EQ(claim.at("expected"), (json{"consistent"}));
  EXPECT_EQ(claim.at("checks").size(), claims::find_claim(kClaim).checks.size());
  EXPECT_EQ(claim.at("checks").at(0).at("holds"), true);
  EXPECT_EQ(claim.at("inside_window"), claim.at("rows"));

  const auto table = verdict_table(result.outcomes);
  EXPECT_EQ(table.rows.size(), claims::find_claim(kClaim).checks.size());
  EXPECT_EQ(std::get<std::string>(table.rows[0][0]), kClaim);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(table.rows[1][0]));
}

TEST(PlanVerification, KeepsTheCataloguesOrder) {
  const auto outcomes = judge_measured({.only = {"du-l3.3", "facts", "du-l4.1", "facts"}}, {});
  std::vector<std::string> ids;
  for (const auto& outcome : outcomes) ids.push_back(outcome.claim->id);
  EXPECT_EQ(ids, (std::vector<std::string>{"facts", "du-l3.3", "du-l4.1"}));
}

}  // namespace
}  // namespace overparam::study
