// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/verification.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "json_fields.hpp"
#include "measuring.hpp"
#include "overparam/base/clock.hpp"
#include "overparam/base/text.hpp"
#include "overparam/study/run_record.hpp"

namespace overparam::study {

using claims::Claim;
using nlohmann::json;

namespace {

/// In the catalogue's order, whatever the order of the ids, so that groups stay together.
std::vector<const Claim*> chosen_claims(const std::vector<std::string>& only) {
  std::set<const Claim*> wanted;
  for (const auto& id : only) wanted.insert(&claims::find_claim(id));
  std::vector<const Claim*> chosen;
  for (const auto& claim : claims::claims()) {
    if (only.empty() || wanted.contains(&claim)) chosen.push_back(&claim);
  }
  return chosen;
}

std::string repeat_command(const Claim& claim, const VerifyOptions& options) {
  std::string command = fmt::format("overparam verify --only {}", claim.id);
  if (options.scale != claims::Scale::standard) {
    command += fmt::format(" --scale {}", claims::to_string(options.scale));
  }
  if (options.seed != 0) command += fmt::format(" --seed {}", options.seed);
  return command;
}

json to_json(const claims::FittedLaw& law) {
  return {{"name", law.name},
          {"predicted", law.predicted},
          {"bound", claims::to_string(law.bound)},
          {"fitted", finite_or_null(law.fitted)},
          {"low", finite_or_null(law.interval.low)},
          {"high", finite_or_null(law.interval.high)},
          {"constant", finite_or_null(law.constant)},
          {"points", law.points},
          {"inside_window", law.inside},
          {"verdict", claims::to_string(law.kind)}};
}

json to_json(const claims::CheckResult& check) {
  return {{"name", check.name},
          {"meaning", check.meaning},
          {"measured", finite_or_null(check.measured)},
          {"low", check.low},
          {"high", check.high},
          {"holds", check.holds}};
}

json to_json(const ClaimOutcome& outcome) {
  const Claim& claim = *outcome.claim;
  const auto& verdict = outcome.verdict;
  json expected = json::array();
  for (const auto kind : claim.expected) expected.push_back(claims::to_string(kind));
  json laws = json::array();
  for (const auto& law : verdict.laws) laws.push_back(to_json(law));
  json checks = json::array();
  for (const auto& check : verdict.checks) checks.push_back(to_json(check));
  return {{"id", claim.id},
          {"group", claims::to_string(claim.group)},
          {"statement", claim.statement},
          {"source", claim.source},
          {"quantity", claim.quantity},
          {"verdict", claims::to_string(verdict.kind)},
          {"expected", expected},
          {"as_expected", outcome.expected},
          {"reason", verdict.reason},
          {"laws", laws},
          {"checks", checks},
          {"inside_window", verdict.rows_inside},
          {"window", claim.window},
          {"seeds", verdict.seeds},
          {"rows", verdict.rows},
          {"repeat", outcome.repeat}};
}

}  // namespace

bool Verification::all_expected() const {
  return std::ranges::all_of(outcomes, [](const auto& outcome) { return outcome.expected; });
}

std::vector<Measurement> plan_verification(const VerifyOptions& options) {
  std::vector<Measurement> plan;
  for (const Claim* claim : chosen_claims(options.only)) {
    for (const auto& design : claim->designs(options.scale)) {
      for (const auto& point : claims::points_of(design, options.seed)) {
        const std::uint64_t bytes = claim->memory ? claim->memory(point) : 0;
        plan.push_back(measurement_of(claim->id, claim->revision, point, bytes, claim->measure));
      }
    }
  }
  return plan;
}

std::vector<ClaimOutcome> judge_measured(const VerifyOptions& options,
                                         const std::vector<Measured>& measured) {
  std::vector<ClaimOutcome> outcomes;
  for (const Claim* claim : chosen_claims(options.only)) {
    ClaimOutcome outcome{.claim = claim,
                         .rows = rows_of(measured, claim->id),
                         .repeat = repeat_command(*claim, options)};
    outcome.verdict = claims::judge(*claim, outcome.rows);
    outcome.expected = claims::is_expected(*claim, outcome.verdict);
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

Verification verify(const VerifyOptions& options, const Voice& voice) {
  const base::Stopwatch watch;
  const std::string what = fmt::format("{} claims at scale {}",
                                       chosen_claims(options.only).size(),
                                       claims::to_string(options.scale));
  const auto result =
      measure_all(plan_verification(options),
                  {.folder = options.folder, .threads = options.threads, .fresh = options.fresh},
                  what,
                  voice);
  return {.options = options,
          .outcomes = judge_measured(options, result.measured),
          .measured = result.now,
          .reused = result.reused,
          .seconds = watch.seconds(),
          .interrupted = result.interrupted};
}

json to_json(const Verification& verification) {
  json list = json::array();
  for (const auto& outcome : verification.outcomes) list.push_back(to_json(outcome));
  return {{"schema", kSchema},
          {"version", version()},
          {"kind", "verify"},
          {"scale", claims::to_string(verification.options.scale)},
          {"seed", verification.options.seed},
          {"claims", list},
          {"all_expected", verification.all_expected()},
          {"measured", verification.measured},
          {"reused", verification.reused},
          {"interrupted", verification.interrupted},
          {"seconds", verification.seconds},
          {"environment", environment_json()}};
}

std::string relation_of(claims::Bound bound) {
  return bound == claims::Bound::exact ? "law" : claims::to_string(bound) + " bound";
}

std::string verdict_counts(std::span<const ClaimOutcome> outcomes) {
  std::vector<std::string> parts;
  for (const auto kind : {claims::VerdictKind::tight,
                          claims::VerdictKind::consistent,
                          claims::VerdictKind::loose,
                          claims::VerdictKind::refuted,
                          claims::VerdictKind::inconclusive,
                          claims::VerdictKind::assumptions_not_met}) {
    const auto count = std::ranges::count_if(
        outcomes, [&](const auto& outcome) { return outcome.verdict.kind == kind; });
    if (count > 0) parts.push_back(fmt::format("{} {}", count, claims::to_string(kind)));
  }
  return base::join(parts, ", ");
}

report::Table verdict_table(std::span<const ClaimOutcome> outcomes) {
  report::Table table{
      .title = "Claims",
      .columns = {{"claim", "the entry's name; --only takes it"},
                  {"verdict", "over all laws and checks of the claim"},
                  {"law", "what is fitted, against what"},
                  {"bound", "the exponent the statement gives, and which side it binds"},
                  {"fitted", "the measured exponent", 3},
                  {"low", "95 % interval", 3},
                  {"high", "95 % interval", 3},
                  {"law's verdict", ""},
                  {"in window", "points inside the statement's window, of all"}}};
  for (const auto& outcome : outcomes) {
    const auto& verdict = outcome.verdict;
    const std::string mark = outcome.expected ? "" : " (unexpected)";
    report::Cell id = outcome.claim->id;
    report::Cell kind = claims::to_string(verdict.kind) + mark;
    if (verdict.rows == 0) {
      std::vector<report::Cell> cells{id, kind, verdict.reason};
      cells.resize(table.columns.size());
      table.add_row(std::move(cells));
    }
    for (const auto& law : verdict.laws) {
      table.add_row(
          {id,
           kind,
           law.name,
           fmt::format("{} {}", claims::to_string(law.bound), base::format_number(law.predicted)),
           law.fitted,
           law.interval.low,
           law.interval.high,
           claims::to_string(law.kind),
           fmt::format("{} of {}", law.inside, law.points)});
      id = std::monostate();
      kind = std::monostate();
    }
    for (const auto& check : verdict.checks) {
      table.add_row({id,
                     kind,
                     check.name,
                     "check",
                     check.measured,
                     check.low,
                     check.high,
                     check.holds ? "holds" : "fails",
                     fmt::format("{} of {}", verdict.rows_inside, verdict.rows)});
      id = std::monostate();
      kind = std::monostate();
    }
  }
  return table;
}

}  // namespace overparam::study
