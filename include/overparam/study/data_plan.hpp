// SPDX-License-Identifier: Apache-2.0
// What can be said of training before any of it: can these data be fitted, how wide must the
// network be, which step size, how long. The tangent kernel answers: of the infinitely wide
// network, K_infinity = scale Theta (x) I_d in closed form, and of sampled finite ones.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "overparam/linalg/fit.hpp"
#include "overparam/report/page.hpp"
#include "overparam/study/prepare.hpp"
#include "overparam/study/voice.hpp"

namespace overparam::study {

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// K_infinity at the network's scale, over `samples` of the training samples.
struct LimitFacts {
  bool known = false;
  std::string reason;  ///< why it is not known
  std::string method;  ///< closed form, or how many particles
  double standard_error = 0;
  std::int64_t samples = 0;
  std::int64_t distinct = 0;  ///< of them
  double scale = kUnknown;
  double lambda_min = kUnknown;           ///< 0 where samples are repeated
  double lambda_min_distinct = kUnknown;  ///< of the distinct samples
  double lambda_max = kUnknown;
  double condition = kUnknown;           ///< infinite where lambda_min = 0
  double condition_distinct = kUnknown;  ///< of the distinct samples
  double jitter = 0;           ///< relative to the mean diagonal, of the inverse behind lambda_min
  bool singular = false;       ///< the distinct samples' kernel, as far as float64 can tell
  std::string eigenvalues_by;  ///< the eigen-solver, in words
  std::vector<double> eigenvalues;  ///< ascending, of the distinct samples; empty for many
};

/// lambda_min(K_m) / lambda_min(K_infinity) of one sampled network on some samples and outputs.
struct WidthRatio {
  std::int64_t samples = 0, outputs = 0, width = 0;
  int seed = 0;
  double ratio = 0;
  bool is_bound = false;  ///< the ratio is at most this: that of a subset
};

/// The width at which that ratio is 1/2: the geometric mean over the seeds, 95 % by Student's t.
struct HalfWidth {
  std::int64_t samples = 0, outputs = 0;
  double width = 0;
  linalg::Interval interval;
};

/// The width with lambda_min(K_m) >= lambda_min(K_infinity) / 2 for the full (n d, n d) kernel.
struct NeededWidth {
  bool found = false;
  std::string reason;         ///< why it was not found
  bool extrapolated = false;  ///< beyond what was measured
  double width = kUnknown;
  linalg::Interval interval{kUnknown, kUnknown};  ///< 95 %
  double samples_exponent = kUnknown;             ///< m ~ n^a d^b over what was measured
  double outputs_exponent = kUnknown;
  int seeds = 0;
  std::int64_t widest = 0;     ///< of the sampled networks
  std::int64_t unreached = 0;  ///< subsets that no sampled width sufficed for
  std::vector<WidthRatio> ratios;
  std::vector<HalfWidth> half_widths;
};

/// The step size and where it comes from.
struct StepFacts {
  std::int64_t samples = 0;        ///< lambda_max is theirs, times n / samples
  double lambda_max = kUnknown;    ///< of the network at the settings' width
  double step_size = kUnknown;     ///< of gd, by the settings' rule
  double largest_step = kUnknown;  ///< 2 / (Lip lambda_max)
  double sgd_step = kUnknown;
  std::int64_t batch_size = 0;
  double limit_step = kUnknown;  ///< 1 / (Lip lambda_max(K_infinity))
};

/// Steps of the linear model; nothing where it never gets there or none was made.
struct PredictedSteps {
  std::optional<std::int64_t> gd, sgd;
};

struct DurationFacts {
  double ratio = 0;          ///< the share of F_0 that the steps lead to
  std::string reason;        ///< why there is no prediction; empty if there is
  bool reachable = true;     ///< whether that share is above what no network can go below
  std::string model;         ///< whose kernel predicts: the network's, or K_infinity
  std::int64_t samples = 0;  ///< that `predicted` is for
  PredictedSteps predicted;
  PredictedSteps predicted_by_limit;
  int products = 0;        ///< of K with a vector
  double uncertainty = 0;  ///< relative change when the products were last doubled
  std::vector<double> curve_steps, curve_objectives;  ///< of gd

  std::int64_t excess_samples = 0;
  double excess = kUnknown;        ///< real steps over the linear model's, gd on a subset
  double excess_ratio = kUnknown;  ///< the share of F_0 that this run came to
  std::int64_t excess_steps = 0;

  std::int64_t newton_samples = 0;
  std::optional<std::int64_t> newton_steps;  ///< counted on a subset; nothing: it failed
  double newton_ratio = kUnknown;            ///< where they ended
  double subset_lambda_min = kUnknown;       ///< of the network's kernel on that subset
  double subset_lambda_max = kUnknown;

  double seconds_per_step = kUnknown;  ///< of gd
  std::int64_t timed_samples = 0;      ///< on which it was measured
  std::uint64_t memory = 0;            ///< bytes that training holds at once
  std::string memory_items;
};

struct DataPlan {
  PreparedData prepared;
  std::string network;  ///< in words
  std::int64_t width = 0, depth = 0, outputs = 0;
  std::int64_t seed = 0;
  std::string loss;
  bool constant_targets = false;
  double initial_objective = kUnknown;
  LimitFacts limit;
  NeededWidth needed;
  StepFacts step;
  DurationFacts duration;
  std::vector<std::pair<std::string, double>> stages;  ///< seconds
  bool interrupted = false;
};

/// What planning may spend. Amounts of work come from counts of operations, so that the same
/// settings measure the same on every machine; the seconds are a guard for slow ones.
struct PlanLimits {
  std::int64_t limit_samples = 4000;  ///< K_infinity of no more
  double width_operations = 6e11;
  double width_seconds = 22;
  int width_seeds = 6;
  std::int64_t width_samples = 100;
  std::int64_t width_outputs = 10;
  double product_operations = 5e10;  ///< of one product of the finite kernel
  double prediction_seconds = 9;
  double training_operations = 2.5e11;
  double training_seconds = 9;
};

/// Looks at the data and the network of the settings. Between two stages, and within long ones, it
/// asks whether the user interrupted; the plan then holds what was found so far.
/// @throws Error(data), Error(usage) as prepare_data and build_architecture, Error(capacity) with
/// the plan if training would not fit the memory
DataPlan plan_data(const Settings& settings, const Voice& voice, const PlanLimits& limits = {});

/// The four answers in plain sentences, a paragraph each.
std::vector<std::pair<std::string, std::string>> plan_answers(const DataPlan& plan);

nlohmann::json to_json(const DataPlan& plan);
report::Table plan_table(const DataPlan& plan);
report::Page plan_page(const DataPlan& plan);

}  // namespace overparam::study
