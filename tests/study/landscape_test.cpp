// SPDX-License-Identifier: Apache-2.0
// Landscapes around the weights of small runs.
#include "overparam/study/landscape.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <cmath>

#include "overparam/base/array_files.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/threads.hpp"
#include "overparam/report/page.hpp"
#include "overparam/report/surface.hpp"
#include "study/page_parts.hpp"
#include "study/small_runs.hpp"
#include "study/small_vision.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"

namespace overparam::study {
namespace {

namespace fs = std::filesystem;
using tests::expect_error;
using tests::TemporaryFolder;

/// Grids of 5 x 5 and few products.
Settings landscape_settings(const std::map<std::string, std::string>& changes = {}) {
  Settings settings;
  std::map<std::string, std::string> values{{"landscape.grid", "5"},
                                            {"landscape.products", "12"},
                                            {"landscape.check_products", "6"},
                                            {"run.threads", "1"}};
  for (const auto& [key, value] : changes) values[key] = value;
  for (const auto& [key, value] : values) settings.set(key, value, "test");
  return settings;
}

class Landscapes : public testing::Test {
 protected:
  void train_vision(const std::map<std::string, std::string>& changes = {}) {
    tests::run_vision(tests::vision_settings(changes), {.folder = run(), .overwrite = true});
  }

  [[nodiscard]] fs::path run() const { return folder_ / "run"; }

  LandscapeRecord draw(const std::map<std::string, std::string>& changes = {},
                       const std::string& out = "drawn",
                       const Voice& voice = {}) {
    return run_landscape(landscape_settings(changes), run(), {.folder = folder_ / out}, voice);
  }

  void refuse(ErrorKind kind,
              std::initializer_list<std::string_view> parts,
              const std::map<std::string, std::string>& changes) {
    expect_error(kind, parts, [&] { draw(changes, "refused"); });
  }

  /// As if the run had been trained on a device that is not here.
  void train_elsewhere() const {
    const fs::path config = run() / "config.toml";
    std::string text = base::read_file(config);
    const std::string here = "device = \"cpu\"";
    ASSERT_NE(text.find(here), std::string::npos);
    base::write_file(config, text.replace(text.find(here), here.size(), "device = \"cuda:7\""));
  }

