// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/data_summary.hpp"
#include "overparam/claims/claim.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numbers>
#include <numeric>

#include "overparam/data/sources.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/study/catalogues.hpp"
#include "study/small_runs.hpp"
#include "support/files.hpp"
#include "support/tolerance.hpp"

namespace overparam::study {
namespace {

using tests::digit_settings;
using tests::expect_error;
using tests::kRounding;
using tests::small_settings;
using tests::TemporaryFolder;

/// The settings for a CSV file.
Settings csv_settings(const TemporaryFolder& folder, const std::string& text) {
  tests::write_bytes(folder / "points.csv", text);
  Settings settings;
  settings.set("data.source", (folder / "points.csv").string(), "test");
  settings.set("run.dtype", "float64", "test");
  return settings;
}

/// The second cell of the row that begins with `name`; empty if there is none.
std::string value_in(const report::Table& table, const std::string& name) {
  for (const auto& row : table.rows) {
    if (std::get<std::string>(row[0]) == name) return std::get<std::string>(row[1]);
  }
  return "";
}

TEST(PrepareData, GivesWhatTheSettingsAskFor) {
  const auto data = prepare_data(small_settings({{"data.separation", "0.3"}, {"data.test", "4"}}));
  EXPECT_EQ(data.dataset.train.size(), 8);
  EXPECT_EQ(data.dataset.test->size(), 4);
  EXPECT_EQ(data.num_outputs, 1);
  EXPECT_NEAR(data.separation.distance, 0.3, 1e-9);
  EXPECT_TRUE(data.duplicates.groups.empty());
  EXPECT_TRUE(data.pictures.images.empty());
  EXPECT_EQ(data.dataset.train.inputs.scalar_type(), at::kDouble);
  const auto problem = training_problem(data, small_settings());
  EXPECT_EQ(problem.size(), 8);
  EXPECT_EQ(problem.separation, data.separation.distance);
  EXPECT_EQ(test_problem(data, small_settings()).size(), 4);
}

TEST(PrepareData, DuplicatesHaveNoSeparation) {
  const auto data = prepare_data(small_settings({{"data.source", "duplicates"}}));
  EXPECT_EQ(data.separation.distance, 0);
  EXPECT_EQ(data.separation.first, 0);
  EXPECT_EQ(data.separation.second, 1);
  EXPECT_GT(data.distinct_separation.distance, 0);
  EXPECT_EQ(data.duplicates.num_duplicates, 1);
}

TEST(PrepareData, PicturesComeBeforeNormalisation) {
  const auto data = prepare_data(digit_settings());
  ASSERT_EQ(data.pictures.images.size(), 8u);
  EXPECT_EQ(data.pictures.height, 28);
  const auto& pixels = data.pictures.images[0].pixels;
  EXPECT_EQ(pixels.size(), 784u);
  EXPECT_GT(*std::ranges::max_element(pixels), 0.5F);
  const auto label = data.dataset.train.labels[0].item<std::int64_t>();
  EXPECT_EQ(data.pictures.images[0].label, std::to_string(label));
}

TEST(PrepareData, ATestFileNeedsTheSameShape) {
  const TemporaryFolder folder;
  auto settings = csv_settings(folder, "1,2,0.5\n3,1,-1\n");
  tests::write_bytes(folder / "other.csv", "1,2,3,0.5\n3,1,4,-1\n");
  settings.set("data.test", (folder / "other.csv").string(), "test");
  expect_error(ErrorKind::data, {"other.csv", "another shape", "points.csv"}, [&] {
    prepare_data(settings);
  });
}

/// The test labels of a training and a test table.
at::Tensor test_labels(const std::string& train, const std::string& test) {
  const TemporaryFolder folder;
  auto settings = csv_settings(folder, train);
  tests::write_bytes(folder / "other.csv", test);
  settings.set("data.test", (folder / "other.csv").string(), "test");
  return prepare_data(settings).dataset.test->labels;
}

TEST(PrepareData, ATestFileHasTheClassesOfTheTrainingFile) {
  const auto labels = [](std::vector<std::int64_t> values) {
    return at::tensor(values, at::kLong);
  };
  EXPECT_TRUE(at::equal(test_labels("1,2,a\n3,1,b\n2,2,c\n", "1,1,c\n2,1,b\n"), labels({2, 1})));
  EXPECT_TRUE(at::equal(test_labels("1,2,0\n3,1,1\n2,2,2\n", "1,1,2\n2,1,1\n"), labels({2, 1})));
  EXPECT_TRUE(at::equal(test_labels("1,2,-1\n3,1,1\n", "1,1,1\n2,1,1\n"), labels({1, 1})));
  expect_error(ErrorKind::data, {"other.csv", "\"d\"", "points.csv lacks"}, [] {
    test_labels("1,2,a\n3,1,b\n", "1,1,b\n2,1,d\n");
  });
  expect_error(ErrorKind::data, {"other.csv", "holds targets", "holds labels"}, [] {
    test_labels("1,2,a\n3,1,b\n", "1,1,0.5\n2,1,1.5\n");
  });
}

TEST(PrepareData, GeneratedDataHaveNoLabelColumn) {
  expect_error(ErrorKind::usage, {"data.label_column", "sphere"}, [] {
    prepare_data(small_settings({{"data.source", "sphere"}, {"data.label_column", "y"}}));
  });
}

TEST(PrepareData, SettingsAreUtf8) {
  Settings settings;
  expect_error(ErrorKind::usage, {"--data", "not UTF-8"}, [&] {
    settings.set("data.source", "caf\xe9.csv", "--data");
  });
}

TEST(DataSummary, CountsClassesAndViews) {
  const auto summary = summarise_data(digit_settings());
  EXPECT_EQ(std::accumulate(summary.class_counts.begin(), summary.class_counts.end(), 0), 8);
  EXPECT_EQ(summary.class_counts.size(), 10u);
  ASSERT_EQ(summary.views.size(), 4u);
  int chosen = 0;
  for (const auto& view : summary.views) {
    EXPECT_EQ(view.problem, "");
    chosen += view.is_chosen ? 1 : 0;
    if (view.is_chosen) {
      EXPECT_EQ(data::to_string(view.normalisation), "sphere");
      EXPECT_EQ(view.separation.distance, summary.prepared.separation.distance);
    }
  }
  EXPECT_EQ(chosen, 1);
  EXPECT_EQ(summary.views[0].dimension, 786);
  EXPECT_EQ(summary.views[1].dimension, 785);
  EXPECT_EQ(summary.views[2].dimension, 784);
}

TEST(DataSummary, WorkedByHand) {
  // Rows (3, 0) and (0, 4): norms 3 and 4, distance 5. On the sphere they are at right angles:
  // distance 1; with norm 1, sqrt 2. By footnote 3 both shrink by 4 sqrt 2, and the padding takes
  // sqrt(1/2 - 9/32) from one and nothing from the other.
  const TemporaryFolder folder;
  const auto summary = summarise_data(csv_settings(folder, "3,0,1.5\n0,4,-1.5\n"));
  EXPECT_NEAR(summary.smallest_norm, 3, kRounding);
  EXPECT_NEAR(summary.largest_norm, 4, kRounding);
  EXPECT_NEAR(
      summary.views[0].separation.distance, std::sqrt(25.0 / 32 + (0.5 - 9.0 / 32)), kRounding);
  EXPECT_NEAR(summary.views[1].separation.distance, 1, kRounding);
  EXPECT_NEAR(summary.views[2].separation.distance, std::numbers::sqrt2, kRounding);
  EXPECT_NEAR(summary.views[3].separation.distance, 5, kRounding);
  EXPECT_TRUE(summary.views[0].is_chosen);
  EXPECT_TRUE(summary.class_counts.empty());
}

TEST(DataSummary, ANormalisationThatFailsSaysWhy) {
  const TemporaryFolder folder;
  const auto summary = summarise_data(csv_settings(folder, "3,0,1.5\n0,0,-1.5\n1,1,0\n"));
  EXPECT_EQ(summary.views[0].problem, "");
  EXPECT_NE(summary.views[1].problem, "") << "a zero row has no direction";
  const auto document = to_json(summary);
  EXPECT_EQ(document.at("normalisations").at("sphere").at("problem"), summary.views[1].problem);
  EXPECT_EQ(value_in(data_table(summary), "separation, sphere"), summary.views[1].problem);
}

TEST(DataSummary, ConflictsAreToldWithTheirFloor) {
  // Equal inputs with targets 1 and 3: (1 - 3)^2 / 4 = 1.
  const TemporaryFolder folder;
  const auto summary = summarise_data(csv_settings(folder, "1,2,1.0\n1,2,3.0\n-1,2,0.5\n"));
  const auto document = to_json(summary);
  EXPECT_EQ(document.at("duplicates"), 1);
  EXPECT_EQ(document.at("conflicting_duplicates"), 2);
  EXPECT_NEAR(document.at("irreducible_objective").get<double>(), 1, kRounding);
  EXPECT_EQ(document.at("separation"), 0);
  EXPECT_GT(document.at("separation_of_distinct").get<double>(), 0);
  const auto table = data_table(summary);
  EXPECT_NE(value_in(table, "conflicts").find("below 1"), std::string::npos);
  EXPECT_NE(value_in(table, "duplicates").find("1 samples repeat"), std::string::npos);
}

TEST(DataSummary, OneSampleHasNoSeparation) {
  const auto summary = summarise_data(small_settings({{"data.samples", "1"}}));
  EXPECT_TRUE(to_json(summary).at("separation").is_null());
}

TEST(DataPage, HoldsTheTableAndThePictures) {
  const auto page = data_page(summarise_data(digit_settings()));
  ASSERT_EQ(page.blocks.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<report::Table>(page.blocks[0]));
  EXPECT_EQ(std::get<report::ImageGrid>(page.blocks[1]).images.size(), 8u);
  EXPECT_EQ(data_page(summarise_data(small_settings())).blocks.size(), 1u);
  EXPECT_NE(report::to_html(page).find("separation, sphere (chosen)"), std::string::npos);
}

TEST(Catalogues, ListEveryEntry) {
  const auto tables = catalogue_tables();
  const auto rows_in = [&](const std::string& title) {
    for (const auto& table : tables) {
      if (table.title == title) return table.rows.size();
    }
    return std::size_t{0};
  };
  EXPECT_EQ(rows_in("Networks"), net::networks().size());
  EXPECT_EQ(rows_in("Losses"), net::losses().size());
  EXPECT_EQ(rows_in("Generators"), data::generators().size());
  EXPECT_EQ(rows_in("Readers"), data::readers().size());
  EXPECT_EQ(rows_in("Claims"), claims::claims().size());
  const auto document = catalogues_json();
  EXPECT_EQ(document.at("kind"), "info");
  EXPECT_EQ(document.at("Claims").size(), claims::claims().size());
}

}  // namespace
}  // namespace overparam::study
