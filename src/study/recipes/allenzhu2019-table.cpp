// SPDX-License-Identifier: Apache-2.0
// Every theorem and lemma of Allen-Zhu, Li, Song 2019 as one table: the exponent that a statement
// gives beside the one that is measured. The measurements and the judge are those of `verify`.
#include <algorithm>
#include <cmath>
#include <optional>

#include "overparam/base/text.hpp"
#include "overparam/study/recipe.hpp"
#include "overparam/study/verification.hpp"

namespace overparam::study {

namespace {

/// The claims of the paper itself come before those of other works.
std::vector<std::string> claims_of_the_paper() {
  std::vector<std::string> ids;
  for (const auto& claim : claims::claims()) {
    if (claim.group < claims::Group::two_layer) ids.push_back(claim.id);
  }
  return ids;
}

VerifyOptions verification_of(const ReproduceOptions& options) {
  return {.scale = options.scale, .only = claims_of_the_paper(), .seed = options.seed};
}

/// A claim is met where its verdict is one that it expects. Its own row comes first, then its laws,
/// each with its part of the verdict.
void add_comparisons(const ClaimOutcome& outcome, std::vector<Comparison>& comparisons) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const auto& claim = *outcome.claim;
  const auto& verdict = outcome.verdict;
  const auto held =
      std::ranges::count_if(verdict.checks, [](const auto& check) { return check.holds; });
  comparisons.push_back(
      {.group = claims::to_string(claim.group),
       .quantity = fmt::format("{}: {} of {} checks hold", claim.id, held, verdict.checks.size()),
       .against = claim.source,
       .published = kNone,
       .measured = kNone,
       .interval = {.low = kNone, .high = kNone},
       .criterion = "verdict " + claims::to_string(verdict.kind),
       .met = outcome.expected});
  for (const auto& law : verdict.laws) {
    comparisons.push_back({.group = claims::to_string(claim.group),
                           .quantity = fmt::format("{}: {}", claim.id, law.name),
                           .against = relation_of(law.bound),
                           .published = law.predicted,
                           .measured = law.fitted,
                           .interval = law.interval,
                           .criterion = claims::to_string(law.kind)});
  }
}

/// Every exponent beside the statement's, over all claims: on the diagonal a bound is attained.
report::Figure exponents_figure(const std::vector<ClaimOutcome>& outcomes) {
  report::Figure figure{
      .id = "exponents",
      .title = "Fitted exponents against the statements'",
      .caption =
          "Each point is a law with its 95 % interval. Where its variable grows, an upper bound is "
          "kept on or below the line and a lower bound on or above it; where it goes to zero, "
          "as delta does, the other way round. An exact law lies on the line.",
      .x = {.label = "exponent of the statement"},
      .y = {.label = "fitted exponent"}};
  double least = 0, most = 0;
  for (const auto bound : {claims::Bound::upper, claims::Bound::lower, claims::Bound::exact}) {
    report::Series series{.name = relation_of(bound), .mark = report::Mark::points};
    for (const auto& outcome : outcomes) {
      for (const auto& law : outcome.verdict.laws) {
        if (law.bound != bound || !std::isfinite(law.fitted)) continue;
        series.x.push_back(law.predicted);
        series.y.push_back(law.fitted);
        series.low.push_back(law.interval.low);
        series.high.push_back(law.interval.high);
        least = std::min({least, law.predicted, law.fitted});
        most = std::max({most, law.predicted, law.fitted});
      }
    }
    if (!series.x.empty()) figure.series.push_back(std::move(series));
  }
  figure.series.push_back(
      {.name = "equal", .x = {least, most}, .y = {least, most}, .dashed = true, .reference = true});
  return figure;
}

std::string finding_of(const std::vector<ClaimOutcome>& outcomes) {
  const auto unexpected =
      std::ranges::count_if(outcomes, [](const auto& outcome) { return !outcome.expected; });
  return fmt::format(
      "Of {} statements: {}; {} with a verdict that is not expected of them, which counts as "
      "missed. A bound is tight where its "
      "exponent is attained, loose where the measurement does better. Nothing is proved by a run: "
      "no machine holds the widths that the theorems ask for.",
      outcomes.size(),
      verdict_counts(outcomes),
      unexpected);
}

Conclusion conclude(const ReproduceOptions& options, const std::vector<Measured>& measured) {
  const auto verification = verification_of(options);
  const auto outcomes = judge_measured(verification, measured);
  Conclusion conclusion{.findings = {finding_of(outcomes)}};
  for (const auto& outcome : outcomes) add_comparisons(outcome, conclusion.comparisons);
  conclusion.blocks.emplace_back(exponents_figure(outcomes));
  conclusion.data = verdict_table(outcomes);
  return conclusion;
}

}  // namespace

Recipe allenzhu2019_table() {
  return {
      .name = "allenzhu2019-table",
      .title = "The statements of Allen-Zhu, Li, Song 2019",
      .source =
          "Allen-Zhu, Li, Song: A Convergence Theory for Deep Learning via "
          "Over-Parameterization (ICML 2019, arXiv 1811.03962): exponents of every theorem and "
          "lemma, given and fitted",
      .cost = "as overparam verify: quick 75 s, standard 7 min, full about an hour",
      .plan =
          [](const ReproduceOptions& options) {
            return plan_verification(verification_of(options));
          },
      .conclude = conclude,
  };
}

}  // namespace overparam::study
