// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/text.hpp"
#include "overparam/base/utf8.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace overparam::base {
namespace {

TEST(Utf8, IsToldFromOtherBytes) {
  for (const char* good :
       {"", "plain", "gr\xc3\xbcn", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  // Latin-1, cut short, overlong, a surrogate, beyond the last code point.
  for (const char* bad : {"gr\xfcn",
                          "\xe2\x82",
                          "\xc0\xaf",
                          "\xe0\x80\xaf",
                          "\xed\xa0\x80",
                          "\xf4\x90\x80\x80",
                          "\x80"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
}

TEST(Text, NumbersAreParsedWholeOrNotAtAll) {
  EXPECT_EQ(parse_number("1e-3"), 1e-3);
  EXPECT_EQ(parse_number("+2"), 2.0);
  EXPECT_TRUE(std::isnan(*parse_number("nan")));
  for (const char* wrong : {"", "1e-3x", " 1", "1,5", "0x10", "one"}) {
    EXPECT_FALSE(parse_number(wrong)) << wrong;
  }
  EXPECT_EQ(parse_integer("-12"), -12);
  EXPECT_FALSE(parse_integer("1.0"));
  EXPECT_FALSE(parse_integer("99999999999999999999"));
}

TEST(Text, SizesHaveUnits) {
  EXPECT_EQ(parse_bytes("4GiB"), 4ULL << 30);
  EXPECT_EQ(parse_bytes("1.5 kB"), 1500u);
  EXPECT_EQ(parse_bytes("12"), 12u);
  for (const char* wrong : {"", "GiB", "-1", "nan", "1e30TiB", "4 gigs"}) {
    EXPECT_FALSE(parse_bytes(wrong)) << wrong;
  }
}

TEST(Text, FormatsAreForPeople) {
  EXPECT_EQ(format_bytes(512), "512 B");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_seconds(0.0123), "12 ms");
  EXPECT_EQ(format_seconds(200), "3 min 20 s");
  EXPECT_EQ(format_count(-1234567), "-1,234,567");
  EXPECT_EQ(format_count(999), "999");
}

TEST(Text, JoiningIsTheInverseOfSplitting) {
  for (const char* text : {"a,b", "", ",", ",,a", "a,,", "a"}) {
    EXPECT_EQ(join(split(text, ','), ","), text);
  }
}

TEST(Text, SuggestsTheWordThatWasMeant) {
  const std::vector<std::string> keys{"width", "depth", "seed"};
  EXPECT_EQ(closest_match("widht", keys), "width");
  EXPECT_EQ(did_you_mean("dept", keys), " (did you mean \"depth\"?)");
  EXPECT_EQ(did_you_mean("momentum", keys), "");
}

TEST(Text, KeysAreTheSameOnEveryMachine) {
  EXPECT_EQ(stable_key(""), "cbf29ce484222325");
  EXPECT_EQ(stable_key("a"), "af63dc4c8601ec8c");  // the published FNV-1a test value
}

}  // namespace
}  // namespace overparam::base
