// SPDX-License-Identifier: Apache-2.0
// Li and Liang 2018: a two-layer ReLU network y = a phi(W x), w_r ~ N(0, 1/m), a fixed with entries
// N(0, 1), trained by SGD on the cross-entropy of data in separated clusters, generalises although
// m is far beyond the number of samples. The reason is the coupling: after t steps every w_r has
// moved by eta t O(1) at most, |w_r^T x| ~ 1/sqrt(m), so with eta ~ 1/m only a share 1/sqrt(m) of
// the activation patterns has changed, and |W - W^(0)|_F / |W^(0)|_F falls as 1/sqrt(m) too. The
// data span few directions, so the update has low rank.
#include <cmath>

#include "overparam/claims/structured_run.hpp"
#include "overparam/data/prepare.hpp"
#include "overparam/data/sources.hpp"
#include "support/experiment.hpp"

namespace overparam::claims {

namespace {

constexpr std::int64_t kComponents = 2;  // clusters a class

/// One run. Settings: k classes, n training and as many test samples, "steps", and "random_labels".
std::vector<Row> measure(const Point& point) {
  const std::int64_t k = point.integer("k");
  const std::int64_t n = point.integer("n");
  data::Dataset dataset = data::find_generator("clusters")
                              .generate({
                                  .num_samples = n,
                                  .num_test_samples = n,
                                  .dimension = point.integer("dx"),
                                  .num_classes = k,
                                  .seed = point.seed(),
                              });
  if (point.get("random_labels", 0) != 0) {
    data::apply_label_noise(dataset, {.probability = 1}, point.seed());
  }
  data::encode_targets(dataset, k);
  data::normalise(dataset, data::Normalisation::unit, at::kFloat);
  const auto result = run_structured(
      dataset,
      {.width = point.integer("m"), .steps = point.integer("steps"), .seed = point.seed()});
  Row row = row_of(point);
  row.values["train_accuracy"] = result.train_accuracy;
  row.values["test_accuracy"] = result.test_accuracy;
  row.values["changed_share"] = result.changed_signs;
  row.values["changed_constant"] = result.changed_signs * std::sqrt(point.at("m"));
  row.values["relative_distance"] = result.relative_distance;
  row.values["energy"] = result.energy_of_rank(kComponents * k);
  return {row};
}

Law in_width(const char* y, const char* what) {
  return {.name = std::string(what) + " in m", .design = "m", .x = "m", .y = y, .predicted = -0.5};
}

std::vector<Design> designs_of(Values fixed, const std::vector<double>& widths, int seeds) {
  return {{.name = "m", .fixed = std::move(fixed), .axes = {{"m", widths}}, .seeds = seeds}};
}

const Values kSmall{{"k", 5}, {"dx", 60}, {"n", 200}, {"steps", 100}};

}  // namespace

Claim liliang18() {
  return {
      .id = "liliang18",
      .group = Group::neighbours,
      .statement =
          "SGD on a two-layer ReLU network learns clustered data to small test error, moving few "
          "activation patterns and the weights little",
      .source = "Li and Liang 2018 (arXiv 1808.01204)",
      .quantity =
          "test accuracy, share of changed patterns, |W - W^(0)|_F / |W^(0)|_F, rank of W - W^(0)",
      .window =
          "m >= poly(k, l, 1/delta, 1/eps), and clusters of diameter <= delta / (8 l), which the "
          "experiment's clusters exceed: outside",
      .expected = {VerdictKind::tight, VerdictKind::consistent, VerdictKind::loose},
      .designs = [](Scale scale) -> std::vector<Design> {
        switch (scale) {
          case Scale::quick:
            return designs_of(kSmall, {100, 200, 400, 800}, 2);
          case Scale::standard:
            return designs_of(
                {{"k", 10}, {"dx", 200}, {"n", 500}, {"steps", 200}}, {250, 500, 1000, 2000}, 3);
          default:
            return designs_of({{"k", 10}, {"dx", 1000}, {"n", 1000}, {"steps", 400}},
                              {500, 1000, 2000, 4000, 8000, 16'000},
                              5);
        }
      },
      .measure = measure,
      .memory =
          [](const Point& point) {
            return plan_structured(2 * point.integer("n"), point.integer("dx"), point.integer("m"))
                .total();
          },
      .laws = {in_width("changed_share", "share of changed activation patterns"),
               in_width("relative_distance", "|W - W^(0)|_F / |W^(0)|_F")},
      .checks = {{.name = "mean test accuracy",
                  .meaning = "the clusters are apart: nearly all",
                  .value = mean_where("m", "test_accuracy", {}),
                  .low = 0.95,
                  .high = 1},
                 {.name = "largest sqrt(m) times share of changed activation patterns",
                  .meaning = "the constant of the coupling with the network of the start",
                  .value = most("m", "changed_constant"),
                  .low = 0,
                  .high = 4},
                 {.name = "least share of |W - W^(0)|_F^2 in the k l largest singular values",
                  .meaning = "gradients lie near the span of the k l cluster centres",
                  .value = least("m", "energy"),
                  .low = 0.8,
                  .high = 1}},
      .positive_control = {.description = "5 classes in 60 dimensions",
                           .designs = designs_of(kSmall, {50, 100, 200, 400}, 2)},
      .negative_control =
          {.description = "the clusters given up: labels drawn at random, nothing to generalise",
           .designs = designs_of(
               [] {
                 Values fixed = kSmall;
                 fixed["random_labels"] = 1;
                 return fixed;
               }(),
               {100, 200, 400},
               1)},
  };
}

}  // namespace overparam::claims
