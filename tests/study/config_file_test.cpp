// SPDX-License-Identifier: Apache-2.0
#include "config_file.hpp"

#include <gtest/gtest.h>

#include "support/files.hpp"

namespace overparam::study {
namespace {

using tests::expect_error;

TEST(ConfigFile, GivesEntriesInTheOrderOfTheFile) {
  const auto entries = read_config(
      "# a comment\n[train]\nstep = \"critical\"\nmax_steps = 1_000\n\n[network]\nwidth = 64\n",
      "run.toml");
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].key, "train.step");
  EXPECT_EQ(entries[0].value, "critical");
  EXPECT_EQ(entries[0].where, "run.toml:3:1");
  EXPECT_EQ(entries[1].key, "train.max_steps");
  EXPECT_EQ(entries[1].value, "1000");
  EXPECT_EQ(entries[2].key, "network.width");
  EXPECT_EQ(entries[2].where, "run.toml:7:1");
}

TEST(ConfigFile, ReadsEveryScalar) {
  const auto value_of = [](const std::string& text) {
    return read_config("[a]\nb = " + text + "\n", "x").at(0).value;
  };
  EXPECT_EQ(value_of("true"), "true");
  EXPECT_EQ(value_of("false"), "false");
  EXPECT_EQ(value_of("-12"), "-12");
  EXPECT_EQ(value_of("0x10"), "16");
  EXPECT_EQ(value_of("1e-3"), "0.001");
  EXPECT_EQ(value_of("0.1"), "0.1");
  EXPECT_EQ(value_of("\"two words\""), "two words");
  EXPECT_EQ(value_of("'C:\\path'"), "C:\\path");
  EXPECT_EQ(value_of("\"a\\tb\\\"c\\\\\""), "a\tb\"c\\");
}

TEST(ConfigFile, AnEmptyFileHasNoEntries) {
  EXPECT_TRUE(read_config("", "x").empty());
  EXPECT_TRUE(read_config("[train]\n", "x").empty());
}

TEST(ConfigFile, WhatIsNoScalarIsNamedWithItsPlace) {
  for (const char* value : {"[1, 2]", "{c = 1}", "1979-05-27", "07:32:00"}) {
    expect_error(ErrorKind::usage, {"x.toml:2:3", "expected a text, a number, true or false"}, [&] {
      read_config(std::string("[a]\n  b = ") + value + "\n", "x.toml");
    });
  }
  expect_error(ErrorKind::usage, {"x.toml:1:1", "\"width\"", "outside a section"}, [] {
    read_config("width = 3\n", "x.toml");
  });
}

TEST(ConfigFile, SyntaxErrorsAreNamedWithTheirPlace) {
  expect_error(ErrorKind::usage, {"x.toml:2:"}, [] { read_config("[a]\nb = \n", "x.toml"); });
  expect_error(
      ErrorKind::usage, {"x.toml:3:"}, [] { read_config("[a]\nb = 1\nb = 2\n", "x.toml"); });
  expect_error(ErrorKind::usage, {"x.toml:1:"}, [] { read_config("[a\nb = 1\n", "x.toml"); });
  expect_error(
      ErrorKind::usage, {"x.toml:2:"}, [] { read_config("[a]\nb = \"no end\n", "x.toml"); });
}

}  // namespace
}  // namespace overparam::study
