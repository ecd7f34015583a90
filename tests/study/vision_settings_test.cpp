// SPDX-License-Identifier: Apache-2.0
// Which settings a network of images reads, what the recipe adds, and what other commands say.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "overparam/study/data_plan.hpp"
#include "overparam/study/kernel_study.hpp"
#include "overparam/study/sweep.hpp"
#include "study/small_vision.hpp"
#include "support/files.hpp"

namespace overparam::study {
namespace {

using tests::expect_error;
using tests::TemporaryFolder;
using tests::vision_settings;

Settings network(const std::string& name) {
  Settings settings;
  settings.set("network.kind", name, "--network");
  return settings;
}

TEST(VisionRecipe, IsThatOfTheSource) {
  const auto settings = resolve_vision(network("resnet32"), 50'000);
  for (const auto& [key, value] :
       std::map<std::string, std::string>{{"network.width", "16"},
                                          {"train.loss", "cross-entropy"},
                                          {"train.method", "sgd"},
                                          {"train.batch", "128"},
                                          {"train.step", "0.1"},
                                          {"train.momentum", "0.9"},
                                          {"train.weight_decay", "0.0001"},
                                          {"train.schedule", "81:0.1,122:0.1"},
                                          {"train.epochs", "164"},
                                          {"train.augment", "crop-flip"},
                                          {"train.measure_every", "1"}}) {
    EXPECT_EQ(settings.text(key), value) << key;
  }
  EXPECT_EQ(settings.origin("train.momentum"), "the recipe of resnet32");
  EXPECT_NE(recipe_text(settings, 50'000).find("all as in the source"), std::string::npos);

  const auto vgg = resolve_vision(network("vgg19-bn"), 50'000);
  EXPECT_EQ(vgg.text("train.weight_decay"), "0.0005");
  EXPECT_EQ(vgg.text("network.width"), "64");
}

TEST(VisionRecipe, GivesWayToWhatIsGiven) {
  auto given = network("resnet20");
  given.set("train.momentum", "0", "--momentum");
  given.set("network.width", "1024", "--width");
  given.set("train.schedule", "", "--schedule");
  const auto settings = resolve_vision(given, 50'000);
  EXPECT_EQ(settings.number("train.momentum"), 0);
  EXPECT_EQ(settings.origin("train.momentum"), "--momentum");
  EXPECT_EQ(settings.integer("network.width"), 1024);
  EXPECT_EQ(settings.text("train.schedule"), "");
  const auto text = recipe_text(settings, 50'000);
  EXPECT_NE(text.find("but for network.width, train.momentum, train.schedule"), std::string::npos)
      << text;
}

TEST(VisionRecipe, TakesNoMoreSamplesThanThereAre) {
  EXPECT_EQ(resolve_vision(network("resnet8"), 100).integer("train.batch"), 100);
  EXPECT_EQ(resolve_vision(network("resnet8"), 100).integer("train.measure_every"), 10);
  auto given = network("resnet8");
  given.set("train.batch", "0", "--batch");
  EXPECT_EQ(resolve_vision(given, 1'000).integer("train.batch"), 128);
}

TEST(VisionRecipe, IsWrittenDownAndReadBack) {
  const TemporaryFolder folder;
  const auto settings = resolve_vision(vision_settings({{"train.snapshots", "all"}}), 40);
  tests::write_bytes(folder / "config.toml", settings.to_toml({"data", "network", "train", "run"}));
  Settings again;
  again.load_file(folder / "config.toml");
  EXPECT_EQ(resolve_vision(again, 40).fingerprint(), settings.fingerprint());
  EXPECT_EQ(resolve_vision(settings, 40).fingerprint(), settings.fingerprint());
}

TEST(VisionRecipe, WhatIsNotReadIsRefused) {
  const auto refuse = [](const std::string& key,
                         const std::string& value,
                         const std::initializer_list<std::string_view>& parts) {
    expect_error(ErrorKind::usage, parts, [&] {
      auto settings = network("resnet8");
      settings.set(key, value, "--flag");
      resolve_vision(settings, 100);
    });
  };
  // A flag was meant, whatever its value.
  refuse("network.depth", "2", {"--flag", "network.depth", "resnet8", "shape", "\"2\""});
  for (const auto& [key, value] :
       std::map<std::string, std::string>{{"network.widths", "8,8"},
                                          {"network.tau", "0.5"},
                                          {"network.filter", "5"},
                                          {"network.trained", "all"},
                                          {"train.solver", "cg"},
                                          {"train.max_steps", "5"},
                                          {"train.target_ratio", "0.1"},
                                          {"train.target_objective", "1"},
                                          {"train.gradient_norm", "1"},
                                          {"data.normalise", "sphere"},
                                          {"run.precision", "narrow"}}) {
    refuse(key, value, {"--flag: " + key, "not read", "resnet8", value});
  }
  refuse("train.method", "gd", {"--flag: train.method must be sgd", "\"gd\""});
  refuse("train.loss", "squared", {"--flag: train.loss must be cross-entropy", "\"squared\""});
  refuse("train.sampling", "subset", {"train.sampling must be epoch"});
  refuse("train.step", "critical", {"--flag: train.step", "positive number", "\"critical\""});
  refuse("network.activation", "tanh", {"relu or softplus", "\"tanh\""});
  refuse("train.snapshots", "5,x", {"--flag: train.snapshots", "or all", "\"5,x\""});
  refuse("train.snapshots", "0", {"epochs from 1 on"});
  refuse("train.schedule", "5", {"\"5\""});
}

TEST(VisionSnapshotSetting, IsEpochsUpToTheLast) {
  const auto parse = [](const std::string& text) {
    return parse_snapshots(vision_settings({{"train.snapshots", text}, {"train.epochs", "50"}}));
  };
  EXPECT_EQ(parse("40,5, 90,5"), (std::vector<std::int64_t>{5, 40}));
  EXPECT_EQ(parse(""), std::vector<std::int64_t>{});
  EXPECT_EQ(parse("all").size(), 50u);
  EXPECT_EQ(parse("all").front(), 1);
}

TEST(OtherCommands, RefuseNetworksOfImages) {
  const auto settings = network("resnet20");
  expect_error(ErrorKind::usage, {"--network", "resnet20 is a network of images", "plan"}, [&] {
    plan_data(settings, {}, {});
  });
  expect_error(ErrorKind::usage, {"--network", "train and landscape take it", "ntk"}, [&] {
    run_kernel_study(settings, false, {});
  });
  const TemporaryFolder folder;
  expect_error(ErrorKind::usage, {"--over", "resnet8", "network of images", "sweep"}, [&] {
    run_sweep(Settings(), {parse_axis("network=fc,resnet8")}, folder / "sweep", {});
  });
  EXPECT_FALSE(std::filesystem::exists(folder / "sweep"));
  expect_error(
      ErrorKind::usage, {"network of images"}, [&] { build_architecture(settings, {.size = 6}); });
}

TEST(PrepareVision, GivesScaledImagesAndTheNetwork) {
  const auto problem = prepare_vision(vision_settings());
  EXPECT_EQ(problem.train.images.sizes(), at::IntArrayRef({40, 1, 7, 7}));
  EXPECT_TRUE(problem.train.images.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_NEAR(problem.train.images.mean().item<double>(), 0, 1e-6);
  EXPECT_EQ(problem.train.outside.sizes(), at::IntArrayRef({1}));
  EXPECT_EQ(problem.train.outside[0].item<float>(), problem.train.images.min().item<float>());
  EXPECT_EQ(problem.test_images.size(0), 20);
  EXPECT_EQ(problem.architecture.options.num_classes, 10);
  EXPECT_EQ(problem.architecture.options.side, 7);
  EXPECT_EQ(problem.architecture.options.width, 2);
  EXPECT_EQ(problem.num_changed_labels, 0);
  EXPECT_EQ(problem.pictures.images.size(), 30u);
  EXPECT_FALSE(prepare_vision(vision_settings({{"data.test", ""}})).test_images.defined());
}

TEST(PrepareVision, CountsTheLabelsThatNoiseChanged) {
  const auto plain = prepare_vision(vision_settings());
  const auto noisy = prepare_vision(vision_settings({{"data.labels", "noisy:0.5"}}));
  const auto changed = plain.train.labels.ne(noisy.train.labels).sum().item<std::int64_t>();
  EXPECT_EQ(noisy.num_changed_labels, changed);
  EXPECT_GT(changed, 5);
  EXPECT_LT(changed, 35);
}

TEST(PrepareVision, WhatCannotBeTrainedOnIsRefused) {
  const auto refuse = [](ErrorKind kind,
                         const std::map<std::string, std::string>& changes,
                         const std::initializer_list<std::string_view>& parts) {
    expect_error(kind, parts, [&] { prepare_vision(vision_settings(changes)); });
  };
  refuse(ErrorKind::usage, {{"train.batch", "41"}}, {"1 to 40 samples", "41"});
  refuse(ErrorKind::usage, {{"network.outputs", "3"}}, {"outputs", "3"});
  refuse(ErrorKind::usage,
         {{"network.kind", "vgg19"}, {"data.image_size", "0"}},
         {"vgg19", "32 x 32", "28 x 28"});
  refuse(ErrorKind::capacity, {{"network.width", "1000000"}}, {"would not fit", "1000000"});
  refuse(ErrorKind::capacity, {{"run.memory", "100KiB"}}, {"training", "features", "100 KiB"});
  const std::map<std::string, std::string> table{{"data.source", "clusters"},
                                                 {"data.image_size", "0"}};
  refuse(ErrorKind::usage, table, {"clusters", "square images"});
  const std::map<std::string, std::string> targets{{"data.source", "sphere"},
                                                   {"data.image_size", "0"}};
  refuse(ErrorKind::data, targets, {"sphere", "no labels"});
  refuse(ErrorKind::usage,
         {{"data.image_size", "4"}, {"train.batch", "13"}},
         {"single image of 4 x 4", "batch normalisation"});
}

}  // namespace
}  // namespace overparam::study
