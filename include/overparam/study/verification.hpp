// SPDX-License-Identifier: Apache-2.0
// Measures the designs of claims, judges them, and keeps what was measured.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "overparam/claims/claim.hpp"
#include "overparam/report/page.hpp"
#include "overparam/study/measurement.hpp"
#include "overparam/study/voice.hpp"

namespace overparam::study {

struct VerifyOptions {
  claims::Scale scale = claims::Scale::standard;
  std::vector<std::string> only;  ///< claim ids; empty: all
  std::uint64_t seed = 0;         ///< the first seed of every design
  int threads = 0;
  std::filesystem::path folder;  ///< where rows are kept; empty: nowhere
  bool fresh = false;            ///< what the folder holds of these claims is measured again
};

struct ClaimOutcome {
  const claims::Claim* claim = nullptr;
  claims::Verdict verdict;
  std::vector<claims::Row> rows;
  bool expected = false;  ///< the verdict is one the claim expects
  std::string repeat;     ///< the command that measures this claim again
};

struct Verification {
  VerifyOptions options;
  std::vector<ClaimOutcome> outcomes;
  std::int64_t measured = 0;  ///< points measured now
  std::int64_t reused = 0;    ///< points found in the folder
  double seconds = 0;
  bool interrupted = false;

  [[nodiscard]] bool all_expected() const;
};

/// The points of the chosen claims' designs.
std::vector<Measurement> plan_verification(const VerifyOptions& options);

/// The verdicts on what was measured, one a chosen claim.
std::vector<ClaimOutcome> judge_measured(const VerifyOptions& options,
                                         const std::vector<Measured>& measured);

/// Runs every point that the folder does not hold yet, side by side, and judges each claim. A point
/// is known by a hash of claim, revision, design and settings, so a killed verification goes on
/// where it was and a finished one is not repeated.
Verification verify(const VerifyOptions& options, const Voice& voice);

nlohmann::json to_json(const Verification& verification);

/// A row for each law and each check of these claims: verdict, exponents, points inside the window.
report::Table verdict_table(std::span<const ClaimOutcome> outcomes);

/// How many claims have each verdict: "8 tight, 25 consistent".
std::string verdict_counts(std::span<const ClaimOutcome> outcomes);

/// "law", "upper bound" or "lower bound".
std::string relation_of(claims::Bound bound);

/// A table for each group of claims, then each claim with its fits.
report::Page verification_page(const Verification& verification);

}  // namespace overparam::study
