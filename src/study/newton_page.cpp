// SPDX-License-Identifier: Apache-2.0
#include "newton_page.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "overparam/base/text.hpp"

namespace overparam::study {

namespace {

using base::format_number;
using report::Cell;
using report::Paragraph;

bool is_newton(const RunRecord& record) { return record.facts.method == "gauss-newton"; }

/// Beyond this a ratio tells only how exactly the linear system was solved.
constexpr double kTellingRatio = 1e3;

constexpr std::size_t kLongTable = 40;

Cell ratio_cell(const train::TrajectoryPoint& point) {
  const double ratio = point.objective / point.newton->predicted;
  return ratio <= kTellingRatio ? Cell(ratio) : Cell();
}

/// A cell of a number that is measured at some of the steps only.
Cell cell_if(bool measured, double value) {
  return measured && std::isfinite(value) ? Cell(value) : Cell();
}

double most_flipped(const train::TrajectoryPoint& point) {
  return point.sign_changes.empty() ? std::numeric_limits<double>::quiet_NaN()
                                    : *std::ranges::max_element(point.sign_changes);
}

/// "[1.41, 1.62]"
std::string text_of(const linalg::Interval& interval) {
  return fmt::format("[{}, {}]", format_number(interval.low), format_number(interval.high));
}

bool contains(const linalg::Interval& interval, double value) {
  return interval.low <= value && value <= interval.high;
}

/// lambda_max / lambda_min of K at the start; 0 where it was not measured, or K is singular.
double initial_condition(const RunRecord& record) {
  const auto& spectrum = record.facts.initial.spectrum;
  return spectrum.empty() || !(spectrum.front() > 0) ? 0 : spectrum.back() / spectrum.front();
}

bool has_kinks(const RunRecord& record) {
  const auto& trajectory = record.facts.trajectory;
  return !trajectory.empty() && !trajectory.back().sign_changes.empty();
}

/// What gradient descent would need for the same.
std::string descent_text(const RunRecord& record) {
  const double condition = initial_condition(record);
  const std::string rate =
      "gradient descent with step 1/lambda_max needs about lambda_max/lambda_min steps for each "
      "factor e in the slowest part of the residual";
  if (condition == 0) return "For comparison: " + rate + ".";
  const auto& facts = record.facts;
  const std::string of_samples =
      facts.initial.num_samples < facts.n
          ? fmt::format(" (K of {} samples)", base::format_count(facts.initial.num_samples))
          : "";
  return fmt::format("For comparison: {}, here {} steps at the start{}.",
                     rate,
                     format_number(condition),
                     of_samples);
}

/// Short and exact, with this run's own numbers.
Paragraph explanation(const RunRecord& record) {
  const auto& facts = record.facts;
  if (record.stopped_by == "stationary") {
    return {
        "**Why it ends above 0.** The outputs move by J ΔW, and hence only within the range of K = "
        "J Jᵀ. What is left of F's gradient in the outputs lies outside it, or so near its edge "
        "that signs flip before a step gains anything. Samples in conflict force the first; too "
        "few weights for the samples bring either."};
  }
  const std::string course = fmt::format("{} steps took F from {} to {}.",
                                         base::format_count(facts.steps),
                                         format_number(facts.initial_objective),
                                         format_number(facts.final_objective));
  const std::string samples =
      facts.batch_size == facts.n ? "" : " Each step does so for the samples of its batch.";
  if (facts.loss != "squared") {
    return {fmt::format(
        "**Why it works.** A small step ΔW moves the outputs by J ΔW. The step minimises the "
        "loss's quadratic model in the n d outputs over all such moves, and its linear system has "
        "one unknown for each of them.{} A loss whose minimum lies at infinity, such as the "
        "cross-entropy, still falls by a factor with each step: {}",
        samples,
        course)};
  }
  const std::string drift = record.regime.is_measured()
                                ? fmt::format(" (here by {} % of its norm from start to end)",
                                              format_number(100 * record.regime.drift))
                                : "";
  return {fmt::format(
      "**Why it works.** A small step ΔW moves the outputs by J ΔW. The kernel K = J Jᵀ is "
      "positive definite when no two inputs are parallel and the network is wide, and it changes "
      "little near the initial weights{}; each step takes it anew. The system K a = f − y* has one "
      "unknown for each of the n d outputs, and the step ΔW = −Jᵀ a lands where the linearised "
      "network has F = 0.{} What a step leaves is the part of the outputs' change that is not "
      "linear in ΔW, which shrinks faster than the step itself: {} {}",
      drift,
      samples,
      course,
      descent_text(record))};
}

}  // namespace

bool has_newton_steps(const RunRecord& record) {
  return is_newton(record) && record.facts.batch_size == record.facts.n &&
         record.facts.trajectory.size() > 1;
}

report::Figure newton_figure(const RunRecord& record) {
  report::Figure figure{
      .id = "steps",
      .title = "Each step, predicted and real",
      .caption =
          "F after each step, and what the network linearised before the step predicted for it. "
          "At first the network is not linear over a step as long, and F stays far above; where "
          "the two meet, all that is left is what the linear solve left, or what no step can "
          "reach. A straight line on this scale would be a linear rate; a curve that bends down is "
          "faster.",
      .x = {.label = "step"},
      .y = {.label = "objective F", .logarithmic = true}};
  report::Series real{.name = "measured", .mark = report::Mark::line_and_points};
  report::Series predicted{
      .name = "predicted", .mark = report::Mark::line_and_points, .dashed = true};
  for (const auto& point : record.facts.trajectory) {
    const auto step = static_cast<double>(point.step);
    real.x.push_back(step);
    real.y.push_back(point.objective);
    if (!point.newton) continue;
    predicted.x.push_back(step);
    predicted.y.push_back(point.newton->predicted);
  }
  figure.series = {std::move(real), std::move(predicted)};
  if (const double floor = record.facts.irreducible_objective; floor > 0) {
    figure.series.push_back({.name = "floor of conflicting samples",
                             .x = {0, static_cast<double>(record.facts.steps)},
                             .y = {floor, floor},
                             .reference = true});
  }
  return figure;
}

report::Table newton_table(const RunRecord& record) {
  const bool whole = has_newton_steps(record);
  report::Table table{
      .title = "Steps",
      .caption =
          whole ? "Predicted: F after the step in the network linearised before it; F / predicted "
                  "is left out above 1,000, where it tells only how exactly the system was solved. "
                  "Products: iterations of conjugate gradients, one product with K each. Length: "
                  "the share of the step that was taken."
                : "The recorded steps, each on its own batch; predicted is of that batch alone.",
      .columns = {{"step", ""},
                  {"F", "objective after the step, all samples"},
                  {"predicted", "F after the step in the network linearised before it"},
                  {"F / predicted", "", 3},
                  {"products", "iterations of conjugate gradients in all attempts"},
                  {"residual", "relative, of the linear system", 2},
                  {"lambda", "damping, as a share of the mean diagonal of K", 2},
                  {"length", "share of the step that was taken", 3},
                  {"omega", "max over layers of |W - W(0)|, spectral", 3},
                  {"signs", "share that differs from the start, of the layer where most", 3},
                  {"seconds", "since the start", 3}}};
  for (const auto& point : record.facts.trajectory) {
    std::vector<Cell> row{point.step, point.objective};
    if (const auto& newton = point.newton) {
      row.insert(row.end(),
                 {newton->predicted,
                  whole ? ratio_cell(point) : Cell(),
                  std::int64_t{newton->iterations},
                  newton->residual,
                  newton->damping,
                  newton->length});
    } else {
      row.insert(row.end(), 6, Cell());
    }
    row.insert(row.end(),
               {cell_if(point.is_full, point.radius()),
                cell_if(point.is_full, most_flipped(point)),
                point.seconds});
    table.add_row(std::move(row));
  }
  return table;
}

std::string order_text(const ConvergenceOrder& order, bool kinks) {
  constexpr double kQuadratic = 2;
  constexpr double kHalfLess = 1.5;
  std::string text = fmt::format(
      "**Order of convergence: {} {}.** That is p, with its 95 % interval, in the fit r(t+1) ~ "
      "r(t)^p of r = F^(1/2) over {} pairs of steps, from {} to {}: those below 1 % of the first F "
      "where neither the linear solve nor rounding decides. ",
      format_number(order.order),
      text_of(order.interval),
      order.pairs,
      order.first_step,
      order.last_step);
  const bool may_be_quadratic = contains(order.interval, kQuadratic);
  const bool may_be_half_less = contains(order.interval, kHalfLess);
  if (may_be_quadratic && may_be_half_less) {
    text += "So few steps cannot tell order 2 from order 3/2.";
  } else if (may_be_quadratic) {
    text += "This is quadratic convergence: the error of the linearisation is of second order.";
  } else if (order.interval.low > 1) {
    text += fmt::format("This is faster than any linear rate, and {} quadratic.",
                        order.interval.low > kQuadratic ? "faster than" : "not");
  } else {
    text += "The fit does not show more than a linear rate.";
  }
  if (kinks && !(may_be_quadratic && !may_be_half_less)) {
    text +=
        " With kinks such as ReLU's 3/2 is to be expected: a step of size s flips a share of about "
        "s of the signs, "
        "and each flip leaves an error of first order in s with a sign of its own, so that "
        "together "
        "they leave about s^(3/2), where a smooth activation leaves s^2.";
  }
  return text;
}

std::vector<report::Block> newton_blocks(const RunRecord& record) {
  std::vector<report::Block> blocks;
  if (!is_newton(record)) return blocks;
  const auto table = newton_table(record);
  if (table.rows.size() > kLongTable) {
    blocks.emplace_back(report::Details{.summary = "Steps", .blocks = {table}});
  } else {
    blocks.emplace_back(table);
  }
  if (const auto order = convergence_order(record)) {
    blocks.emplace_back(Paragraph{order_text(*order, has_kinks(record))});
  }
  blocks.emplace_back(explanation(record));
  return blocks;
}

std::string solver_text(const RunRecord& record) {
  std::int64_t steps = 0;
  std::int64_t products = 0;
  std::int64_t most = 0;
  for (const auto& point : record.facts.trajectory) {
    if (!point.newton) continue;
    ++steps;
    products += point.newton->iterations;
    most = std::max<std::int64_t>(most, point.newton->iterations);
  }
  if (steps == 0) return "";
  return fmt::format("{} products with K a step (mean; at most {})",
                     format_number(static_cast<double>(products) / static_cast<double>(steps)),
                     base::format_count(most));
}

}  // namespace overparam::study
