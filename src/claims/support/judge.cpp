// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/claims/claim.hpp"

namespace overparam::claims {

namespace {

constexpr double kTightExponent = 0.07;
constexpr double kRefutingExponent = 0.1;
/// An interval that reaches this far beyond a bound, or this far on either side of an exact law,
/// decides nothing.
constexpr double kUndecidedExponent = 0.5;

/// +1 where a larger exponent than predicted breaks the bound, -1 where a smaller one does: y <= C
/// x^p fails for large x with a larger exponent, for small x with a smaller one.
double breaking_direction(Bound bound, Limit limit) {
  return (bound == Bound::upper) == (limit == Limit::large) ? 1 : -1;
}

/// Whether the rows of a family show what usually happens, in place of what happens at worst.
bool is_typical(const std::string& family) { return !family.empty() && family != "adversarial"; }

VerdictKind judge_exponent(const Law& law, const std::string& family, const linalg::PowerLaw& fit) {
  if (!std::isfinite(fit.interval.low) || !std::isfinite(fit.interval.high)) {
    return VerdictKind::inconclusive;
  }
  const auto [low, high] = fit.interval;
  const bool near = std::abs(fit.exponent - law.predicted) <= kTightExponent;
  if (law.bound == Bound::exact) {
    if (low > law.predicted + kRefutingExponent || high < law.predicted - kRefutingExponent) {
      return VerdictKind::refuted;
    }
    const bool covered = low <= law.predicted && law.predicted <= high;
    const bool wide = high - low > 2 * kUndecidedExponent;
    return (near || covered) && !wide ? VerdictKind::consistent : VerdictKind::inconclusive;
  }
  // How far beyond the bound the fit and the ends of its interval lie; negative is inside.
  const double direction = breaking_direction(law.bound, law.limit);
  const double nearest =
      std::min(direction * (low - law.predicted), direction * (high - law.predicted));
  const double farthest =
      std::max(direction * (low - law.predicted), direction * (high - law.predicted));
  if (nearest > kRefutingExponent) return VerdictKind::refuted;
  if (farthest > kUndecidedExponent) return VerdictKind::inconclusive;
  if (near && !is_typical(family)) return VerdictKind::tight;
  return farthest < 0 ? VerdictKind::loose : VerdictKind::consistent;
}

FittedLaw fit_law(const Law& law, const Claim& claim, const std::vector<Row>& rows) {
  FittedLaw fitted{.name = law.name,
                   .family = law.family,
                   .predicted = law.predicted,
                   .bound = law.bound,
                   .x_name = law.x,
                   .y_name = law.y};
  for (const auto& row : rows) {
    const bool belongs =
        row.design == law.design && (law.family.empty() || row.family == law.family);
    if (!belongs || !row.has(law.x) || !row.has(law.y) || (law.keep && !law.keep(row))) continue;
    if (!is_typical(fitted.family)) fitted.family = row.family;
    fitted.x.push_back(row.at(law.x));
    fitted.y.push_back(row.at(law.y));
    if (claim.inside_window && claim.inside_window(row)) ++fitted.inside;
  }
  const auto fit = linalg::fit_power_law(fitted.x, fitted.y);
  fitted.fitted = fit.exponent;
  fitted.interval = fit.interval;
  fitted.constant = fit.constant;
  fitted.points = fit.points;
  fitted.kind = judge_exponent(law, fitted.family, fit);
  return fitted;
}

CheckResult hold(const Check& check, const std::vector<Row>& rows) {
  const double measured = check.value(rows);
  return {.name = check.name,
          .meaning = check.meaning,
          .measured = measured,
          .low = check.low,
          .high = check.high,
          .holds = check.low <= measured && measured <= check.high};
}

std::string describe(const FittedLaw& law) {
  const char* relation = law.bound == Bound::exact ? "law" : "bound";
  return fmt::format("{}: exponent {:.2f} [{:.2f}, {:.2f}] against the {} {:.3g}, {}",
                     law.name,
                     law.fitted,
                     law.interval.low,
                     law.interval.high,
                     relation,
                     law.predicted,
                     to_string(law.kind));
}

std::string describe(const CheckResult& check) {
  return fmt::format("{}: {} outside [{}, {}] ({})",
                     check.name,
                     base::format_number(check.measured),
                     base::format_number(check.low),
                     base::format_number(check.high),
                     check.meaning);
}

/// The laws that say whether a bound that holds is attained: all but those over typical
/// perturbations, or all where there are no others.
std::vector<FittedLaw> deciding_laws(const std::vector<FittedLaw>& laws) {
  std::vector<FittedLaw> deciding;
  std::ranges::copy_if(
      laws, std::back_inserter(deciding), [](const auto& law) { return !is_typical(law.family); });
  return deciding.empty() ? laws : deciding;
}

bool any(const std::vector<FittedLaw>& laws, VerdictKind kind) {
  return std::ranges::any_of(laws, [kind](const auto& law) { return law.kind == kind; });
}

/// The kinds from what decides first to what decides last.
VerdictKind combine(const Verdict& verdict) {
  const auto is_unknown = [](const auto& check) { return std::isnan(check.measured); };
  const bool failed = std::ranges::any_of(
      verdict.checks, [&](const auto& check) { return !check.holds && !is_unknown(check); });
  if (failed || any(verdict.laws, VerdictKind::refuted)) return VerdictKind::refuted;
  const bool open = std::ranges::any_of(verdict.checks, is_unknown);
  if (open || any(verdict.laws, VerdictKind::inconclusive)) return VerdictKind::inconclusive;
  const auto deciding = deciding_laws(verdict.laws);
  for (const auto kind : {VerdictKind::loose, VerdictKind::tight}) {
    if (any(deciding, kind)) return kind;
  }
  return VerdictKind::consistent;
}

std::string reason_for(const Verdict& verdict) {
  std::vector<std::string> parts;
  for (const auto& check : verdict.checks) {
    if (!check.holds) parts.push_back(describe(check));
  }
  const bool is_fault =
      verdict.kind == VerdictKind::refuted || verdict.kind == VerdictKind::inconclusive;
  for (const auto& law : is_fault ? verdict.laws : deciding_laws(verdict.laws)) {
    if (law.kind == verdict.kind) parts.push_back(describe(law));
  }
  if (parts.empty()) parts.push_back(fmt::format("all {} checks hold", verdict.checks.size()));
  return base::join(parts, "; ");
}

}  // namespace

Verdict judge(const Claim& claim, const std::vector<Row>& rows) {
  Verdict verdict;
  std::set<double> seeds;
  for (const auto& row : rows) {
    if (row.has("seed")) seeds.insert(row.at("seed"));
    if (claim.inside_window && claim.inside_window(row)) ++verdict.rows_inside;
  }
  verdict.seeds = static_cast<std::int64_t>(seeds.size());
  verdict.rows = static_cast<std::int64_t>(rows.size());
  if (rows.empty()) {
    verdict.reason = "nothing was measured";
    return verdict;
  }
  const auto summary = claim.summarise ? claim.summarise(rows) : rows;
  for (const auto& law : claim.laws) verdict.laws.push_back(fit_law(law, claim, summary));
  for (const auto& check : claim.checks) verdict.checks.push_back(hold(check, summary));
  verdict.kind = combine(verdict);
  verdict.reason = reason_for(verdict);
  return verdict;
}

bool is_expected(const Claim& claim, const Verdict& verdict) {
  const auto is_named = [&](const std::string& name) {
    return std::ranges::find(claim.refuted_by, name) != claim.refuted_by.end();
  };
  const bool has_kind = std::ranges::find(claim.expected, verdict.kind) != claim.expected.end();
  if (verdict.kind != VerdictKind::refuted || claim.refuted_by.empty()) return has_kind;
  const auto is_foreseen = [&](const auto& law) {
    return law.kind != VerdictKind::refuted || is_named(law.name);
  };
  const auto holds_or_named = [&](const auto& check) {
    return check.holds || is_named(check.name);
  };
  return has_kind && std::ranges::all_of(verdict.laws, is_foreseen) &&
         std::ranges::all_of(verdict.checks, holds_or_named);
}

Verdict run_control(const Claim& claim, const Control& control) {
  std::vector<Row> rows;
  for (const auto& design : control.designs) {
    for (const auto& point : points_of(design)) {
      const auto measured = claim.measure(point);
      rows.insert(rows.end(), measured.begin(), measured.end());
    }
  }
  Claim judged = claim;
  std::erase_if(judged.checks, [&](const auto& check) {
    return std::ranges::find(control.without, check.name) != control.without.end();
  });
  return judge(judged, rows);
}

}  // namespace overparam::claims
