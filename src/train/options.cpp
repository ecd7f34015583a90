// SPDX-License-Identifier: Apache-2.0
#include "overparam/train/options.hpp"

#include <cmath>

#include "overparam/base/catalogue.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"

namespace overparam::train {

namespace {

using base::require;

constexpr base::EnumNames<Method, 3> kMethods{
    {{Method::gd, "gd"}, {Method::sgd, "sgd"}, {Method::gauss_newton, "gauss-newton"}}};
constexpr base::EnumNames<Solver, 3> kSolvers{
    {{Solver::automatic, "auto"}, {Solver::dense, "dense"}, {Solver::conjugate_gradients, "cg"}}};
constexpr base::EnumNames<Sampling, 3> kSamplings{{{Sampling::epoch, "epoch"},
                                                   {Sampling::subset, "subset"},
                                                   {Sampling::replacement, "replacement"}}};

void require_positive(const char* option, double value) {
  require(value > 0 && std::isfinite(value),
          ErrorKind::usage,
          "{} must be a positive number, found {}",
          option,
          value);
}

void require_not_negative(const char* option, double value) {
  require(value >= 0 && std::isfinite(value),
          ErrorKind::usage,
          "{} must not be negative, found {}",
          option,
          value);
}

}  // namespace

std::string to_string(Method method) { return base::name_in(kMethods, method); }
std::string to_string(Sampling sampling) { return base::name_in(kSamplings, sampling); }
Method parse_method(const std::string& name) { return base::value_in(kMethods, "method", name); }
std::string to_string(Solver solver) { return base::name_in(kSolvers, solver); }
Solver parse_solver(const std::string& name) { return base::value_in(kSolvers, "solver", name); }
Sampling parse_sampling(const std::string& name) {
  return base::value_in(kSamplings, "sampling", name);
}

linalg::Products TrainOptions::products_in_use() const {
  const auto chosen = linalg::choose_products(products);
  // SGD has no references that would make up for int8's rounding.
  const bool too_coarse = method == Method::sgd && chosen == linalg::Products::int8;
  return too_coarse ? linalg::Products::plain : chosen;
}

void TrainOptions::validate(std::int64_t num_samples) const {
  if (method != Method::gauss_newton) require_positive("step size", step_size);
  require(num_samples > 0, ErrorKind::data, "there are no samples to train on");
  require(batch_of(num_samples) >= 1 && batch_of(num_samples) <= num_samples && batch_size >= 0,
          ErrorKind::usage,
          "batch must lie between 1 and the {} samples, found {}",
          num_samples,
          batch_size);
  require(momentum >= 0 && momentum < 1,
          ErrorKind::usage,
          "momentum must lie in [0, 1), found {}",
          momentum);
  require_not_negative("weight decay", weight_decay);
  require(method != Method::gauss_newton || (momentum == 0 && weight_decay == 0),
          ErrorKind::usage,
          "gauss-newton takes no {}, found {}",
          momentum > 0 ? "momentum" : "weight decay",
          momentum > 0 ? momentum : weight_decay);
  require_not_negative("damping", newton.damping);
  require(newton.tolerance > 0 && newton.tolerance < 1,
          ErrorKind::usage,
          "tolerance of linear solves must lie in (0, 1), found {}",
          newton.tolerance);
  require(stop.max_steps >= 0,
          ErrorKind::usage,
          "max steps must not be negative, found {}",
          stop.max_steps);
  require_not_negative("target objective", stop.target_objective);
  require_not_negative("target ratio", stop.target_ratio);
  require_not_negative("gradient norm", stop.gradient_norm);
  require_not_negative("max seconds", stop.max_seconds);
  require(stop.target_accuracy >= 0 && stop.target_accuracy <= 1,
          ErrorKind::usage,
          "target accuracy must lie in [0, 1], found {}",
          stop.target_accuracy);
  require(measure_every >= 0,
          ErrorKind::usage,
          "measure every must not be negative, found {}",
          measure_every);
  for (const auto& change : schedule) require_positive("schedule factor", change.factor);
}

std::vector<StepChange> parse_schedule(const std::string& text) {
  std::vector<StepChange> schedule;
  if (text.empty()) return schedule;
  for (const auto& part : base::split(text, ',')) {
    const auto fields = base::split(part, ':');
    const auto step = base::parse_integer(fields.front());
    const auto factor = fields.size() == 2 ? base::parse_number(fields.back()) : std::nullopt;
    require(step && factor && *step >= 0 && *factor > 0,
            ErrorKind::usage,
            "schedule: \"{}\" is not STEP:FACTOR with a positive factor, as in 1000:0.1,2000:0.1",
            part);
    schedule.push_back({*step, *factor});
  }
  return schedule;
}

}  // namespace overparam::train
