// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/settings.hpp"

#include <gtest/gtest.h>

#include <set>

#include "support/files.hpp"

namespace overparam::study {
namespace {

using tests::expect_error;
using tests::TemporaryFolder;

const std::vector<std::string> kSections{"data", "network", "train", "run", "verify"};

Settings with(const std::string& key, const std::string& value) {
  Settings settings;
  settings.set(key, value, "test");
  return settings;
}

/// The settings after a file of this text.
Settings from_file(const std::string& text) {
  const TemporaryFolder folder;
  tests::write_bytes(folder / "config.toml", text);
  Settings settings;
  settings.load_file(folder / "config.toml");
  return settings;
}

TEST(Settings, BeginWithTheDefaults) {
  const Settings settings;
  EXPECT_EQ(settings.text("data.source"), "digits");
  EXPECT_EQ(settings.integer("network.width"), 1024);
  EXPECT_EQ(settings.number("train.momentum"), 0);
  EXPECT_EQ(settings.origin("network.width"), "default");
}

TEST(Settings, ALaterLayerWins) {
  const TemporaryFolder folder;
  tests::write_bytes(folder / "config.toml",
                     "[network]\nwidth = 100\ndepth = 3\noutputs = 4\n[run]\nseed = 5\n");
  Settings settings;
  settings.load_file(folder / "config.toml");
  const char* environment[] = {
      "OVERPARAM_NETWORK_WIDTH=200", "OVERPARAM_NETWORK_DEPTH=4", "HOME=/home/a", nullptr};
  settings.load_environment(environment);
  settings.set("network.width", "300", "--width");
  EXPECT_EQ(settings.integer("network.width"), 300);
  EXPECT_EQ(settings.origin("network.width"), "--width");
  EXPECT_EQ(settings.integer("network.depth"), 4);
  EXPECT_EQ(settings.origin("network.depth"), "OVERPARAM_NETWORK_DEPTH");
  EXPECT_EQ(settings.integer("network.outputs"), 4);
  EXPECT_TRUE(settings.origin("network.outputs").ends_with("config.toml:4:1"));
  EXPECT_EQ(settings.integer("run.seed"), 5);
}

TEST(Settings, AnUnknownKeyIsNamedWithItsNeighbour) {
  expect_error(ErrorKind::usage,
               {"--set", "\"network.widht\"", "did you mean \"network.width\""},
               [] { Settings().set("network.widht", "3", "--set"); });
  expect_error(ErrorKind::usage,
               {"config.toml:2:1", "\"train.maxsteps\"", "did you mean \"train.max_steps\""},
               [] { from_file("[train]\nmaxsteps = 3\n"); });
  expect_error(ErrorKind::internal, {"network.widht"}, [] {
    static_cast<void>(Settings().text("network.widht"));
  });
}

struct Refusal {
  std::string key, value;
  std::string expected;
};

class RefusedValues : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedValues, AreNamedWithWhatWasExpected) {
  const auto& [key, value, expected] = GetParam();
  expect_error(ErrorKind::usage, {"--flag", key, expected, "found \"" + value + "\""}, [&] {
    Settings().set(key, value, "--flag");
  });
}

INSTANTIATE_TEST_SUITE_P(All,
                         RefusedValues,
                         testing::Values(Refusal{"network.width", "wide", "a whole number"},
                                         Refusal{"network.width", "1.5", "a whole number"},
                                         Refusal{"network.width", "", "a whole number"},
                                         Refusal{"network.width", "64 ", "a whole number"},
                                         Refusal{"network.width", "nan", "a whole number"},
                                         Refusal{"network.width", "inf", "a whole number"},
                                         Refusal{"network.width", "1e30", "a whole number"},
                                         Refusal{"network.width", "0", "at least 1"},
                                         Refusal{"network.width", "-3", "at least 1"},
                                         Refusal{"network.depth", "-1", "at least 0"},
                                         Refusal{"train.momentum", "fast", "a number"},
                                         Refusal{"train.momentum", "nan", "a number"},
                                         Refusal{"train.momentum", "-inf", "a number"},
                                         Refusal{"train.momentum", "0.5x", "a number"},
                                         Refusal{"train.momentum", "-0.1", "at least 0"},
                                         Refusal{"train.method", "adam", "one of gd, sgd"},
                                         Refusal{"train.method", "sdg", "did you mean \"sgd\""},
                                         Refusal{"run.dtype", "float16", "float32, float64"}));

TEST(Settings, NumbersHaveOneSpelling) {
  EXPECT_EQ(with("network.width", "1e3").text("network.width"), "1000");
  EXPECT_EQ(with("network.width", "+64").text("network.width"), "64");
  EXPECT_EQ(with("network.width", "064").text("network.width"), "64");
  for (const char* spelling : {"0.001", "1e-3", ".001", "+0.001", "00.001", "1E-03"}) {
    const auto settings = with("train.target_ratio", spelling);
    EXPECT_EQ(settings.text("train.target_ratio"), "0.001") << spelling;
    EXPECT_EQ(settings.number("train.target_ratio"), 1e-3) << spelling;
  }
}

TEST(Settings, AreReadBackFromTheirToml) {
  Settings settings;
  settings.set("data.source", "a folder/with \"quotes\", \\ and = [brackets]", "test");
  settings.set("data.label_column", "tab\tand\nnewline", "test");
  settings.set("data.separation", ".25", "test");
  settings.set("network.width", "1e4", "test");
  settings.set("train.step", "critical:0.5", "test");
  settings.set("train.target_ratio", "1e-300", "test");
  settings.set("train.momentum", "+0.9", "test");
  settings.set("train.weight_decay", "5.", "test");
  settings.set("run.seed", "8999999999999999", "test");
  const Settings copy = from_file(settings.to_toml(kSections));
  for (const auto& option : options()) {
    EXPECT_EQ(copy.text(option.key), settings.text(option.key)) << option.key;
  }
  EXPECT_EQ(copy.to_toml(kSections), settings.to_toml(kSections));
  EXPECT_EQ(copy.fingerprint(), settings.fingerprint());
  EXPECT_EQ(copy.number("train.target_ratio"), 1e-300);
}

TEST(Settings, TomlHoldsTheSectionsAskedFor) {
  const Settings settings;
  EXPECT_EQ(settings.to_toml({"verify"}), "[verify]\nscale = \"standard\"\nonly = \"\"\n");
  EXPECT_EQ(settings.to_toml({"network", "verify"}).find("[data]"), std::string::npos);
}

TEST(Settings, AFilesFaultIsNamedWithItsPlace) {
  expect_error(ErrorKind::usage, {"config.toml:3:1", "network.width", "at least 1", "\"0\""}, [] {
    from_file("[network]\n# m\nwidth = 0\n");
  });
  expect_error(ErrorKind::usage, {"config.toml:2:1", "true or false"}, [] {
    from_file("[network]\nwidth = [1, 2]\n");
  });
  expect_error(ErrorKind::usage, {"missing.toml"}, [] { Settings().load_file("missing.toml"); });
}

TEST(Settings, TheEnvironmentIsHeldAgainstTheTable) {
  const auto load = [](const char* entry) {
    const char* environment[] = {"PATH=/bin", entry, nullptr};
    Settings settings;
    settings.load_environment(environment);
    return settings;
  };
  EXPECT_EQ(load("OVERPARAM_TRAIN_MAX_STEPS=12").integer("train.max_steps"), 12);
  EXPECT_EQ(load("OVERPARAM_DATA_SOURCE=a=b").text("data.source"), "a=b");
  EXPECT_EQ(load("OVERPARAM_TEST_DATA=/data").text("data.source"), "digits");
  EXPECT_EQ(load("OVERPARAMETER=1").text("data.source"), "digits");
  expect_error(ErrorKind::usage,
               {"OVERPARAM_NETWORK_WIDHT", "did you mean \"OVERPARAM_NETWORK_WIDTH\""},
               [&] { load("OVERPARAM_NETWORK_WIDHT=3"); });
  expect_error(ErrorKind::usage, {"OVERPARAM_NETWORK_WIDTH", "whole number", "\"x\""}, [&] {
    load("OVERPARAM_NETWORK_WIDTH=x");
  });
}

TEST(Fingerprint, ChangesWithWhatDecidesTheNumbers) {
  std::set<std::string> prints{Settings().fingerprint()};
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, std::string>>{{"data.source", "sphere"},
                                                        {"data.samples", "9"},
                                                        {"data.test", "5"},
                                                        {"data.labels", "random"},
                                                        {"data.normalise", "unit"},
                                                        {"data.separation", "0.1"},
                                                        {"data.dim", "7"},
                                                        {"data.classes", "3"},
                                                        {"data.label_column", "y"},
                                                        {"network.width", "65"},
                                                        {"network.depth", "3"},
                                                        {"network.outputs", "2"},
                                                        {"network.trained", "all"},
                                                        {"train.loss", "cross-entropy"},
                                                        {"train.method", "sgd"},
                                                        {"train.batch", "32"},
                                                        {"train.sampling", "subset"},
                                                        {"train.step", "0.1"},
                                                        {"train.momentum", "0.5"},
                                                        {"train.weight_decay", "0.1"},
                                                        {"train.schedule", "5:0.1"},
                                                        {"train.measure_every", "3"},
                                                        {"run.seed", "1"},
                                                        {"run.dtype", "float64"}}) {
    EXPECT_TRUE(prints.insert(with(key, value).fingerprint()).second) << key;
  }
}

TEST(Fingerprint, StaysWithWhatDoesNot) {
  const std::string print = Settings().fingerprint();
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, std::string>>{{"train.max_steps", "5"},
                                                        {"train.target_objective", "1"},
                                                        {"train.target_ratio", "0.5"},
                                                        {"train.target_accuracy", "1"},
                                                        {"train.gradient_norm", "1"},
                                                        {"train.max_seconds", "9"},
                                                        {"train.checkpoint_seconds", "1"},
                                                        {"run.threads", "1"},
                                                        {"run.memory", "1GiB"},
                                                        {"run.out", "elsewhere"},
                                                        {"verify.scale", "full"},
                                                        {"verify.only", "thm1"},
                                                        {"network.width", "1024"}}) {
    EXPECT_EQ(with(key, value).fingerprint(), print) << key;
  }
}

}  // namespace
}  // namespace overparam::study
