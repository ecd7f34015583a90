// SPDX-License-Identifier: Apache-2.0
// A theorem or lemma as something that can be measured and can fail.
//
// A claim measures points of a design (one run of the measurement each), fits its laws to the rows
// and holds its checks against them. The judgement is the same for all claims, so that none can be
// kinder to itself than another.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "overparam/claims/run_facts.hpp"
#include "overparam/linalg/fit.hpp"

namespace overparam::claims {

/// How much is measured: a few seconds, the documented default, or the whole grid.
enum class Scale { quick, standard, full };

using Values = std::map<std::string, double>;

/// One setting and the values it takes.
struct Axis {
  std::string name;
  std::vector<double> values;
};

/// A grid of points: the product of the axes, each point with `seeds` seeds.
struct Design {
  std::string name;
  Values fixed;
  std::vector<Axis> axes;
  int seeds = 1;
};

/// One point of a design: its settings, "seed" among them.
struct Point {
  std::string design;
  Values settings;

  [[nodiscard]] double at(const std::string& name) const;
  [[nodiscard]] double get(const std::string& name, double fallback) const;
  [[nodiscard]] std::int64_t integer(const std::string& name) const;
  [[nodiscard]] std::uint64_t seed() const;

  /// A text that names the point and nothing else: "m=512 delta=0.1 seed=3".
  [[nodiscard]] std::string describe() const;
};

/// The points of a design with seeds counted from `first_seed`.
std::vector<Point> points_of(const Design& design, std::uint64_t first_seed = 0);

/// What one measurement gave: the point's settings and the measured numbers, by name.
struct Row {
  std::string design;
  /// Of the perturbation: "adversarial", or "random", "gradient", "trajectory", which are typical;
  /// else empty.
  std::string family;
  Values values;

  [[nodiscard]] double at(const std::string& name) const;
  [[nodiscard]] bool has(const std::string& name) const { return values.contains(name); }
};

/// What an exponent is in the statement.
enum class Bound {
  upper,  ///< quantity <= C x^predicted
  lower,  ///< quantity >= c x^predicted
  exact,  ///< quantity ~ x^predicted
};

/// Where x goes when the statement is asymptotic.
enum class Limit { large, small };

/// A power law y ~ x^exponent fitted to the rows of one design.
struct Law {
  std::string name;
  std::string design;
  std::string family;  ///< empty: rows of every family
  std::string x;
  std::string y;
  double predicted = 0;
  Bound bound = Bound::upper;
  Limit limit = Limit::large;
  /// Which rows lie in the regime the law speaks of; null for all.
  std::function<bool(const Row&)> keep;
};

/// A number that must lie in an interval.
struct Check {
  std::string name;
  std::string meaning;  ///< where the interval comes from
  std::function<double(const std::vector<Row>&)> value;
  double low = 0;
  double high = 0;
};

enum class VerdictKind {
  /// A bound holds and its exponent is reached to 0.07: by the adversary where it is about every
  /// perturbation, for typical ones do not show what the worst can do. Of a claim: no bound that
  /// decides is loose.
  tight,
  consistent,           ///< a bound holds and the slope is not resolved, or an exact law is met
  loose,                ///< a bound holds, the measured exponent is better
  refuted,              ///< the interval lies beyond the bound by 0.1, or a check fails
  inconclusive,         ///< no interval, or one too wide to decide
  assumptions_not_met,  ///< the points do not satisfy what the statement asks for
};

/// Where a claim stands in the sources: what reports and docs/theory.md group by.
enum class Group {
  convergence,      ///< Theorems 1 and 2
  gradient,         ///< Theorem 3 and its Step 3
  semi_smoothness,  ///< Theorem 4
  losses,           ///< Theorem 5
  architectures,    ///< Theorems 6 and 7
  landscape,        ///< Figure 1
  initialisation,   ///< Appendix A
  stability,        ///< Appendix B
  tangent_kernel,   ///< Theorem 5 of arXiv v5, and what it is used for
  definitions,
  two_layer,   ///< Du et al. 2018
  neighbours,  ///< other works around the paper
};

struct FittedLaw {
  std::string name;
  std::string family;  ///< of its rows; one of a typical perturbation where they differ
  double predicted = 0;
  Bound bound = Bound::upper;
  double fitted = 0;
  linalg::Interval interval;
  double constant = 0;  ///< of the fit: y = constant * x^fitted
  std::int64_t points = 0;
  std::int64_t inside = 0;  ///< of the points, those inside the statement's window
  VerdictKind kind = VerdictKind::inconclusive;
  /// The fit's points, for the picture.
  std::string x_name, y_name;
  std::vector<double> x, y;
};

struct CheckResult {
  std::string name;
  std::string meaning;
  double measured = 0;
  double low = 0;
  double high = 0;
  bool holds = false;
};

struct Verdict {
  VerdictKind kind = VerdictKind::inconclusive;
  std::vector<FittedLaw> laws;
  std::vector<CheckResult> checks;
  std::string reason;
  std::int64_t seeds = 0;
  std::int64_t rows = 0;
  std::int64_t rows_inside = 0;  ///< inside the statement's window
};

/// Designs of a size that takes at most two seconds, and what they show.
struct Control {
  std::string description;
  std::vector<Design> designs;
  /// Names of checks it is silent on, because it leaves out what they look at.
  std::vector<std::string> without;
};

struct Claim {
  std::string id;  ///< "thm3-lower"
  Group group = Group::neighbours;
  std::string statement;  ///< as in the source, in one line of plain text
  std::string source;     ///< "Theorem 3, second inequality"
  std::string quantity;   ///< what is measured
  /// The conditions under which the source proves the statement, and how far from them a machine
  /// can measure.
  std::string window;
  /// Whether a row lies inside it, with 1 for the constants that the source leaves open; null where
  /// no row can.
  std::function<bool(const Row&)> inside_window;
  std::vector<VerdictKind> expected;
  /// Where refuted is expected: the laws and checks by which, so that a refutation by any other is
  /// none that is expected. Empty: by any.
  std::vector<std::string> refuted_by;

