// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "json_fields.hpp"
#include "measuring.hpp"
#include "overparam/base/catalogue.hpp"
#include "overparam/base/clock.hpp"
#include "overparam/base/memory.hpp"
#include "overparam/linalg/plain_float32.hpp"
#include "overparam/study/recipe.hpp"
#include "overparam/study/run_record.hpp"

namespace overparam::study {

using nlohmann::json;

namespace {

/// The queue runs a measurement that is larger than its limit alone; what exceeds the machine must
/// be refused before.
void check_memory(const Recipe& recipe, const std::vector<Measurement>& plan) {
  const auto largest = std::ranges::max_element(plan, {}, &Measurement::bytes);
  if (largest == plan.end()) return;
  base::MemoryPlan memory("the largest measurement of " + recipe.name);
  memory.add(largest->name, largest->bytes);
  memory.check();
}

json to_json(const Comparison& comparison) {
  return {{"group", comparison.group},
          {"quantity", comparison.quantity},
          {"against", comparison.against},
          {"published", finite_or_null(comparison.published)},
          {"measured", finite_or_null(comparison.measured)},
          {"low", finite_or_null(comparison.interval.low)},
          {"high", finite_or_null(comparison.interval.high)},
          {"criterion", comparison.criterion},
          {"met", comparison.met ? json(*comparison.met) : json()}};
}

}  // namespace

const Recipe& find_recipe(const std::string& name) {
  return base::find_by_name(recipes(), "recipe", name);
}

bool Reproduction::met() const {
  return std::ranges::all_of(conclusion.comparisons,
                             [](const auto& comparison) { return comparison.met.value_or(true); });
}

Reproduction reproduce(const Recipe& recipe, const ReproduceOptions& options, const Voice& voice) {
  const linalg::PlainFloat32 plain_float32;
  const base::Stopwatch watch;
  const auto plan = recipe.plan(options);
  check_memory(recipe, plan);
  voice.say(fmt::format("{}: {}", recipe.name, recipe.source));
  voice.say("time on two cores: " + recipe.cost);
  const auto result =
      measure_all(plan,
                  {.folder = options.folder, .threads = options.threads, .fresh = options.fresh},
                  fmt::format("{} at scale {}", recipe.name, claims::to_string(options.scale)),
                  voice);
  Reproduction reproduction{.recipe = &recipe,
                            .options = options,
                            .measured = result.now,
                            .reused = result.reused,
                            .interrupted = result.interrupted};
  if (!result.interrupted && recipe.make) {
    base::require(!options.folder.empty(),
                  ErrorKind::usage,
                  "{} keeps its runs in a folder, and none was given",
                  recipe.name);
    reproduction.interrupted = !recipe.make(options, voice);
  }
  if (!reproduction.interrupted) {
    reproduction.conclusion = recipe.conclude(options, result.measured);
  }
  reproduction.seconds = watch.seconds();
  return reproduction;
}

linalg::Interval interval_of_mean(const std::vector<double>& values) {
  if (values.size() < 2) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    return {.low = -kInfinity, .high = kInfinity};
  }
  const auto count = static_cast<double>(values.size());
  const double mean = linalg::mean(values);
  const double reach = linalg::student_quantile(0.975, count - 1) *
                       linalg::standard_deviation(values) / std::sqrt(count);
  return {.low = mean - reach, .high = mean + reach};
}

void add_mean(report::Series& series, double x, const std::vector<double>& values) {
  constexpr std::size_t kFewestForBand = 3;
  series.x.push_back(x);
  series.y.push_back(linalg::mean(values));
  if (values.size() < kFewestForBand) return;
  const auto interval = interval_of_mean(values);
  series.low.push_back(interval.low);
  series.high.push_back(interval.high);
}

Comparison compare(const std::string& group,
                   const std::string& quantity,
                   const std::string& against,
                   double published,
                   const std::vector<double>& measured,
                   std::optional<Tolerance> tolerance) {
  Comparison comparison{.group = group,
                        .quantity = quantity,
                        .against = against,
                        .published = published,
                        .measured = linalg::mean(measured),
                        .interval = interval_of_mean(measured)};
  if (!tolerance) return comparison;
  comparison.criterion = tolerance->relative > 0
                             ? fmt::format("within {:g} %", 100 * tolerance->relative)
                             : fmt::format("within {:g}", tolerance->absolute);
  comparison.met = std::abs(comparison.measured - published) <=
                   std::max(tolerance->relative * std::abs(published), tolerance->absolute);
  return comparison;
}

json to_json(const Reproduction& reproduction) {
  json comparisons = json::array();
  for (const auto& comparison : reproduction.conclusion.comparisons) {
    comparisons.push_back(to_json(comparison));
  }
  const auto& options = reproduction.options;
  json document{{"schema", kSchema},
                {"version", version()},
                {"kind", "reproduce"},
                {"recipe", reproduction.recipe->name},
                {"source", reproduction.recipe->source},
                {"scale", claims::to_string(options.scale)},
                {"seed", options.seed},
                {"comparisons", comparisons},
                {"met", reproduction.met()},
                {"findings", reproduction.conclusion.findings},
                {"measured", reproduction.measured},
                {"reused", reproduction.reused},
                {"seconds", reproduction.seconds},
                {"environment", environment_json()}};
  if (reproduction.recipe->reads_images) document["data"] = options.images;
  return document;
}

json recipes_json() {
  return {{"schema", kSchema},
          {"version", version()},
          {"kind", "recipes"},
          {"recipes", report::to_json(recipe_table())}};
}

}  // namespace overparam::study
