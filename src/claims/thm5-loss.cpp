// SPDX-License-Identifier: Apache-2.0
// Theorem 5: the four rates for losses other than the squared one. Near the start the outputs move
// by y' = -eta K grad f(y), so with eta = 1 / (Lip lambda_max(K)) each rate of descent in the
// outputs carries over with the factor lambda_min / lambda_max ~ delta:
//
//     (i)    |grad f|^2 >= 2 sigma (f - min f)     F falls linearly, T ~ 1/sigma
//     (ii)   f convex                              F <= C / t
//     (iii)  f smooth and bounded below            min_{s<=t} |grad_y f|^2 <= C / t, SGD too
//     (iv)   cross-entropy                         F <= 1/4 after poly / delta^2 steps
//
// A sample with loss below ln 2 has more than half of the probability on its label, so F <= 1/4
// means that all are right, whatever the network (footnote 7).
#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "support/experiment.hpp"
#include "support/training.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

/// (r_1^2 + sigma r_2^2) / 2 with sigma = 2^-halvings: Lip = 1, and gradient dominant with sigma.
template <int halvings>
net::Loss stretched() {
  using Vector = net::Loss::Vector;
  static constexpr double kSigma = 1.0 / (1 << halvings);
  static constexpr auto weight = [](std::size_t a) { return a == 0 ? 1 : kSigma; };
  net::Loss loss = net::find_loss("squared");
  loss.name = "stretched";
  loss.value = [](Vector output, Vector target) {
    double sum = 0;
    for (std::size_t a = 0; a < output.size(); ++a) {
      sum += weight(a) * (output[a] - target[a]) * (output[a] - target[a]);
    }
    return sum / 2;
  };
  loss.gradient = [](Vector output, Vector target, std::span<double> gradient) {
    for (std::size_t a = 0; a < output.size(); ++a) {
      gradient[a] = weight(a) * (output[a] - target[a]);
    }
  };
  loss.gradient_dominance = kSigma;
  return loss;
}

const net::Loss& stretched_loss(std::int64_t halvings) {
  static const std::array<net::Loss, 5> ladder{
      stretched<0>(), stretched<1>(), stretched<2>(), stretched<3>(), stretched<4>()};
  return ladder.at(static_cast<std::size_t>(halvings));
}

/// Labels i mod k in place of the targets: the pair at distance delta is in different classes.
void label_samples(train::Problem& problem) {
  const std::int64_t d = problem.targets.size(1);
  problem.num_classes = std::max<std::int64_t>(d, 2);
  problem.labels = at::arange(problem.size(), at::kLong).remainder(problem.num_classes);
  const auto type = problem.targets.scalar_type();
  problem.targets = d == 1 ? (2 * problem.labels - 1).to(type).view({-1, 1})
                           : at::one_hot(problem.labels, d).to(type);
}

/// What is read off a run at each of its measured steps.
struct Curve {
  std::vector<double> steps;
  std::vector<double> objectives;
  std::vector<double> accuracies;
  std::vector<double> least_gradients;  ///< min over the steps so far of |grad_y f|^2
  double descent = 0;                   ///< eta lambda_min(K) at the start

  /// The first measured step where `values` satisfy the condition; NaN if there is none.
  template <typename Condition>
  [[nodiscard]] double first(const std::vector<double>& values, Condition condition) const {
    const auto found = std::ranges::find_if(values, condition);
    return found == values.end() ? std::numeric_limits<double>::quiet_NaN()
                                 : steps[static_cast<std::size_t>(found - values.begin())];
  }
};

/// |grad_y f|^2 over all samples.
double squared_gradient(const train::Moment& moment, const train::Problem& problem) {
  if (moment.cotangent != nullptr) return moment.cotangent->pow(2).sum().item<double>();
  at::Tensor cotangent = at::empty_like(problem.targets);
  const at::Tensor outputs = moment.network.forward(problem.inputs, moment.workspace);
  net::evaluate(problem.loss, outputs, problem.targets, {}, 0, &cotangent);
  return cotangent.pow(2).sum().item<double>();
}

