// SPDX-License-Identifier: Apache-2.0
// The words, tables and figures of a plan.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "json_fields.hpp"
#include "overparam/base/text.hpp"
#include "overparam/study/data_plan.hpp"
#include "overparam/study/run_record.hpp"

namespace overparam::study {

namespace {

using base::format_count;
using base::format_number;
using nlohmann::json;

/// Relative change, when the products were last doubled, up to which a prediction is a number and
/// no lower bound.
constexpr double kSettled = 0.05;

std::string counted(std::int64_t count, const std::string& what) {
  return fmt::format("{} {}{}", format_count(count), what, count == 1 ? "" : "s");
}

std::string steps_text(const std::optional<std::int64_t>& steps) {
  return steps ? format_count(*steps) : "never";
}

std::string whole(double value) {
  const double rounded = value < 1e4 ? std::round(value) : value;
  return value < 1e15 && value >= 1 ? format_count(std::llround(rounded)) : format_number(value, 3);
}

/// Two significant digits for what is known to no more.
std::string roughly(double value) {
  if (!(value >= 1) || value > 1e15) return format_number(value, 2);
  const double unit = std::pow(10, std::max(0.0, std::floor(std::log10(value)) - 1));
  return format_count(std::llround(value / unit) * std::llround(unit));
}

/// How the needed width grew over what was measured.
std::string growth_text(const NeededWidth& needed) {
  if (std::isnan(needed.samples_exponent) && std::isnan(needed.outputs_exponent)) return "";
  std::string text = "; m ~";
  if (!std::isnan(needed.samples_exponent)) {
    text += " n^" + format_number(needed.samples_exponent, 2);
  }
  if (!std::isnan(needed.outputs_exponent)) {
    text += " d^" + format_number(needed.outputs_exponent, 2);
  }
  return text;
}

/// The same of the limit kernel, where there is one.
std::string beside_limit(const DataPlan& plan, const std::string& text) {
  return plan.limit.known ? fmt::format("; limit kernel {}", text) : "";
}

std::string fit_answer(const DataPlan& plan) {
  const auto& duplicates = plan.prepared.duplicates;
  const auto& limit = plan.limit;
  const std::int64_t n = plan.prepared.dataset.train.size();
  std::string text;
  if (duplicates.num_conflicting > 0) {
    text = fmt::format(
        "No, not completely: {} samples have equal inputs and different targets, and leave the "
        "squared objective at {} or more, whatever the network.",
        format_count(duplicates.num_conflicting),
        format_number(duplicates.irreducible_squared, 6));
  } else if (n == 1) {
    text = "Yes: there is one sample only, and nothing to keep apart.";
  } else if (!limit.known) {
    text = fmt::format(
        "Probably: no equal inputs have different targets. More is not known, because {}.",
        limit.reason);
    if (plan.duration.subset_lambda_min > 0) {
      text += fmt::format(
          " The kernel of the network itself, at width {}, has the smallest eigenvalue {} on {}.",
          format_count(plan.width),
          format_number(plan.duration.subset_lambda_min, 3),
          counted(plan.duration.newton_samples, "sample"));
    }
  } else if (limit.singular) {
    text =
        "Not by this network's kernel: it is singular to rounding although no two inputs are "
        "equal, because inputs are proportional or nearly so.";
  } else {
    text = fmt::format(
        "Yes: the smallest eigenvalue of the limit kernel is {} > 0, so that a network wide "
        "enough fits any targets.",
        format_number(limit.lambda_min_distinct, 4));
  }
  if (n > 1) {
    text += fmt::format(" The closest different samples are {} apart.",
                        format_number(plan.prepared.distinct_separation.distance, 4));
  }
  if (duplicates.num_duplicates > 0) {
    text += fmt::format(" Repeated inputs, here {}, make lambda_min 0{}.",
                        format_count(duplicates.num_duplicates),
                        limit.known ? fmt::format("; without them it is {}",
                                                  format_number(limit.lambda_min_distinct, 4))
                                    : "");
  }
  if (plan.constant_targets && n > 1) {
    text += " All targets are the same: a constant fits them, and what follows says little.";
  }
  if (limit.known && limit.samples < n) {
    text += fmt::format(
        " The kernel is that of {} samples drawn from {}: of all, lambda_min can only be smaller.",
        format_count(limit.samples),
        format_count(n));
  }
  return text;
}

std::string width_answer(const DataPlan& plan) {
  const auto& needed = plan.needed;
  if (!needed.found) return fmt::format("Not known, because {}.", needed.reason);
  std::string text = fmt::format(
      "A width of about {} ({} to {} with 95 %) keeps half of the limit's lambda_min, {}.",
      roughly(needed.width),
      roughly(needed.interval.low),
      roughly(needed.interval.high),
      needed.extrapolated ? "continued from smaller subsets" : "measured on these samples");
  const auto width = static_cast<double>(plan.width);
  if (width < needed.interval.low) {
    text += fmt::format(
        " Yours has {}: it may well fit, but its slowest directions are slower than the limit's.",
        format_count(plan.width));
  } else if (width > needed.interval.high) {
    text += fmt::format(" Yours has {}, which is enough.", format_count(plan.width));
  } else {
    text += fmt::format(" Yours has {}, within that range.", format_count(plan.width));
  }
  return text;
}

std::string step_answer(const DataPlan& plan) {
  const auto& step = plan.step;
  std::string text = fmt::format(
      "Gradient descent: {}; above {} it diverges or has to jump to a flatter place first. SGD "
      "with batches of {}: {}.",
      format_number(step.step_size, 4),
      format_number(step.largest_step, 4),
      format_count(step.batch_size),
      format_number(step.sgd_step, 4));
  if (!std::isnan(step.limit_step)) {
    text += fmt::format(" The infinitely wide network would allow {}.",
                        format_number(step.limit_step, 4));
  }
  return text;
}

std::string time_of(const DataPlan& plan, double steps) {
  return base::format_seconds(steps * plan.duration.seconds_per_step);
}

double likely_excess(const DataPlan& plan) {
  return std::isnan(plan.duration.excess) ? 1 : plan.duration.excess;
}

std::string duration_answer(const DataPlan& plan) {
  const auto& duration = plan.duration;
  std::string text;
  const auto& gd = duration.predicted.gd;
  if (!duration.reason.empty()) {
    text = fmt::format("No prediction: {}.", duration.reason);
  } else if (!duration.reachable) {
    text = fmt::format(
        "For ever: {} of the start is an objective of {}, and samples that contradict each other "
        "leave {}.",
        format_number(duration.ratio, 3),
        format_number(duration.ratio * plan.initial_objective, 3),
        format_number(plan.prepared.duplicates.irreducible_squared, 3));
  } else if (!gd) {
    text = fmt::format("Gradient descent never reaches {} of the start in the linear model.",
                       format_number(duration.ratio, 3));
  } else {
    const bool is_part = duration.samples < plan.prepared.dataset.train.size();
    const bool settled = duration.uncertainty <= kSettled && !is_part;
    text = fmt::format("To {} of the start: {} {} gradient descent steps by the linear model",
                       format_number(duration.ratio, 3),
                       settled ? "about" : "at least",
                       roughly(static_cast<double>(*gd)));
    if (is_part) {
      text += fmt::format(" (of {} alone)", counted(duration.samples, "sample"));
    } else if (!settled) {
      text += fmt::format(" (its {} products of the kernel are too few for the last directions)",
                          duration.products);
    }
    if (std::isfinite(duration.excess)) {
      text += fmt::format(
          ", and {} times as many in practice, as measured on {} (down to {} of the start)",
          format_number(duration.excess, 3),
          counted(duration.excess_samples, "sample"),
          format_number(duration.excess_ratio, 2));
    }
    text += fmt::format(": {} {}.",
                        settled ? "about" : "at least",
                        time_of(plan, static_cast<double>(*gd) * likely_excess(plan)));
    if (duration.predicted.sgd) {
      text += fmt::format(" SGD: {} {} steps.",
                          settled ? "about" : "at least",
                          roughly(static_cast<double>(*duration.predicted.sgd)));
    }
    if (duration.predicted_by_limit.gd) {
      text +=
          fmt::format(" An infinitely wide network would need {}{}.",
                      plan.limit.samples < plan.prepared.dataset.train.size() ? "at least " : "",
                      roughly(static_cast<double>(*duration.predicted_by_limit.gd)));
    }
  }
  if (duration.newton_samples > 0 && duration.reachable) {
    text += duration.newton_steps
                ? fmt::format(" Gauss-Newton: {}, counted on {}.",
                              counted(*duration.newton_steps, "step"),
                              counted(duration.newton_samples, "sample"))
                : fmt::format(
                      " Undamped Gauss-Newton failed on {} samples: at its last step the objective "
                      "was {} of the start.",
                      duration.newton_samples,
                      format_number(duration.newton_ratio, 3));
  }
  text += fmt::format(" Memory {}.", base::format_bytes(duration.memory));
  return text;
}

json steps_json(const std::optional<std::int64_t>& steps) { return steps ? json(*steps) : json(); }

json interval_json(const linalg::Interval& interval) {
  return {finite_or_null(interval.low), finite_or_null(interval.high)};
}

report::Table half_width_table(const DataPlan& plan) {
  report::Table table{
      .title = "Width measured",
      .caption =
          "Width at which the full kernel has half of the limit's lambda_min, 95 % "
          "intervals over the seeds; each seed has its own weights and samples.",
      .columns = {
          {"samples", ""}, {"outputs", ""}, {"width", "", 3}, {"low", "", 3}, {"high", "", 3}}};
  for (const auto& half : plan.needed.half_widths) {
    table.add_row({half.samples, half.outputs, half.width, half.interval.low, half.interval.high});
  }
  return table;
}

report::Figure spectrum_figure(const DataPlan& plan) {
  report::Figure figure{
      .id = "spectrum",
      .title = "Eigenvalues of the limit kernel",
      .caption = "The largest sets the step size, the smallest how long the last directions take.",
      .x = {"rank", true},
      .y = {"eigenvalue", true}};
  report::Series series{.name = "K_infinity"};
  const auto& values = plan.limit.eigenvalues;
  for (std::size_t i = 0; i < values.size(); ++i) {
    series.x.push_back(static_cast<double>(i + 1));
    series.y.push_back(values[values.size() - 1 - i]);
  }
  figure.series.push_back(std::move(series));
  return figure;
}

report::Figure ratio_figure(const DataPlan& plan) {
  report::Figure figure{
      .id = "width",
      .title = "How much of the limit's smallest eigenvalue a sampled network keeps",
      .caption =
          "lambda_min of the full kernel over that of the limit, mean over the seeds, with "
          "all sampled outputs. The needed width is where it passes one half.",
      .x = {"width m", true},
      .y = {"lambda_min(K_m) / lambda_min(K_infinity)"}};
  std::int64_t outputs = 0;
  for (const auto& ratio : plan.needed.ratios) outputs = std::max(outputs, ratio.outputs);
  std::vector<std::int64_t> counts;
  for (const auto& ratio : plan.needed.ratios) {
    if (std::ranges::find(counts, ratio.samples) == counts.end()) counts.push_back(ratio.samples);
  }
  for (const auto samples : counts) {
    report::Series series{.name = fmt::format("{} samples", samples),
                          .mark = report::Mark::line_and_points};
    int found = 0;
    for (const auto& ratio : plan.needed.ratios) {
      if (ratio.samples != samples || ratio.outputs != outputs) continue;
      const auto width = static_cast<double>(ratio.width);
      if (series.x.empty() || series.x.back() != width) {
        series.x.push_back(width);
        series.y.push_back(0);
        found = 0;
      }
      series.y.back() = (series.y.back() * found + ratio.ratio) / (found + 1);
      ++found;
    }
    figure.series.push_back(std::move(series));
  }
  return figure;
}

report::Figure objective_figure_of(const DataPlan& plan) {
  report::Figure figure{.id = "objective",
                        .title = "The objective that the linear model predicts",
                        .caption = "Gradient descent; real networks need somewhat longer.",
                        .x = {"step"},
                        .y = {"objective", true}};
  figure.series.push_back({.name = "linear model",
                           .x = plan.duration.curve_steps,
                           .y = plan.duration.curve_objectives,
                           .dashed = true});
  return figure;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> plan_answers(const DataPlan& plan) {
  return {{"Can these data be fitted?", fit_answer(plan)},
          {"How wide?", width_answer(plan)},
          {"Which step size?", step_answer(plan)},
          {"How long?", duration_answer(plan)}};
}

json to_json(const DataPlan& plan) {
  const auto& prepared = plan.prepared;
  const auto& limit = plan.limit;
  const auto& needed = plan.needed;
  const auto& step = plan.step;
  const auto& duration = plan.duration;
  json half_widths = json::array();
  for (const auto& half : needed.half_widths) {
    half_widths.push_back({{"samples", half.samples},
                           {"outputs", half.outputs},
                           {"width", half.width},
                           {"interval", interval_json(half.interval)}});
  }
  json ratios = json::array();
  for (const auto& ratio : needed.ratios) {
    ratios.push_back({{"samples", ratio.samples},
                      {"outputs", ratio.outputs},
                      {"width", ratio.width},
                      {"seed", ratio.seed},
                      {"ratio", ratio.ratio},
                      {"is_bound", ratio.is_bound}});
  }
  json stages = json::object();
  for (const auto& [name, seconds] : plan.stages) stages[name] = seconds;
  json answers = json::object();
  for (const auto& [question, answer] : plan_answers(plan)) answers[question] = answer;
  return {{"schema", kSchema},
          {"version", version()},
          {"kind", "plan"},
          {"data", prepared.dataset.name},
          {"normalisation", data::to_string(prepared.normalisation)},
          {"samples", prepared.dataset.train.size()},
          {"outputs", plan.outputs},
          {"network", plan.network},
          {"network_width", plan.width},
          {"network_depth", plan.depth},
          {"seed", plan.seed},
          {"loss", plan.loss},
          {"answers", answers},
          {"separation", finite_or_null(prepared.separation.distance)},
          {"separation_of_distinct", finite_or_null(prepared.distinct_separation.distance)},
          {"duplicates", prepared.duplicates.num_duplicates},
          {"conflicting_duplicates", prepared.duplicates.num_conflicting},
          {"irreducible_objective", prepared.duplicates.irreducible_squared},
          {"constant_targets", plan.constant_targets},
          {"initial_objective", finite_or_null(plan.initial_objective)},
          {"limit_known", limit.known},
          {"limit_method", limit.known ? limit.method : limit.reason},
          {"limit_samples", limit.samples},
          {"kernel_scale", finite_or_null(limit.scale)},
          {"lambda_min", finite_or_null(limit.lambda_min)},
          {"lambda_min_of_distinct", finite_or_null(limit.lambda_min_distinct)},
          {"lambda_max", finite_or_null(limit.lambda_max)},
          {"condition", finite_or_null(limit.condition)},
          {"condition_of_distinct", finite_or_null(limit.condition_distinct)},
          {"jitter", limit.jitter},
          {"singular", limit.singular},
          {"width", finite_or_null(needed.width)},
          {"width_interval", interval_json(needed.interval)},
          {"width_is_extrapolated", needed.extrapolated},
          {"width_reason", needed.reason},
          {"width_exponents",
           {{"samples", finite_or_null(needed.samples_exponent)},
            {"outputs", finite_or_null(needed.outputs_exponent)}}},
          {"width_seeds", needed.seeds},
          {"width_measured", half_widths},
          {"width_ratios", ratios},
          {"network_lambda_max", finite_or_null(step.lambda_max)},
          {"network_samples", step.samples},
          {"step_size", finite_or_null(step.step_size)},
          {"largest_step", finite_or_null(step.largest_step)},
          {"sgd_step_size", finite_or_null(step.sgd_step)},
          {"batch", step.batch_size},
          {"limit_step_size", finite_or_null(step.limit_step)},
          {"target_ratio", duration.ratio},
          {"predicted_steps",
           {{"gd", steps_json(duration.predicted.gd)},
            {"sgd", steps_json(duration.predicted.sgd)},
            {"gauss-newton", duration.reachable ? steps_json(duration.newton_steps) : json()}}},
          {"predicted_steps_of_limit",
           {{"gd", steps_json(duration.predicted_by_limit.gd)},
            {"sgd", steps_json(duration.predicted_by_limit.sgd)}}},
          {"target_is_reachable", duration.reachable},
          {"prediction_reason", duration.reason},
          {"prediction_samples", duration.samples},
          {"prediction_products", duration.products},
          {"prediction_uncertainty", finite_or_null(duration.uncertainty)},
          {"finite_width_excess", finite_or_null(duration.excess)},
          {"excess_samples", duration.excess_samples},
          {"excess_steps", duration.excess_steps},
          {"excess_ratio", finite_or_null(duration.excess_ratio)},
          {"gauss_newton_samples", duration.newton_samples},
          {"gauss_newton_ratio", finite_or_null(duration.newton_ratio)},
          {"network_subset_lambda_min", finite_or_null(duration.subset_lambda_min)},
          {"network_subset_lambda_max", finite_or_null(duration.subset_lambda_max)},
          {"memory", duration.memory},
          {"seconds_per_step", finite_or_null(duration.seconds_per_step)},
          {"seconds_of_planning", stages},
          {"interrupted", plan.interrupted}};
}

report::Table plan_table(const DataPlan& plan) {
  const auto& prepared = plan.prepared;
  const auto& limit = plan.limit;
  const auto& needed = plan.needed;
  const auto& step = plan.step;
  const auto& duration = plan.duration;
  report::Table table{.columns = {{"quantity", ""}, {"value", ""}}};
  const auto add = [&](const std::string& name, const std::string& value) {
    table.add_row({name, value});
  };
  const std::int64_t n = prepared.dataset.train.size();
  add("data",
      fmt::format("{}: n = {}, d = {}, {} inputs",
                  prepared.dataset.name,
                  format_count(n),
                  plan.outputs,
                  data::to_string(prepared.normalisation)));
  add("network",
      fmt::format("{}, m = {}, L = {}, seed {}", plan.network, plan.width, plan.depth, plan.seed));
  if (n > 1) {
    add("separation",
        fmt::format("{} between samples {} and {}",
                    format_number(prepared.separation.distance, 4),
                    prepared.separation.first,
                    prepared.separation.second));
  }
  add("duplicates",
      prepared.duplicates.groups.empty()
          ? "none"
          : fmt::format("{} samples repeat an earlier one, {} have conflicting targets",
                        format_count(prepared.duplicates.num_duplicates),
                        format_count(prepared.duplicates.num_conflicting)));
  if (prepared.duplicates.num_conflicting > 0) {
    add("irreducible objective", format_number(prepared.duplicates.irreducible_squared, 6));
  }
  if (limit.known) {
    add("K_infinity",
        fmt::format("scale Theta (x) I_{}, scale = {}, {}, n = {}",
                    plan.outputs,
                    format_number(limit.scale, 6),
                    limit.method,
                    format_count(limit.samples)));
    add("lambda_min(K_infinity)",
        fmt::format("{}{}; Theta's: {}",
                    format_number(limit.lambda_min_distinct, 4),
                    limit.distinct < limit.samples ? " of the distinct samples, 0 of all" : "",
                    format_number(limit.lambda_min_distinct / limit.scale, 4)));
    add("lambda_max(K_infinity)", format_number(limit.lambda_max, 4));
    add("condition",
        fmt::format("{}; {}; jitter {}",
                    format_number(limit.condition_distinct, 4),
                    limit.eigenvalues_by,
                    format_number(limit.jitter, 2)));
  } else {
    add("K_infinity", limit.reason);
  }
  if (!std::isnan(duration.subset_lambda_min)) {
    add(fmt::format("K_{}, n = {}", plan.width, duration.newton_samples),
        fmt::format("lambda_min {}, lambda_max {} (full kernel of {} rows at the start)",
                    format_number(duration.subset_lambda_min, 4),
                    format_number(duration.subset_lambda_max, 4),
                    format_count(duration.newton_samples * plan.outputs)));
  }
  if (needed.found) {
    add("width",
        fmt::format("{} ({} to {}, 95 %) for lambda_min(K_m) >= 1/2 lambda_min(K_infinity)",
                    whole(needed.width),
                    whole(needed.interval.low),
                    whole(needed.interval.high)));
    add("measured on",
        fmt::format("{}, widths up to {}, {} seeds{}{}",
                    counted(std::ssize(needed.half_widths), "subset"),
                    needed.widest,
                    needed.seeds,
                    growth_text(needed),
                    needed.unreached > 0
                        ? fmt::format("; {} more need wider networks", needed.unreached)
                        : ""));
  } else {
    add("width", needed.reason);
  }
  add("lambda_max(K)",
      fmt::format("{} of the network of width {}{}",
                  format_number(step.lambda_max, 4),
                  plan.width,
                  step.samples < n
                      ? fmt::format(", from {} samples and scaled up", format_count(step.samples))
                      : ""));
  add("step size, gd",
      fmt::format("{} (largest stable {}){}",
                  format_number(step.step_size, 4),
                  format_number(step.largest_step, 4),
                  beside_limit(plan, format_number(step.limit_step, 4))));
  add(fmt::format("step size, sgd, batch {}", step.batch_size), format_number(step.sgd_step, 4));
  if (duration.reason.empty()) {
    add(fmt::format("steps to {}, gd", format_number(duration.ratio, 2)),
        fmt::format("{} ({}, n = {}, {} products, last change {} %){}",
                    steps_text(duration.predicted.gd),
                    duration.model,
                    format_count(duration.samples),
                    duration.products,
                    format_number(100 * duration.uncertainty, 2),
                    beside_limit(plan, steps_text(duration.predicted_by_limit.gd))));
    add(fmt::format("steps to {}, sgd", format_number(duration.ratio, 2)),
        steps_text(duration.predicted.sgd) +
            beside_limit(plan, steps_text(duration.predicted_by_limit.sgd)));
  } else {
    add("steps", "no prediction: " + duration.reason);
  }
  if (duration.newton_samples > 0) {
    add(fmt::format("steps to {}, gauss-newton", format_number(duration.ratio, 2)),
        fmt::format("{} on {} samples, undamped; ended at {} of the start",
                    steps_text(duration.newton_steps),
                    duration.newton_samples,
                    format_number(duration.newton_ratio, 2)));
  }
  if (duration.excess_samples > 0) {
    add("finite-width excess",
        fmt::format("{}: {} real steps on {} samples down to {} of their start",
                    format_number(duration.excess, 3),
                    format_count(duration.excess_steps),
                    duration.excess_samples,
                    format_number(duration.excess_ratio, 2)));
  }
  add("memory", duration.memory_items);
  add("a step",
      fmt::format("{}{}",
                  base::format_seconds(duration.seconds_per_step),
                  duration.timed_samples < n
                      ? fmt::format(", from {} samples", format_count(duration.timed_samples))
                      : ""));
  return table;
}

report::Page plan_page(const DataPlan& plan) {
  report::Page page{.title = "Before training"};
  page.subtitle = fmt::format("{}: {} samples, network {} of width {}",
                              plan.prepared.dataset.name,
                              format_count(plan.prepared.dataset.train.size()),
                              plan.network,
                              plan.width);
  for (const auto& [question, answer] : plan_answers(plan)) {
    page.blocks.push_back(report::Heading{question});
    page.blocks.push_back(report::Paragraph{answer});
    if (question == "Can these data be fitted?" && !plan.limit.eigenvalues.empty()) {
      page.blocks.push_back(spectrum_figure(plan));
    }
    if (question == "How wide?" && !plan.needed.half_widths.empty()) {
      page.blocks.push_back(ratio_figure(plan));
      page.blocks.push_back(half_width_table(plan));
    }
    if (question == "How long?" && !plan.duration.curve_steps.empty()) {
      page.blocks.push_back(objective_figure_of(plan));
    }
  }
  page.blocks.push_back(report::Heading{"The numbers"});
  report::Table table = plan_table(plan);
  table.title = "Plan";
  page.blocks.push_back(std::move(table));
  if (!plan.prepared.pictures.images.empty()) page.blocks.push_back(plan.prepared.pictures);
  return page;
}

}  // namespace overparam::study
