// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "json_fields.hpp"
#include "newton_page.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/base/text.hpp"
#include "overparam/study/pages.hpp"

namespace overparam::study {

namespace {

using base::format_count;
using base::format_number;
using report::Figure;
using report::Mark;
using report::Series;
using report::Table;

std::string percent(double share) { return format_number(100 * share, 4) + " %"; }

Series objective_series(const std::string& name, const RunRecord& record) {
  Series series{.name = name};
  for (const auto& point : record.facts.trajectory) {
    series.x.push_back(static_cast<double>(point.step));
    series.y.push_back(point.objective);
  }
  return series;
}

/// Why the run ended, for people.
std::string ending(const RunRecord& record) {
  static const std::map<std::string, std::string> kWords{
      {"target_objective", "the target objective was reached"},
      {"target_ratio", "the target share of the start was reached"},
      {"target_accuracy", "the target accuracy was reached"},
      {"gradient_norm", "the gradient's norm fell below its limit"},
      {"max_steps", "the step limit was reached"},
      {"max_seconds", "the time limit was reached"},
      {"stationary", "the linearised network cannot lower the objective: a least-squares answer"},
      {"no_descent", "no step lowers the objective any more: it is down to rounding"},
      {"diverged", "the objective grew past its limit: the step size is too large"},
      {"not_finite", "a number was no longer finite: the step size is too large"},
      {"interrupted", "interrupted"}};
  const auto words = kWords.find(record.stopped_by);
  return words == kWords.end() ? record.stopped_by : words->second;
}

report::KeyNumbers key_numbers(const RunRecord& record) {
  const auto& facts = record.facts;
  report::KeyNumbers numbers;
  if (std::isfinite(record.train_accuracy)) {
    numbers.items.push_back({"training accuracy",
                             percent(record.train_accuracy),
                             fmt::format("of {} samples", format_count(facts.n))});
  }
  numbers.items.push_back(
      {"objective at the end",
       format_number(facts.final_objective),
       fmt::format("{} of its start, {}",
                   format_number(facts.final_objective / facts.initial_objective),
                   format_number(facts.initial_objective))});
  const std::string predicted = record.predicted.steps
                                    ? fmt::format("linear model: {} to {} of the start",
                                                  format_count(*record.predicted.steps),
                                                  format_number(record.predicted.ratio))
                                : facts.method == "gauss-newton" ? solver_text(record)
                                                                 : "the linear model predicts none";
  numbers.items.push_back({"steps", format_count(facts.steps), predicted});
  if (std::isfinite(record.test_accuracy)) {
    numbers.items.push_back({"test accuracy", percent(record.test_accuracy), ""});
  }
  if (record.regime.is_measured()) {
    numbers.items.push_back(
        {"kernel regime",
         record.regime.answer(),
         fmt::format("K moved by {} of its norm", percent(record.regime.drift))});
  }
  if (!facts.trajectory.empty()) {
    numbers.items.push_back({"distance moved",
                             format_number(facts.trajectory.back().radius()),
                             "max over layers of ‖W − W⁽⁰⁾‖₂"});
  }
  return numbers;
}

std::string method_in_words(const claims::RunFacts& facts) {
  if (facts.method == "gd") return "gradient descent";
  if (facts.method == "sgd") return fmt::format("SGD with batches of {}", facts.batch_size);
  return facts.batch_size == facts.n
             ? "Gauss-Newton in the tangent kernel"
             : fmt::format("Gauss-Newton on batches of {}", facts.batch_size);
}

report::Paragraph introduction(const RunRecord& record) {
  const auto& facts = record.facts;
  return {fmt::format(
      "The network {}, L = {} and m = {} ({} weights, {} of them trained) was trained by "
      "{} on "
      "{} samples of {} with the {} loss{}. It ended because {}, after {}.",
      facts.network,
      facts.L,
      format_count(facts.m),
      format_count(record.num_parameters),
      format_count(record.num_trained),
      method_in_words(facts),
      format_count(facts.n),
      record.data_name,
      facts.loss,
      facts.step_size > 0 ? fmt::format(" and step size {}", format_number(facts.step_size)) : "",
      ending(record),
      base::format_seconds(record.seconds))};
}

/// What is behind the answer.
std::string regime_text(const RunRecord& record) {
  const auto& regime = record.regime;
  std::string text = fmt::format(
      "K moved by {} of its norm ({} samples)", percent(regime.drift), regime.num_samples);
  if (!record.facts.trajectory.empty()) {
    const auto& last = record.facts.trajectory.back();
    text += fmt::format(", omega = {}", format_number(last.radius()));
    if (!last.sign_changes.empty()) {
      text += fmt::format(", {} of the signs changed",
                          percent(*std::ranges::max_element(last.sign_changes)));
    }
  }
  if (std::isfinite(record.excess())) {
    text += fmt::format(", {} times the predicted steps", format_number(record.excess(), 3));
  }
  return text;
}

}  // namespace

Table run_table(const RunRecord& record) {
  const auto& facts = record.facts;
  Table table{.columns = {{"quantity", ""}, {"value", ""}}};
  const auto add = [&](const char* name, const std::string& value) {
    table.add_row({name, value});
  };
  add("ended because", ending(record));
  add("objective",
      fmt::format("{} (start {}, ratio {})",
                  format_number(facts.final_objective, 5),
                  format_number(facts.initial_objective, 5),
                  format_number(facts.final_objective / facts.initial_objective)));
  if (std::isfinite(record.train_accuracy))
    add("training accuracy", percent(record.train_accuracy));
  if (std::isfinite(record.test_accuracy)) add("test accuracy", percent(record.test_accuracy));
  std::string steps = format_count(facts.steps);
  if (record.predicted.steps) {
    steps += fmt::format(" (linear model: {} to {} of the start)",
                         format_count(*record.predicted.steps),
                         format_number(record.predicted.ratio));
  }
  add("steps", steps);
  if (const auto solver = solver_text(record); !solver.empty()) add("solved by", solver);
  if (const auto order = convergence_order(record)) {
    add("order of convergence",
        fmt::format("{} [{}, {}], fitted over {} pairs of steps",
                    format_number(order->order),
                    format_number(order->interval.low),
                    format_number(order->interval.high),
                    order->pairs));
  }
  if (facts.step_size > 0) add("step size", format_number(facts.step_size, 4));
  if (facts.lambda_max > 0) add("lambda_max(K)", format_number(facts.lambda_max, 4));
  if (std::isfinite(facts.initial.lambda_min)) {
    add("lambda_min(K)", format_number(facts.initial.lambda_min, 4));
  }
  add("separation",
      fmt::format("{} ({} inputs, closest: samples {} and {})",
                  format_number(facts.separation, 4),
                  record.normalisation,
                  record.closest_first,
                  record.closest_second));
  if (!facts.trajectory.empty()) {
    const auto& last = facts.trajectory.back();
    add("|W - W(0)|",
        fmt::format("{} spectral (max over layers), {} Frobenius",
                    format_number(last.radius()),
                    format_number(last.frobenius_distance)));
    if (!last.sign_changes.empty()) {
      add("sign changes",
          percent(*std::ranges::max_element(last.sign_changes)) + " of the layer where most");
    }
  }
  if (record.regime.is_measured())
    add("kernel regime", record.regime.answer() + ": " + regime_text(record));
  add("time", base::format_seconds(record.seconds));
  return table;
}

Table certificate_table(const RunRecord& record) {
  Table table{
      .title = "Certificate",
      .caption =
          "Each line holds a quantity of this run against the right-hand side of a statement "
          "without its constant. The constant is what the run gives; of order one (at most "
          "10 above, at least 0.1 below) reads as consistent. One run cannot show an "
          "exponent: the command measures it over a design.",
      .columns = {{"claim", ""},
                  {"quantity", ""},
                  {"measured", "", 3},
                  {"bound", "without its constant", 3},
                  {"constant", "measured / bound", 3},
                  {"reading", ""},
                  {"repeat", "measures the claim over its designs"}}};
  for (const auto& line : claims::certify(record.facts)) {
    table.add_row({line.claim,
                   line.quantity,
                   line.measured,
                   line.bound,
                   line.constant(),
                   line.holds() ? "consistent" : "outside",
                   "overparam verify --only " + line.claim});
  }
  return table;
}

nlohmann::json certificate_json(const RunRecord& record) {
  const auto document = to_json(record);
  return {{"schema", kSchema},
          {"version", version()},
          {"kind", "certificate"},
          {"run", record.name},
          {"certificate", document.at("certificate")},
          {"holds", certificate_holds(record)}};
}

bool certificate_holds(const RunRecord& record) {
  return std::ranges::all_of(claims::certify(record.facts),
                             [](const auto& line) { return line.holds(); });
}

Figure objective_figure(const RunRecord& record,
                        const std::vector<std::pair<std::string, const RunRecord*>>& others) {
  const bool alone = others.empty();
  Figure figure{
      .id = "objective",
      .title = "Objective",
      .caption =
          "The sum of the losses over the training set against the step. A straight line on this "
          "scale is a "
          "linear rate, which Theorem 1 promises for wide networks; the dashed line is the network "
          "linearised at its initial weights. Two equal inputs with different targets would bend "
          "the curve "
          "onto a floor.",
      .x = {.label = "step"},
      .y = {.label = "objective F", .logarithmic = true}};
  figure.series.push_back(
      objective_series(alone ? "measured" : fmt::format("m = {}", record.facts.m), record));
  const auto& predicted = record.predicted;
  if (!predicted.step.empty()) {
    Series line{.name = alone ? "linear model at W⁽⁰⁾"
                              : fmt::format("linear model, m = {}", record.facts.m),
                .dashed = true};
    const double last = static_cast<double>(record.facts.steps);
    for (std::size_t i = 0; i < predicted.step.size() && predicted.step[i] <= last; ++i) {
      line.x.push_back(predicted.step[i]);
      line.y.push_back(predicted.objective[i]);
    }
    figure.series.push_back(std::move(line));
  }
  for (const auto& [name, other] : others) figure.series.push_back(objective_series(name, *other));
  if (record.facts.irreducible_objective > 0) {
    const double last = static_cast<double>(record.facts.steps);
    figure.series.push_back(
        {.name = "floor of conflicting samples",
         .x = {0, last},
         .y = {record.facts.irreducible_objective, record.facts.irreducible_objective},
         .reference = true});
  }
  return figure;
}

Figure distance_figure(const RunRecord& record) {
  Figure figure{
      .id = "distance",
      .title = "Distance from initialisation",
      .caption =
          "Spectral norm of W − W⁽⁰⁾ for each trained layer. The proofs need it to stay small; it "
          "shrinks as 1/√m when the network is made wider, while the outputs still move by as much "
          "as they must.",
      .x = {.label = "step"},
      .y = {.label = "‖W − W⁽⁰⁾‖₂"}};
  for (const auto& point : record.facts.trajectory) {
    if (!point.is_full) continue;
    for (std::size_t k = 0; k < point.spectral_distance.size(); ++k) {
      if (figure.series.size() <= k) {
        figure.series.push_back(
            {.name = fmt::format("layer {}", k + 1), .mark = Mark::line_and_points});
      }
      figure.series[k].x.push_back(static_cast<double>(point.step));
      figure.series[k].y.push_back(point.spectral_distance[k]);
    }
  }
  return figure;
}

Figure spectrum_figure(const RunRecord& record) {
  Figure figure{
      .id = "spectrum",
      .title = "Spectrum of the tangent kernel at the start",
      .caption =
          "Eigenvalues of K in descending order. With step size 1/lambda_max the part of the "
          "residual along an eigenvector falls by e in about lambda_max/lambda steps, as long as K "
          "stays what it was.",
      .x = {.label = "rank", .logarithmic = true},
      .y = {.label = "eigenvalue", .logarithmic = true}};
  Series series{.name = "lambda"};
  const auto& spectrum = record.facts.initial.spectrum;
  for (auto value = spectrum.rbegin(); value != spectrum.rend(); ++value) {
    series.x.push_back(static_cast<double>(series.x.size() + 1));
    series.y.push_back(*value);
  }
  figure.series.push_back(std::move(series));
  return figure;
}

Figure signs_figure(const RunRecord& record) {
  Figure figure{
      .id = "signs",
      .title = "Sign changes",
      .caption =
          "Share of neurons, over samples, whose ReLU has switched since the start. Where no "
          "sign changes the network is linear in its weights; Lemma B.2 bounds the share by "
          "ω^(2/3) L with ω the distance above, and typical perturbations change fewer, about in "
          "proportion to ω.",
      .x = {.label = "step"},
      .y = {.label = "share of signs changed"}};
  for (const auto& point : record.facts.trajectory) {
    if (!point.is_full) continue;
    for (std::size_t k = 0; k < point.sign_changes.size(); ++k) {
      if (figure.series.size() <= k) {
        figure.series.push_back(
            {.name = fmt::format("layer {}", k), .mark = Mark::line_and_points});
      }
      figure.series[k].x.push_back(static_cast<double>(point.step));
      figure.series[k].y.push_back(point.sign_changes[k]);
    }
  }
  // Layers below all trained weights never change.
  const auto never_changed = [](const auto& series) {
    return std::ranges::all_of(series.y, [](double share) { return share == 0; });
  };
  while (figure.series.size() > 1 && never_changed(figure.series.front())) {
    figure.series.erase(figure.series.begin());
  }
  return figure;
}

Table environment_table(const nlohmann::json& environment) {
  Table versions{.title = "Machine and versions", .columns = {{"what", ""}, {"value", ""}}};
  for (const auto& [name, value] : environment.items()) {
    versions.add_row({name, base::plain_text(value)});
  }
  return versions;
}

report::Details origin_details(const std::string& settings_toml,
                               const nlohmann::json& environment,
                               std::uint64_t peak_memory,
                               const std::string& created) {
  Table versions = environment_table(environment);
  versions.add_row({"peak memory", base::format_bytes(peak_memory)});
  versions.add_row({"made", created});
  return {.summary = "Settings, machine and versions",
          .blocks = {
              report::Paragraph{"Save these lines as `config.toml`; `overparam train --config "
                                "config.toml` repeats the run to the same bits on the same machine "
                                "and number of threads."},
              report::Command{settings_toml},
              versions}};
}

report::Page run_page(const RunRecord& record) {
  report::Page page{
      .title = record.facts.method == "gd"    ? "Gradient descent run"
               : record.facts.method == "sgd" ? "SGD run"
                                              : "Gauss-Newton run",
      .subtitle = fmt::format("{} · {} · {}", record.data_name, record.name, record.created)};
  page.blocks = {introduction(record),
                 key_numbers(record),
                 has_newton_steps(record) ? newton_figure(record) : objective_figure(record)};
  for (auto& block : newton_blocks(record)) page.blocks.push_back(std::move(block));
  page.blocks.push_back(distance_figure(record));
  const auto& trajectory = record.facts.trajectory;
  if (!trajectory.empty() && !trajectory.back().sign_changes.empty()) {
    page.blocks.push_back(signs_figure(record));
  }
  if (record.regime.is_measured()) {
    page.blocks.push_back(report::Paragraph{fmt::format(
        "**Kernel regime: {}.** From start to end {}. Up to 10 % the linear model tells the whole "
        "run, up to 50 % its beginning.",
        record.regime.answer(),
        regime_text(record))});
  }
  if (!record.facts.initial.spectrum.empty()) page.blocks.push_back(spectrum_figure(record));
  if (record.facts.is_papers_network()) {
    page.blocks.push_back(report::Heading{"Against the theorems"});
    page.blocks.push_back(certificate_table(record));
  }
  page.blocks.push_back(report::Heading{"Data"});
  page.blocks.push_back(report::Paragraph{fmt::format(
      "{}. {} samples, inputs normalised by `{}`; the closest two, samples {} and {}, are {} "
      "apart. {} samples repeat an earlier one, {} are in conflict.",
      record.data_source,
      format_count(record.facts.n),
      record.normalisation,
      record.closest_first,
      record.closest_second,
      format_number(record.facts.separation, 4),
      record.num_duplicates,
      record.num_conflicting)});
  if (!record.pictures.images.empty()) page.blocks.push_back(record.pictures);
  page.blocks.push_back(origin_details(
      record.settings_toml, record.environment, record.peak_memory, record.created));
  return page;
}

}  // namespace overparam::study