Curve follow(const Point& point, const train::Problem& problem, train::TrainOptions options) {
  net::Network network = fc_network(point, problem);
  net::Workspace workspace(network.options());
  const auto choice =
      train::choose_step(train::parse_step_rule("critical"), network, problem, options, workspace);
  options.step_size = choice.step_size;
  Curve curve;
  curve.descent = choice.step_size * kernel_ends(network, problem.inputs).smallest;
  double least = std::numeric_limits<double>::infinity();
  train::train(network, problem, options, {.on_measurement = [&](const train::Moment& moment) {
                 least = std::min(least, squared_gradient(moment, problem));
                 curve.steps.push_back(static_cast<double>(moment.step));
                 curve.objectives.push_back(moment.evaluation.objective);
                 curve.accuracies.push_back(moment.evaluation.accuracy);
                 curve.least_gradients.push_back(least);
               }});
  return curve;
}

/// t = 2^(k/4), rounded, for some k >= 0.
bool is_on_grid(double t) {
  return t >= 1 && std::round(std::exp2(std::round(4 * std::log2(t)) / 4)) == t;
}

/// (i) T to F <= 1e-4 F_0, and whether log F ends as a straight line.
std::vector<Row> measure_dominant(const Point& point, train::Problem problem) {
  constexpr double kRatio = 1e-4;
  const bool is_ladder = point.design == "sigma";
  problem.loss =
      is_ladder ? stretched_loss(point.integer("halvings")) : net::find_loss("gradient-dominant");
  const Curve curve =
      follow(point, problem, {.stop = {.max_steps = 20'000, .target_ratio = kRatio}});
  TrainingRun run;
  run.steps = curve.steps;
  run.objectives = curve.objectives;
  Row row = row_of(point);
  row.values["sigma"] = problem.loss.gradient_dominance;
  row.values["steps"] = run.steps_to(kRatio);
  row.values["final_ratio"] = run.objectives.back() / run.objectives.front();
  row.values["tail_r_squared"] = run.tail().r_squared;
  return {row};
}

/// (ii): F after t = 2^(k/4) steps.
std::vector<Row> measure_convex(const Point& point, train::Problem problem) {
  problem.loss = net::find_loss(point.design);
  if (problem.loss.targets != net::TargetKind::any) label_samples(problem);
  problem.targets *= point.get("scale", 1);
  const Curve curve =
      follow(point,
             problem,
             {.stop = {.max_steps = point.integer("max_steps"), .target_objective = 1e-20}});
  std::vector<Row> rows;
  for (std::size_t i = 0; i < curve.steps.size(); ++i) {
    if (!is_on_grid(curve.steps[i])) continue;
    Row row = row_of(point);
    row.values["t"] = curve.steps[i];
    row.values["F"] = curve.objectives[i];
    row.values["ratio"] = curve.objectives[i] / curve.objectives.front();
    rows.push_back(std::move(row));
  }
  return rows;
}

/// (iii): steps of SGD to |grad_y f| <= eps, and the largest t eta lambda_min min_{s <= t} |grad_y
/// f|^2 / (2 F_0).
std::vector<Row> measure_bounded(const Point& point, train::Problem problem) {
  problem.loss = net::find_loss("bounded");
  const std::int64_t b = point.integer("b");
  const Curve curve = follow(point,
                             problem,
                             {.method = train::Method::sgd,
                              .batch_size = b,
                              .sampling = train::Sampling::subset,
                              .stop = {.max_steps = 20'000, .target_objective = 1e-7},
                              .measure_every = point.integer("n") / b,
                              .seed = point.seed()});
  double over_descent = 0;
  for (std::size_t i = 0; i < curve.steps.size(); ++i) {
    over_descent = std::max(
        over_descent,
        curve.steps[i] * curve.descent * curve.least_gradients[i] / (2 * curve.objectives.front()));
  }
  std::vector<Row> rows;
  for (const double eps : {0.1, 0.03, 0.01, 0.003}) {
    Row row = row_of(point);
    row.values["eps"] = eps;
    row.values["steps"] =
        curve.first(curve.least_gradients, [eps](double squared) { return squared <= eps * eps; });
    row.values["over_descent"] = over_descent;
    rows.push_back(std::move(row));
  }
  return rows;
}

/// (iv) First steps with all samples right and with F <= 1/4, and how many steps had
/// F <= 1/4 and a sample wrong. Setting "conflict" gives two equal inputs different labels.
std::vector<Row> measure_accuracy(const Point& point, train::Problem problem) {
  problem.loss = net::find_loss("cross-entropy");
  label_samples(problem);
  if (point.get("conflict", 0) != 0) problem.inputs[1].copy_(problem.inputs[0]);
  const Curve curve =
      follow(point,
             problem,
             {.stop = {.max_steps = static_cast<std::int64_t>(point.get("max_steps", 20'000)),
                       .target_objective = 0.2}});
  double wrong = 0;
  for (std::size_t i = 0; i < curve.steps.size(); ++i) {
    wrong += curve.objectives[i] <= 0.25 && curve.accuracies[i] < 1 ? 1 : 0;
  }
  Row row = row_of(point);
  row.values["steps_right"] = curve.first(curve.accuracies, [](double a) { return a == 1; });
  row.values["steps_quarter"] = curve.first(curve.objectives, [](double F) { return F <= 0.25; });
  row.values["wrong_below_quarter"] = wrong;
  row.values["all_right"] = std::isfinite(row.at("steps_right")) ? 1 : 0;
  return {row};
}

std::vector<Row> measure(const Point& original) {
  Point point = original;
  point.settings.try_emplace("d", 1);
  point.settings.try_emplace("dx", 20);
  const train::Problem problem = sphere_problem(point, at::kDouble);
  if (point.design == "sigma" || point.design == "dominant") {
    return measure_dominant(point, problem);
  }
  if (point.design == "n" || point.design == "delta" || point.design == "m") {
    return measure_accuracy(point, problem);
  }
  return point.design == "bounded" ? measure_bounded(point, problem)
                                   : measure_convex(point, problem);
}

/// Past the first plateau, above the precision of F.
bool is_falling(const Row& row) { return row.at("ratio") < 0.5 && row.at("ratio") > 1e-12; }

/// Every sample is right and sees the tail of its loss, which is where F <= C / t is reached:
/// before, a sum of exponentials falls from its plateau.
bool is_in_the_tail(const Row& row) { return row.at("F") <= 0.25; }

Law convex_rate(const char* loss, bool (*keep)(const Row&)) {
  return {.name = std::string("F in t, ") + loss,
          .design = loss,
          .x = "t",
          .y = "F",
          .predicted = -1,
          .keep = keep};
}

struct Size {
  double m;
  double L;
  double max_steps;
  int seeds;        ///< of curves
  int label_seeds;  ///< of first steps, which scatter more
  std::vector<double> samples;
  std::vector<double> widths;
};

std::vector<Design> designs_of(const Size& size) {
  const auto fixed = [&](Values more) {
    more.insert({{"m", size.m}, {"L", size.L}});
    more.insert({{"n", 4}, {"delta", 0.8}, {"max_steps", size.max_steps}});
    return more;
  };
  const auto without = [](Values values, const char* name) {
    values.erase(name);
    return values;
  };
  const Values labelled{{"L", size.L}, {"d", 2}, {"n", 4}, {"delta", 0.5}, {"m", size.m}};
  return {
      {.name = "sigma",
       .fixed = fixed({{"d", 2}}),
       .axes = {{"halvings", {0, 1, 2, 3}}},
       .seeds = size.seeds},
      {.name = "dominant", .fixed = fixed({}), .seeds = size.seeds},
      {.name = "huber", .fixed = fixed({{"scale", 5}}), .seeds = size.seeds},
      {.name = "logistic", .fixed = fixed({}), .seeds = size.seeds},
      {.name = "cross-entropy", .fixed = fixed({{"d", 3}}), .seeds = size.seeds},
      {.name = "bounded", .fixed = fixed({{"b", 2}}), .seeds = size.seeds},
      {.name = "n",
       .fixed = without(labelled, "n"),
       .axes = {{"n", size.samples}},
       .seeds = size.label_seeds},
      {.name = "delta",
       .fixed = without(labelled, "delta"),
       .axes = {{"delta", {0.2, 0.3, 0.5, 0.8}}},
       .seeds = size.label_seeds},
      {.name = "m",
       .fixed = without(labelled, "m"),
       .axes = {{"m", size.widths}},
       .seeds = 2 * size.label_seeds},
  };
}

std::vector<Design> designs(Scale scale) {
  switch (scale) {
    case Scale::quick:
      return designs_of({64, 2, 256, 2, 4, {4, 6, 8, 12}, {64, 96, 128, 256}});
    case Scale::standard:
      return designs_of({128, 2, 1024, 3, 5, {4, 6, 10, 16}, {64, 128, 256, 512}});
    default:
      return designs_of({1024, 2, 16'384, 5, 10, {5, 10, 20, 40, 80}, {64, 128, 256, 512, 1024}});
  }
}

Law accurate_in(const char* variable,
                const char* y,
                const char* what,
                double predicted,
                Limit limit = Limit::large) {
  return {.name = std::string(what) + " in " + variable,
          .design = variable,
          .x = variable,
          .y = y,
          .predicted = predicted,
          .limit = limit};
}

/// The mean of a column over the designs of (iv).
std::function<double(const std::vector<Row>&)> mean_over_labelled(const std::string& name) {
  return [=](const std::vector<Row>& rows) {
    std::vector<double> values;
    for (const auto& row : rows) {
      if (row.has(name)) values.push_back(row.at(name));
    }
    return linalg::mean(values);
  };
}

}  // namespace

Claim thm5_loss() {
  return {
      .id = "thm5-loss",
      .group = Group::losses,
      .statement =
          "other losses: T ~ 1/sigma log(1/eps) if f is sigma-gradient dominant, F <= C/t if "
          "convex, |grad f| <= eps after C/eps^2 steps of SGD if not, and 100 % training accuracy "
          "with cross-entropy after poly(n, L) / delta^2 steps",
      .source = "Theorem 5 (a-d)",
      .quantity = "T, F after t steps, steps to |grad_y f| <= eps and to all samples right",
      .window =
          "m >= poly(n, L, 1/delta) d with the powers of thm1, and more for small sigma or eps: "
          "not "
          "within a machine's reach",
      .inside_window = wide_enough_to_train,
      .expected = {VerdictKind::tight, VerdictKind::consistent, VerdictKind::loose},
      .designs = designs,
      .measure = measure,
      .memory = measurement_memory,
      .laws = {steps_bound("T in sigma", "sigma", "sigma", -1, Limit::small),
               convex_rate("huber", is_falling),
               convex_rate("logistic", is_in_the_tail),
               convex_rate("cross-entropy", is_in_the_tail),
               steps_bound("T(|grad_y f| <= eps) in eps, SGD", "bounded", "eps", -2, Limit::small),
               accurate_in("n", "steps_right", "T(100 %)", 6),
               accurate_in("delta", "steps_quarter", "T(F <= 1/4)", -2, Limit::small),
               accurate_in("m", "steps_quarter", "T(F <= 1/4)", 0)},
      .checks = {all_reach("1e-4 F_0", "sigma"),
                 all_reach("|grad_y f| <= eps", "bounded"),
                 all_reach("F <= 1/4", "delta", "steps_quarter"),
                 all_reach("F <= 1/4", "m", "steps_quarter"),
                 {.name = "least R^2 of log F against t over the last decade, r^2 + 3 sin^2 r",
                  .meaning = "a linear rate without convexity",
                  .value = least("dominant", "tail_r_squared"),
                  .low = 0.95,
                  .high = 1},
                 {.name = "largest F_T / F_0, r^2 + 3 sin^2 r",
                  .meaning = "no stationary point but the minimum",
                  .value = most("dominant", "final_ratio"),
                  .low = 0,
                  .high = 1e-4},
                 {.name = "largest t eta lambda_min min |grad_y f|^2 / (2 F_0), SGD",
                  .meaning = "1 in the descent lemma with the kernel of the start",
                  .value = most("bounded", "over_descent"),
                  .low = 0,
                  .high = 1},
                 {.name = "share of runs with all samples right",
                  .meaning = "100 % after finitely many steps, as every delta > 0",
                  .value = mean_over_labelled("all_right"),
                  .low = 1,
                  .high = 1},
                 {.name = "steps with F <= 1/4 and a sample wrong, per run",
                  .meaning = "none can be: footnote 7",
                  .value = mean_over_labelled("wrong_below_quarter"),
                  .low = 0,
                  .high = 0}},
      .positive_control = {.description = "m = 64, n = 4",
                           .designs =
                               designs_of({64, 2, 256, 1, 4, {3, 5, 8, 12}, {64, 96, 128, 256}})},
      .negative_control = {.description =
                               "Assumption 2.1 broken: two equal inputs in different classes",
                           .designs = {{.name = "delta",
                                        .fixed = {{"n", 4},
                                                  {"m", 64},
                                                  {"L", 1},
                                                  {"d", 2},
                                                  {"delta", 0.5},
                                                  {"conflict", 1},
                                                  {"max_steps", 500}},
                                        .seeds = 2}}},
  };
}

}  // namespace overparam::claims
