// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <span>

#include "overparam/base/text.hpp"
#include "overparam/study/verification.hpp"

namespace overparam::study {

namespace {

using base::format_number;

/// The points of a law, its fit, and the line with the predicted slope through their middle.
report::Figure law_figure(const claims::Claim& claim,
                          const claims::FittedLaw& law,
                          std::size_t index) {
  report::Figure figure{.id = fmt::format("{}-{}", claim.id, index),
                        .title = law.name,
                        .caption = fmt::format("Exponent {} [{}, {}], {} {}: {}.",
                                               format_number(law.fitted),
                                               format_number(law.interval.low),
                                               format_number(law.interval.high),
                                               relation_of(law.bound),
                                               format_number(law.predicted),
                                               claims::to_string(law.kind)),
                        .x = {.label = law.x_name, .logarithmic = true},
                        .y = {.label = law.y_name, .logarithmic = true}};
  figure.series.push_back(
      {.name = "measured", .x = law.x, .y = law.y, .mark = report::Mark::points});
  const auto [least, most] = std::ranges::minmax(law.x);
  const auto line = [&](double constant, double exponent) {
    return std::vector<double>{constant * std::pow(least, exponent),
                               constant * std::pow(most, exponent)};
  };
  figure.series.push_back({.name = fmt::format("fit, exponent {}", format_number(law.fitted)),
                           .x = {least, most},
                           .y = line(law.constant, law.fitted)});
  const double middle = std::sqrt(least * most);
  const double through_middle = law.constant * std::pow(middle, law.fitted - law.predicted);
  figure.series.push_back({.name = fmt::format("exponent {}", format_number(law.predicted)),
                           .x = {least, most},
                           .y = line(through_middle, law.predicted),
                           .dashed = true,
                           .reference = true});
  return figure;
}

report::Table check_table(const std::string& claim, const claims::Verdict& verdict) {
  report::Table table{.title = "Checks of " + claim,
                      .columns = {{"check", ""},
                                  {"measured", "", 3},
                                  {"low", "", 3},
                                  {"high", "", 3},
                                  {"holds", ""},
                                  {"where the interval comes from", ""}}};
  for (const auto& check : verdict.checks) {
    table.add_row({check.name,
                   check.measured,
                   check.low,
                   check.high,
                   check.holds ? "yes" : "no",
                   check.meaning});
  }
  return table;
}

/// The outcomes of one group of claims; the catalogue keeps them together.
using GroupOutcomes = std::span<const ClaimOutcome>;

std::vector<GroupOutcomes> by_group(std::span<const ClaimOutcome> outcomes) {
  std::vector<GroupOutcomes> groups;
  while (!outcomes.empty()) {
    const auto group = outcomes.front().claim->group;
    const auto end = std::ranges::find_if(
        outcomes, [&](const auto& outcome) { return outcome.claim->group != group; });
    const auto size = static_cast<std::size_t>(end - outcomes.begin());
    groups.push_back(outcomes.first(size));
    outcomes = outcomes.subspan(size);
  }
  return groups;
}

std::string name_of(GroupOutcomes group) { return claims::to_string(group.front().claim->group); }

/// The claim's statement, what was measured, and its fits and checks.
void add_claim(const ClaimOutcome& outcome, std::vector<report::Block>& blocks) {
  const auto& claim = *outcome.claim;
  const auto& verdict = outcome.verdict;
  blocks.push_back(report::Heading{
      .text = fmt::format("{} · {} · {}", claim.id, claim.source, claims::to_string(verdict.kind)),
      .minor = true});
  blocks.push_back(report::Paragraph{claim.statement + "."});
  blocks.push_back(report::Paragraph{
      fmt::format("Measured: {}; {} rows over {} seeds, {} of them inside the statement's window "
                  "({}). The negative control: {}.",
                  claim.quantity,
                  verdict.rows,
                  verdict.seeds,
                  verdict.rows_inside,
                  claim.window,
                  claim.negative_control.description)});
  for (std::size_t i = 0; i < verdict.laws.size(); ++i) {
    const auto& law = verdict.laws[i];
    if (law.points > 0) blocks.push_back(law_figure(claim, law, i));
  }
  if (!verdict.checks.empty()) blocks.push_back(check_table(claim.id, verdict));
  blocks.push_back(report::Command{outcome.repeat});
}

report::KeyNumbers key_numbers(const Verification& verification) {
  const auto& outcomes = verification.outcomes;
  const auto expected =
      std::ranges::count_if(outcomes, [](const auto& outcome) { return outcome.expected; });
  return {.items = {{"verdicts as expected",
                     fmt::format("{} of {}", expected, outcomes.size()),
                     verdict_counts(outcomes)},
                    {"measurements",
                     base::format_count(verification.measured + verification.reused),
                     fmt::format("scale {}, first seed {}",
                                 claims::to_string(verification.options.scale),
                                 verification.options.seed)}}};
}

}  // namespace

report::Page verification_page(const Verification& verification) {
  report::Page page{.title = "Claims verified",
                    .subtitle = fmt::format("scale {}, {} measurements, {}",
                                            claims::to_string(verification.options.scale),
                                            verification.measured + verification.reused,
                                            base::format_seconds(verification.seconds))};
  page.blocks.push_back(key_numbers(verification));
  page.blocks.push_back(report::Paragraph{
      "Each row is a power law fitted to measurements, or a number that must lie in an interval. A "
      "bound is **tight** when the measured exponent reaches it, **loose** when the measurement "
      "does better, **refuted** when the 95 % interval lies beyond it. Nothing here is proved: no "
      "machine can hold the widths the theorems ask for, and each claim says how far from them it "
      "was measured."});
  const auto groups = by_group(verification.outcomes);
  page.blocks.push_back(report::Heading{.text = "All laws and checks"});
  for (const auto& group : groups) {
    report::Table table = verdict_table(group);
    table.title = name_of(group);
    page.blocks.push_back(std::move(table));
  }
  for (const auto& group : groups) {
    page.blocks.push_back(report::Heading{.text = name_of(group)});
    for (const auto& outcome : group) add_claim(outcome, page.blocks);
  }
  return page;
}

}  // namespace overparam::study
