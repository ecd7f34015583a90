// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/recipe.hpp"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>
#include <set>

#include "overparam/base/files.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/data/prepare.hpp"
#include "overparam/data/sources.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/net/network.hpp"
#include "recipes/support/parity_run.hpp"
#include "recipes/support/quadratic_risk.hpp"
#include "recipes/support/two_layer_run.hpp"
#include "support/files.hpp"

namespace overparam::study {
namespace {

using claims::Point;
using claims::Row;
using claims::Scale;
using tests::expect_error;
using tests::TemporaryFolder;

constexpr Scale kScales[] = {Scale::quick, Scale::standard, Scale::full};

/// Three points, each one row with twice its x, published as 2 at x = 1.
Recipe doubling(int* runs) {
  const auto plan = [runs](const ReproduceOptions& options) {
    std::vector<Measurement> measurements;
    for (const auto& point :
         claims::points_of({.name = "all", .axes = {{"x", {1, 2, 3}}}}, options.seed)) {
      measurements.push_back(measurement_of("doubling", 1, point, 8, [runs](const Point& at) {
        ++*runs;
        return std::vector<Row>{
            {.design = at.design, .values = {{"x", at.at("x")}, {"y", 2 * at.at("x")}}}};
      }));
    }
    return measurements;
  };
  const auto conclude = [](const ReproduceOptions&, const std::vector<Measured>& measured) {
    const auto rows = rows_of(measured, "doubling");
    Conclusion conclusion{.findings = {"doubled"},
                          .data = {.title = "All", .columns = {{"y", ""}}}};
    conclusion.comparisons = {
        compare("all", "y", "the table", 2, {rows.at(0).at("y")}, Tolerance{.relative = 0.1}),
        compare("all", "y", "elsewhere", 7, {rows.at(0).at("y")}, std::nullopt)};
    return conclusion;
  };
  return {.name = "doubling",
          .title = "Doubled numbers",
          .source = "none",
          .cost = "nothing",
          .plan = plan,
          .conclude = conclude};
}

class EveryRecipe : public testing::TestWithParam<std::string> {
 protected:
  [[nodiscard]] static const Recipe& recipe() { return find_recipe(GetParam()); }
};

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto& recipe : recipes()) all.push_back(recipe.name);
  return all;
}

TEST_P(EveryRecipe, NamesSourceAndCost) {
  for (const auto& text : {recipe().title, recipe().source, recipe().cost}) {
    EXPECT_FALSE(text.empty());
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    EXPECT_NE(text.back(), '.') << text;
  }
  for (const char* scale : {"quick", "standard"}) {
    EXPECT_NE(recipe().cost.find(scale), std::string::npos) << recipe().cost;
  }
}

TEST_P(EveryRecipe, PlansDistinctMeasurementsThatGrowWithTheScale) {
  std::size_t former = 0;
  for (const auto scale : kScales) {
    const auto plan = recipe().plan({.scale = scale});
    std::set<std::string> keys;
    for (const auto& measurement : plan) {
      keys.insert(measurement.key);
      EXPECT_FALSE(measurement.owner.empty());
      EXPECT_FALSE(measurement.name.empty());
      EXPECT_GT(measurement.bytes, 0u) << measurement.name;
    }
    EXPECT_EQ(keys.size(), plan.size());
    EXPECT_GE(plan.size(), former);
    former = plan.size();
  }
  // A recipe without measurements makes runs of its own; one with both is a recipe too.
  EXPECT_TRUE(former > 0 || recipe().make != nullptr);
}