  std::function<std::vector<Design>(Scale)> designs;
  /// One point to rows. Pure: a function of the point alone, no files, no printing.
  std::function<std::vector<Row>(const Point&)> measure;
  /// Bytes one measurement takes, for the work queue.
  std::function<std::uint64_t(const Point&)> memory;
  /// Statistics over seeds or other combinations, before laws and checks; null for none.
  std::function<std::vector<Row>(const std::vector<Row>&)> summarise;
  std::vector<Law> laws;
  std::vector<Check> checks;

  Control positive_control;
  /// An assumption broken on purpose, or for a statement that is expected to be refuted the
  /// obstacle taken away: the verdict must leave `expected`.
  Control negative_control;

  /// What a user's own run shows of this claim; null where a single run says nothing.
  std::function<std::vector<CertificateLine>(const RunFacts&)> certify;

  /// Counts changes of `measure`, so that rows stored by an older version are measured again.
  int revision = 1;
};

/// All claims, in the order of the paper.
const std::vector<Claim>& claims();

/// @throws Error(usage) with the ids and "did you mean"
const Claim& find_claim(const std::string& id);

/// Fits the laws, holds the checks, and combines them: one refuted law or failed check refutes;
/// then any law or check that decides nothing makes it inconclusive. Else one loose law makes it
/// loose, then one tight law tight, and otherwise it is consistent. What counts for these are the
/// laws over the adversary's rows and over rows of no family; typical perturbations beside them,
/// "random" or "gradient" or "trajectory", cannot make a bound loose that the worst one attains,
/// and count where there is nothing else.
///
/// A law is refuted where its whole 95 % interval lies more than 0.1 beyond the bound, and decides
/// nothing where the interval has no ends or reaches 0.5 beyond it. It is tight within 0.07 of the
/// bound, never over typical perturbations, loose where the whole interval keeps the bound, and
/// else consistent.
Verdict judge(const Claim& claim, const std::vector<Row>& rows);

/// True if the verdict is one the claim expects; a refuted one, if it is `refuted_by` what the
/// claim says.
bool is_expected(const Claim& claim, const Verdict& verdict);

/// Measures and judges a few points here and now, one after another. Checks that the control is
/// `without` are left out.
Verdict run_control(const Claim& claim, const Control& control);

std::string to_string(VerdictKind kind);
std::string to_string(Bound bound);
std::string to_string(Scale scale);

/// "Theorem 3 · gradient bounds"
std::string to_string(Group group);
Scale parse_scale(const std::string& name);

}  // namespace overparam::claims
