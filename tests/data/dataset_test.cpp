// SPDX-License-Identifier: Apache-2.0
#include "overparam/data/dataset.hpp"

#include <gtest/gtest.h>

#include "support/files.hpp"

namespace overparam::data {
namespace {

TEST(Normalisations, NamesGoBothWays) {
  for (const char* name : {"footnote3", "sphere", "unit", "none"}) {
    EXPECT_EQ(to_string(parse_normalisation(name)), name);
  }
  EXPECT_EQ(parse_normalisation("unit"), Normalisation::unit);
}

TEST(Normalisations, AWrongNameIsAnsweredWithTheRightOnes) {
  tests::expect_error(ErrorKind::usage,
                      {"footnote3, sphere, unit, none", "\"shpere\"", "did you mean \"sphere\""},
                      [] { parse_normalisation("shpere"); });
}

}  // namespace
}  // namespace overparam::data