TEST_P(EveryRecipe, AnotherSeedIsAnotherMeasurement) {
  const auto first = recipe().plan({.scale = Scale::quick});
  const auto other = recipe().plan({.scale = Scale::quick, .seed = 1'000});
  ASSERT_EQ(first.size(), other.size());
  if (first.empty()) GTEST_SKIP() << "it has no measurements: it makes runs of its own";
  EXPECT_NE(first.front().key, other.front().key);
}

INSTANTIATE_TEST_SUITE_P(Recipes,
                         EveryRecipe,
                         testing::ValuesIn(names()),
                         [](const testing::TestParamInfo<std::string>& tested) {
                           std::string name = tested.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(RecipeCatalogue, FindsByNameAndNamesTheNearest) {
  EXPECT_EQ(find_recipe("du2018-fig1").name, "du2018-fig1");
  expect_error(ErrorKind::usage, {"recipe \"du2018\"", "known: "}, [] { find_recipe("du2018"); });
  expect_error(
      ErrorKind::usage, {"did you mean \"du2018-fig1\""}, [] { find_recipe("du2018-fig2"); });
  EXPECT_EQ(recipe_table().rows.size(), recipes().size());
}

TEST(Reproduce, ComparesAndWritesRows) {
  const TemporaryFolder folder;
  int runs = 0;
  const auto recipe = doubling(&runs);
  const auto result = reproduce(recipe, {.threads = 1, .folder = folder.path()}, {});
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(result.measured, 3);
  EXPECT_TRUE(result.met()) << "what only is shown decides nothing";
  const auto document = to_json(result);
  EXPECT_EQ(document.at("kind"), "reproduce");
  EXPECT_EQ(document.at("met"), true);
  EXPECT_EQ(document.at("comparisons").at(0).at("met"), true);
  EXPECT_TRUE(document.at("comparisons").at(1).at("met").is_null());
  EXPECT_EQ(base::read_json_lines(folder / "rows.jsonl").size(), 3u);

  const auto again = reproduce(recipe, {.threads = 1, .folder = folder.path()}, {});
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(again.reused, 3);
}

TEST(Reproduce, AKilledOneGoesOn) {
  const TemporaryFolder folder;
  int runs = 0;
  auto recipe = doubling(&runs);
  const auto whole = recipe.plan;
  // The second measurement is interrupted while it runs.
  recipe.plan = [&](const ReproduceOptions& options) {
    auto plan = whole(options);
    plan[1].run = [] {
      base::set_interrupt(2);
      return std::vector<Row>{{.values = {{"y", -1}}}};
    };
    return plan;
  };
  const ReproduceOptions options{.threads = 1, .folder = folder.path()};
  const auto stopped = reproduce(recipe, options, {});
  base::set_interrupt(0);
  EXPECT_TRUE(stopped.interrupted);
  EXPECT_TRUE(stopped.conclusion.findings.empty());
  EXPECT_EQ(base::read_json_lines(folder / "rows.jsonl").size(), 1u);

  // The line that was being written when the process was killed is cut off and measured again.
  const std::string text = base::read_file(folder / "rows.jsonl");
  tests::write_bytes(folder / "rows.jsonl", text + "{\"key\": \"half");
  recipe.plan = whole;
  const auto finished = reproduce(recipe, options, {});
  EXPECT_EQ(finished.reused, 1);
  EXPECT_EQ(finished.measured, 2);
  EXPECT_EQ(runs, 3);
  EXPECT_TRUE(finished.met());
}

TEST(Reproduce, AMissedNumberIsMissed) {
  int runs = 0;
  auto recipe = doubling(&runs);
  recipe.conclude = [](const ReproduceOptions&, const std::vector<Measured>&) {
    return Conclusion{.comparisons = {compare(
                          "all", "y", "the table", 2, {2.3, 2.3}, Tolerance{.relative = 0.1})}};
  };
  const auto result = reproduce(recipe, {.threads = 1}, {});
  EXPECT_FALSE(result.met());
  EXPECT_EQ(std::get<std::string>(comparison_table(result).rows.at(0).back()), "no");
}

TEST(Reproduce, RefusesWhatDoesNotFit) {
  int runs = 0;
  auto recipe = doubling(&runs);
  const auto whole = recipe.plan;
  recipe.plan = [&](const ReproduceOptions& options) {
    auto plan = whole(options);
    plan[2].bytes = std::uint64_t{1} << 60;
    return plan;
  };
  expect_error(ErrorKind::capacity, {"doubling"}, [&] { reproduce(recipe, {.threads = 1}, {}); });
  EXPECT_EQ(runs, 0);
}

TEST(IntervalOfMean, IsStudents) {
  const auto interval = interval_of_mean({1, 2, 3});
  EXPECT_NEAR(interval.high - interval.low, 2 * 4.302652730 / std::sqrt(3.0), 1e-7);
  EXPECT_TRUE(std::isinf(interval_of_mean({1}).high));
}

/// Du et al.'s figure at a size where the formulas can be written out.
TEST(TwoLayerRun, IsThePlainFormula) {
  const TwoLayerSetting setting{.samples = 12,
                                .dimension = 6,
                                .width = 40,
                                .epochs = 30,
                                .step_size = 0.001 * std::sqrt(40.0) * 20,
                                .seed = 3,
                                .type = at::kDouble};
  const auto curves = run_two_layer(setting);
  ASSERT_EQ(curves.squared_error.size(), 31u);
  ASSERT_EQ(curves.limit_error.size(), 31u);

  auto dataset = data::find_generator("sphere").generate(
      {.num_samples = 12, .dimension = 6, .num_outputs = 1, .seed = 3});
  data::normalise(dataset, data::Normalisation::unit, at::kDouble);
  const at::Tensor x = dataset.train.inputs;
  const at::Tensor y = dataset.train.targets.to(at::kDouble).view({-1});
  EXPECT_NEAR((x.norm(2, 1) - 1).abs().max().item<double>(), 0, 1e-12);
  const auto shape = net::make_architecture("two-layer", {.input_size = 6, .width = 40});
  const net::Network network(shape, 3, x.options());
  const at::Tensor start = network.parameters()[0].clone();   // (m, dx)
  const at::Tensor signs = network.parameters()[1].view(-1);  // (m)
  const double scale = 1 / std::sqrt(40.0);

  // The first arm's update as the paper's text would have it programmed: no 1/sqrt(m).
  at::Tensor weights = start.clone();
  const at::Tensor first = x.mm(start.t()) > 0;
  const at::Tensor cosines = x.mm(x.t()).clamp(-1, 1);
  const at::Tensor kernel = cosines * (M_PI - cosines.acos()) / (2 * M_PI);
  constexpr double kArccos = 1e-7;  // arccos near 1 loses half of the digits
  at::Tensor limit = scale * x.mm(start.t()).clamp_min(0).mv(signs) - y;
  for (std::size_t epoch = 0; epoch <= 30; ++epoch) {
    const at::Tensor inner = x.mm(weights.t());                            // (n, m)
    const at::Tensor active = inner > 0;                                   // (n, m)
    const at::Tensor residual = scale * inner.clamp_min(0).mv(signs) - y;  // (n)
    const at::Tensor moved = (weights - start).square().sum(1).max();
    EXPECT_NEAR(curves.squared_error[epoch], residual.square().mean().item<double>(), 1e-10);
    EXPECT_NEAR(curves.changed_signs[epoch],
                (active != first).to(at::kDouble).mean().item<double>(),
                1e-12);
    EXPECT_NEAR(curves.squared_distance[epoch], moved.item<double>(), 1e-10);
    EXPECT_NEAR(curves.limit_error[epoch], limit.square().mean().item<double>(), kArccos);
    const at::Tensor pull = residual.unsqueeze(1) * active * signs;  // (n, m)
    weights = weights - 0.001 * 20 * pull.t().mm(x);
    limit = limit - setting.step_size * kernel.mv(limit);
  }
  const at::Tensor eigenvalues = at::linalg_eigvalsh(kernel);
  EXPECT_NEAR(curves.least_eigenvalue, eigenvalues[0].item<double>(), kArccos);
  EXPECT_NEAR(curves.largest_eigenvalue, eigenvalues[-1].item<double>(), kArccos);
  EXPECT_LT(curves.squared_error.back(), 0.5 * curves.squared_error.front());
  EXPECT_GT(curves.changed_signs.back(), 0);
}

TEST(TwoLayerRun, ItsPlanGrowsWithTheWidth) {
  EXPECT_GT(plan_two_layer({.width = 8000}).total(), plan_two_layer({.width = 500}).total());
  // The weights, three times, in float32.
  EXPECT_GT(plan_two_layer({.width = 8000}).total(), 3u * 8000 * 1000 * 4);
}

/// The share of E (y - f)^2 that least squares on many samples leaves, with a constant feature.
double sampled_risk(const at::Tensor& features, const at::Tensor& values) {
  const at::Tensor all = at::cat({features, at::ones({features.size(0), 1}, at::kDouble)}, 1);
  const at::Tensor normal = all.t().mm(all) + 1e-9 * at::eye(all.size(1), at::kDouble);
  const at::Tensor solution = at::linalg_solve(normal, all.t().mm(values));
  return ((values - all.mm(solution)).square().mean() / values.var(/*unbiased=*/false))
      .item<double>();
}

TEST(QuadraticRisk, IsWhatLeastSquaresOnSamplesLeaves) {
  constexpr std::int64_t kDim = 6, kNeurons = 3, kSamples = 40'000;
  const at::Tensor target = quadratic_target(kDim, 1);
  const at::Tensor weights = first_layer(kNeurons, kDim, 1);
  at::manual_seed(0);
  const at::Tensor x = at::randn({kSamples, kDim}, at::kDouble);
  const at::Tensor y = (x.square().mv(target) - target.sum()).unsqueeze(1);
  const at::Tensor inner = x.mm(weights.t());  // (samples, N)
  const at::Tensor tangent = (inner.unsqueeze(2) * x.unsqueeze(1)).flatten(1);
  // The samples leave a relative error of about sqrt(8 / samples) in each risk: four of them.
  const double allowed = 4 * std::sqrt(8.0 / kSamples);
  EXPECT_NEAR(
      random_features_risk(target, weights).back(), sampled_risk(inner.square(), y), allowed);
  EXPECT_NEAR(tangent_features_risk(target, weights).back(), sampled_risk(tangent, y), allowed);
}

TEST(QuadraticRisk, ItsEndsAreKnown) {
  const at::Tensor target = quadratic_target(30, 2);
  const at::Tensor weights = first_layer(30, 30, 2);
  const auto random = random_features_risk(target, weights);
  const auto tangent = tangent_features_risk(target, weights);
  EXPECT_EQ(random.front(), 1);
  EXPECT_EQ(tangent.front(), 1);
  EXPECT_NEAR(tangent.back(), 0, 1e-12) << "30 neurons span all directions";
  for (std::size_t n = 1; n < random.size(); ++n) {
    EXPECT_LE(random[n], random[n - 1] + 1e-12);
    EXPECT_LE(tangent[n], random[n] + 1e-12) << "tangent features hold the random ones";
  }
  EXPECT_NEAR(trained_limit(target, 30), 0, 1e-15);
  EXPECT_EQ(trained_limit(target, 0), 1);
}

TEST(QuadraticRisk, SgdFindsTheLargestEigenvalues) {
  const at::Tensor target = quadratic_target(8, 3);
  const double risk = trained_risk(target, {.neurons = 3, .steps = 3'000, .seed = 3});
  EXPECT_NEAR(risk, trained_limit(target, 3), 0.01);
}

TEST(ParityRun, TwoLayersLearnProductsOfPairs) {
  const ParityConcept pairs{.alpha = 0, .beta = 1};
  const auto risk = train_on_parity(pairs,
                                    {.network = ParityNetwork::two_layer,
                                     .width = 100,
                                     .step_size = 0.2,
                                     .weight_decay = 1e-3,
                                     .epochs = 60},
                                    1);
  EXPECT_FALSE(risk.diverged);
  EXPECT_LT(risk.train, 0.5);
  EXPECT_LT(risk.test, 1.5);  // without training 8
}

TEST(ParityRun, TooLargeAStepIsSaid) {
  const auto risk = train_on_parity({}, {.width = 50, .step_size = 20, .epochs = 5}, 1);
  EXPECT_TRUE(risk.diverged);
}

TEST(ParityRun, AKernelDoesNotFindTheComposition) {
  const ParityConcept composition{.alpha = 0.3, .beta = 0};
  EXPECT_NEAR(composition.composite_energy(), 0.72, 1e-12);
  const auto risk = kernel_on_parity(composition, 1);
  EXPECT_GT(risk.test, 0.9 * composition.composite_energy());
  EXPECT_LE(risk.test, 1.1 * composition.composite_energy());  // ridges reach the zero function
  EXPECT_LT(kernel_on_parity({.alpha = 0, .beta = 1}, 1).test, 2);  // pairs it does find
}

TEST(ParityRun, TheResidualNetworkLearnsPairsToo) {
  const auto risk =
      train_on_parity({.alpha = 0, .beta = 1},
                      {.width = 100, .step_size = 0.2, .weight_decay = 1e-3, .epochs = 60},
                      1);
  EXPECT_LT(risk.train, 0.5);
  EXPECT_LT(risk.test, 1.5);
}

TEST(ParityRun, MoreFeaturesLeaveLess) {
  const ParityConcept task;
  const double few = last_layer_on_parity(task, 50, 1).test;
  const double many = last_layer_on_parity(task, 800, 1).test;
  EXPECT_LT(many, few);
  EXPECT_LT(few, 8.72 * 1.1);
}

}  // namespace
}  // namespace overparam::study