  TemporaryFolder folder_;
  base::ThreadGuard one_thread_{1};
};

TEST_F(Landscapes, StandAroundTheSnapshotsOfARun) {
  train_vision();
  const auto record = draw({{"landscape.samples", "30"}, {"landscape.held_out", "10"}});
  ASSERT_EQ(record.landscapes.size(), 3u);  // the snapshots after epochs 1 and 2, and the end
  EXPECT_EQ(record.samples, 30);
  EXPECT_EQ(record.held_out, 10);
  for (const auto& landscape : record.landscapes) {
    const auto centre = landscape.objective[2][2].item<double>();
    EXPECT_NEAR(centre, landscape.here.objective, 1e-5 * centre);
    // Downhill is to the left.
    EXPECT_LT(landscape.objective[2][1].item<double>(), landscape.objective[2][3].item<double>());
    EXPECT_NEAR(landscape.axes.at(0).length, 1, 1e-5);
    EXPECT_NEAR(landscape.axes.at(1).length, 1, 1e-5);
    const auto& facts = landscape.axes.at(1).curvature;
    ASSERT_TRUE(facts);
    EXPECT_TRUE(std::isfinite(facts->residual));
    EXPECT_TRUE(std::isfinite(facts->held_out.value));
    ASSERT_TRUE(landscape.criteria);
    EXPECT_GT(landscape.criteria->drop, 0);
    EXPECT_EQ(landscape.path.size(), 4u);  // with the start
    EXPECT_EQ(landscape.modes.size(), 2u);
    for (const char* file : {"cells.npy", "cells.csv", "x.npy", "y.npy", "axes.safetensors"}) {
      const std::string name = "epoch-" + std::to_string(landscape.epoch);
      EXPECT_TRUE(fs::exists(folder_ / "drawn" / name / file)) << name << "/" << file;
    }
  }
  const auto figure = landscape_figure(record);
  EXPECT_EQ(figure.surfaces.size(), 3u);
  EXPECT_EQ(tests::figure_ids(landscape_page(record)).size(), 0u) << "surfaces are no charts";
  EXPECT_NO_THROW(report::to_html(landscape_page(record)));
}

TEST_F(Landscapes, AreDrawnOnce) {
  train_vision();
  const auto first = draw();
  std::string said;
  const auto second =
      draw({}, "drawn", {.say = [&](const std::string& text) { said += text + "\n"; }});
  EXPECT_NE(said.find("directions were found before"), std::string::npos);
  for (std::size_t i = 0; i < first.landscapes.size(); ++i) {
    EXPECT_TRUE(first.landscapes[i].objective.equal(second.landscapes[i].objective));
  }
  auto facts = to_json(first).at("landscapes");
  auto again = to_json(second).at("landscapes");
  for (auto* list : {&facts, &again}) {
    for (auto& landscape : *list) landscape.erase("seconds");
  }
  EXPECT_EQ(facts.dump(), again.dump());
  refuse(ErrorKind::usage, {"no point \"9\"", "epoch 1"}, {{"landscape.at", "9"}});
  expect_error(ErrorKind::usage, {"other settings", "--fresh"}, [&] {
    draw({{"landscape.grid", "7"}});
  });
  const auto fresh = run_landscape(landscape_settings({{"landscape.grid", "3"}}),
                                   run(),
                                   {.folder = folder_ / "drawn", .fresh = true},
                                   {});
  EXPECT_EQ(fresh.landscapes.at(0).objective.numel(), 9);
}

TEST_F(Landscapes, MayBeMovedAndGivenMorePoints) {
  train_vision();
  const auto one = draw({{"landscape.at", "1"}});
  fs::rename(run(), folder_ / "moved");
  const auto both = run_landscape(landscape_settings({{"landscape.at", "1,2"}}),
                                  folder_ / "moved/",
                                  {.folder = folder_ / "drawn"},
                                  {});
  ASSERT_EQ(both.landscapes.size(), 2u);
  EXPECT_EQ(both.landscapes[0].seconds, one.landscapes[0].seconds) << "drawn before, not again";
  EXPECT_TRUE(both.landscapes[0].objective.equal(one.landscapes[0].objective));
}

TEST_F(Landscapes, FreshOnesGoOnLikeOthers) {
  train_vision();
  draw();
  const auto settings = landscape_settings({{"landscape.grid", "3"}});
  int lines = 0;
  const auto stopped = run_landscape(settings,
                                     run(),
                                     {.folder = folder_ / "drawn", .fresh = true},
                                     {.say = [&](const std::string&) {
                                       if (++lines == 3) base::set_interrupt(2);
                                     }});
  base::set_interrupt(0);
  ASSERT_TRUE(stopped.interrupted);
  const auto rest = run_landscape(settings, run(), {.folder = folder_ / "drawn"}, {});
  EXPECT_EQ(rest.landscapes.size(), 3u);
}

TEST_F(Landscapes, CellsOfAnotherGridAreRefused) {
  train_vision();
  draw({{"landscape.at", "last"}});
  base::write_npy(folder_ / "drawn/epoch-3/cells.npy", at::zeros({2, 3, 3}, at::kDouble));
  expect_error(ErrorKind::data, {"cells.npy", "(2, 5, 5)", "(2, 3, 3)", "--fresh"}, [&] {
    draw({{"landscape.at", "last"}});
  });
}

TEST_F(Landscapes, GoOnWhereTheyWereInterrupted) {
  train_vision();
  const auto whole = draw({}, "whole");
  int lines = 0;
  const auto stopped = draw({}, "parts", {.say = [&](const std::string&) {
                              if (++lines == 3) base::set_interrupt(2);
                            }});
  base::set_interrupt(0);
  EXPECT_TRUE(stopped.interrupted);
  EXPECT_LT(stopped.landscapes.size(), whole.landscapes.size());
  const auto rest = draw({}, "parts");
  EXPECT_FALSE(rest.interrupted);
  for (std::size_t i = 0; i < whole.landscapes.size(); ++i) {
    EXPECT_TRUE(whole.landscapes[i].objective.equal(rest.landscapes[i].objective)) << i;
  }
}

TEST_F(Landscapes, TakeEveryAxis) {
  train_vision();
  const at::Tensor weights = load_snapshot(run(), 2).weights;
  base::write_npy(folder_ / "mine.npy", tests::normal(weights.sizes(), "mine").to(at::kFloat));
  for (const auto& axes : {std::string("top,top2"),
                           std::string("random,random2"),
                           std::string("pca,pca2"),
                           std::string("to:start,gradient"),
                           std::string("negative"),
                           "file:" + (folder_ / "mine.npy").string()}) {
    const auto record = draw({{"landscape.axes", axes}, {"landscape.at", "2"}}, axes.substr(0, 4));
    const auto& landscape = record.landscapes.at(0);
    const bool is_line = axes.find(',') == std::string::npos;
    EXPECT_EQ(landscape.axes.size(), is_line ? 1u : 2u) << axes;
    EXPECT_EQ(landscape.objective.numel(), is_line ? 5 : 25) << axes;
    EXPECT_TRUE(landscape.objective.isfinite().all().item<bool>()) << axes;
    EXPECT_NO_THROW(report::to_html(landscape_page(record)));
  }
  // The line to the start ends there, where means and variances are of each batch and not of the
  // point that they were gathered at.
  const auto line = draw({{"landscape.axes", "to:start"},
                          {"landscape.at", "2"},
                          {"landscape.norms", "batch"},
                          {"landscape.range", "0:1"}},
                         "line");
  const auto start =
      draw({{"landscape.axes", "random"}, {"landscape.at", "start"}, {"landscape.norms", "batch"}},
           "at-start");
  const double there = start.landscapes.at(0).here.objective;
  EXPECT_NEAR(line.landscapes.at(0).objective[0][4].item<double>(), there, 1e-4 * there);
}

TEST_F(Landscapes, ShowTheRunOnPlanesThatItCrosses) {
  train_vision();
  const auto crossed = draw({{"landscape.axes", "pca,pca2"}, {"landscape.at", "last"}}, "pca");
  const auto surface = landscape_figure(crossed).surfaces.at(0);
  ASSERT_EQ(surface.paths.size(), 1u);
  EXPECT_NE(surface.note.find("beside the plane"), std::string::npos);
  ASSERT_EQ(surface.paths[0].z.size(), 4u);  // the start, two snapshots, the end
  EXPECT_NEAR(surface.paths[0].x.back(), 0, 1e-6);
  EXPECT_NEAR(surface.paths[0].z.back(), crossed.landscapes[0].here.objective, 1e-4);
  const auto local = draw(
      {{"landscape.axes", "random,random2"}, {"landscape.range", "1e-3"}, {"landscape.at", "last"}},
      "local");
  EXPECT_TRUE(landscape_figure(local).surfaces.at(0).paths.empty());
  EXPECT_EQ(landscape_figure(local).caption.find("Downhill"), std::string::npos);
}

TEST_F(Landscapes, DifferentiateTwiceWhereAskedTo) {
  train_vision({{"network.activation", "softplus"}});
  const auto record = draw({{"landscape.product", "autograd"}, {"landscape.at", "last"}});
  EXPECT_LT(record.landscapes.at(0).axes.at(1).curvature->residual, 1);
  EXPECT_FALSE(record.landscapes.at(0).second) << "a batch has no such product";
}

TEST_F(Landscapes, AreDrawnWhereverTheRunWasTrained) {
  train_vision();
  const auto first = draw({{"landscape.at", "last"}});
  train_elsewhere();
  const auto second = draw({{"landscape.at", "last"}});
  EXPECT_EQ(first.landscapes.at(0).seconds, second.landscapes.at(0).seconds);  // the same, kept

  fs::remove_all(run());
  tests::run(tests::small_settings({{"train.max_steps", "5"}}), {.folder = run()});
  train_elsewhere();
  EXPECT_EQ(draw({{"landscape.check", "none"}}, "paper").landscapes.size(), 1u);
}

TEST_F(Landscapes, OfOtherWeightsAreDrawnAnew) {
  train_vision();
  const auto first = draw({{"landscape.at", "last"}});
  train_vision({{"run.seed", "1"}});
  expect_error(ErrorKind::usage, {"--fresh"}, [&] { draw({{"landscape.at", "last"}}); });
}

TEST_F(Landscapes, StandAroundThePapersNetworks) {
  tests::run(tests::small_settings({{"train.max_steps", "20"}}), {.folder = run()});
  const auto record = draw({{"landscape.at", "start,end"},
                            {"landscape.check", "lanczos"},
                            {"landscape.direction", "neon-det"}});
  ASSERT_EQ(record.landscapes.size(), 2u);
  EXPECT_LT(record.landscapes[1].here.objective, record.landscapes[0].here.objective);
  EXPECT_TRUE(record.landscapes[0].second);
  const auto decay = gradient_decay(record.landscapes);
  EXPECT_GT(decay.exponent, 0);
  EXPECT_GT(decay.least_ratio, 0);
}

TEST_F(Landscapes, SpectraHaveErrors) {
  train_vision();
  const auto record =
      draw({{"landscape.at", "last"}, {"landscape.density", "3"}, {"landscape.trace", "12"}});
  const auto& landscape = record.landscapes.at(0);
  ASSERT_TRUE(landscape.trace);
  EXPECT_GT(landscape.trace->standard_error, 0);
  ASSERT_TRUE(landscape.negative_share);
  EXPECT_GE(landscape.negative_share->value, 0);
  EXPECT_LE(landscape.negative_share->value, 1);
  EXPECT_EQ(tests::figure_ids(landscape_page(record)), std::vector<std::string>{"density-1"});
}

TEST_F(Landscapes, NoNegativeCurvatureIsSaid) {
  // A sum of squares has none anywhere.
  torch::jit::Module module("Bowl");
  module.register_parameter("w", tests::normal({6}, "w"), false);
  module.define(R"(
def forward(self, x, y):
    return torch.mean(torch.pow(torch.matmul(x, self.w) - y, 2))
)");
  const auto file = folder_ / "bowl.pt";
  module.save(file.string());
  const auto arrays = folder_ / "arrays.safetensors";
  base::write_safetensors(arrays,
                          {.tensors = {{"inputs", tests::normal({40, 6}, "x")},
                                       {"targets", tests::normal({40}, "y")}}});
  std::string said;
  const auto record = run_landscape(landscape_settings({{"landscape.arrays", arrays.string()}}),
                                    file,
                                    {.folder = folder_ / "bowl"},
                                    {.say = [&](const std::string& text) { said += text + "\n"; }});
  EXPECT_NE(said.find("no negative curvature was found"), std::string::npos);
  const auto& facts = *record.landscapes.at(0).axes.at(1).curvature;
  EXPECT_GT(facts.curvature, 0);
  EXPECT_LT(facts.residual, 1e-3) << "the smallest eigenvalue is shown";
  EXPECT_NE(report::to_html(landscape_page(record)).find("no negative curvature found"),
            std::string::npos);
}

TEST_F(Landscapes, CellsThatAreNotFiniteStaySo) {
  train_vision();
  const auto record = draw({{"landscape.axes", "random"},
                            {"landscape.at", "last"},
                            {"landscape.range", "0:1e30"},
                            {"landscape.check", "none"}});
  const auto& cells = record.landscapes.at(0).objective;
  EXPECT_TRUE(cells[0][0].isfinite().item<bool>());
  EXPECT_FALSE(cells[0][4].isfinite().item<bool>());
  EXPECT_NO_THROW(report::to_html(landscape_page(record)));
}

TEST_F(Landscapes, RefuseWhatCannotBeDrawn) {
  train_vision();
  const at::Tensor weights = load_snapshot(run(), 2).weights;
  base::write_npy(folder_ / "zero.npy", at::zeros_like(weights));
  base::write_npy(folder_ / "short.npy", at::ones({7}));
  const auto file = [&](const char* name) { return "file:" + (folder_ / name).string(); };
  refuse(ErrorKind::usage, {"zero.npy", "no length"}, {{"landscape.axes", file("zero.npy")}});
  refuse(ErrorKind::data, {"short.npy", "7 numbers"}, {{"landscape.axes", file("short.npy")}});
  refuse(ErrorKind::usage,
         {"to 3", "no length at epoch 3"},
         {{"landscape.axes", "to:3"}, {"landscape.at", "last"}});
  refuse(ErrorKind::usage, {"LOW < HIGH", "1:1"}, {{"landscape.range", "1:1"}});
  refuse(ErrorKind::usage, {"landscape.range", "0"}, {{"landscape.range", "0"}});
  refuse(ErrorKind::usage, {"landscape.range", "inf"}, {{"landscape.range", "inf"}});
  refuse(ErrorKind::usage, {"landscape.grid", "1"}, {{"landscape.grid", "1"}});
  refuse(ErrorKind::usage, {"two different axes"}, {{"landscape.axes", "gradient,gradient"}});
  refuse(ErrorKind::usage, {"landscape.trace", "at least 3"}, {{"landscape.trace", "2"}});
  refuse(ErrorKind::usage,
         {"autograd", "must be lanczos"},
         {{"landscape.product", "autograd"}, {"landscape.direction", "oja"}});
  refuse(ErrorKind::usage, {"landscape.arrays", "its own data"}, {{"landscape.arrays", "a.npz"}});
  refuse(ErrorKind::usage, {"one axis or two"}, {{"landscape.axes", "top,top2,random"}});
  refuse(ErrorKind::usage, {"did you mean \"negative\""}, {{"landscape.axes", "negativ"}});
  refuse(ErrorKind::usage, {"no point \"nowhere\""}, {{"landscape.axes", "to:nowhere"}});
  refuse(ErrorKind::capacity, {"landscape", "axes"}, {{"run.memory", "10KiB"}});
}

TEST_F(Landscapes, ASnapshotOfAnotherNetworkIsRefused) {
  train_vision({{"network.kind", "resnet20"}});
  fs::copy_file(run() / "snapshots/epoch-002.safetensors", folder_ / "other.safetensors");
  train_vision();
  fs::copy_file(folder_ / "other.safetensors",
                run() / "snapshots/epoch-002.safetensors",
                fs::copy_options::overwrite_existing);
  refuse(ErrorKind::data, {"epoch-002.safetensors", "resnet20", "resnet8"}, {});
}

}  // namespace
}  // namespace overparam::study
