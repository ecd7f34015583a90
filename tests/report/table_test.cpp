// SPDX-License-Identifier: Apache-2.0
#include "overparam/report/table.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "numbers.hpp"
#include "support/files.hpp"

namespace overparam::report {
namespace {

using std::string;

Table sample_table() {
  Table table{.title = "Verdicts",
              .caption = "Over five seeds.",
              .columns = {{.name = "claim"},
                          {.name = "slope", .digits = 3},
                          {.name = "width"},
                          {.name = "met"},
                          {.name = "reason"}}};
  table.add_row({string("thm3"), -0.51234, std::int64_t{65536}, true, string("as \"promised\"")});
  table.add_row({string("lem7, b"), 1.5e-7, std::int64_t{16}, false, std::monostate{}});
  table.add_row({string("a|b"), std::nan(""), std::monostate{}, true, string("<x>\ny")});
  return table;
}

TEST(Table, TextAlignsNumbersToTheRight) {
  EXPECT_EQ(to_text(sample_table()),
            "Verdicts\n"
            "\n"
            "claim      slope  width  met  reason\n"
            "-------  -------  -----  ---  -------------\n"
            "thm3      -0.512  65536  yes  as \"promised\"\n"
            "lem7, b  1.5e-07     16  no\n"
            "a|b          nan         yes  <x> y\n"
            "\n"
            "Over five seeds.\n");
}

TEST(Table, TextWrapsTheLastColumnOfText) {
  Table table{.columns = {{.name = "claim"}, {.name = "reason"}, {.name = "n"}}};
  table.add_row({string("μ₁"), string("the bound holds with room to spare"), std::int64_t{7}});
  EXPECT_EQ(to_text(table, 32),
            "claim  reason                  n\n"
            "-----  ----------------------  -\n"
            "μ₁     the bound holds with    7\n"
            "       room to spare\n");
}

TEST(Table, TextOfAnEmptyTableIsItsHeader) {
  EXPECT_EQ(to_text({.columns = {{.name = "claim"}}}), "claim\n-----\n");
  EXPECT_EQ(to_text({}), "");
}

TEST(Table, CsvFollowsRfc4180) {
  EXPECT_EQ(to_csv(sample_table()),
            "claim,slope,width,met,reason\r\n"
            "thm3,-0.51234,65536,true,\"as \"\"promised\"\"\"\r\n"
            "\"lem7, b\",1.5e-07,16,false,\r\n"
            "a|b,nan,,true,\"<x>\ny\"\r\n");
}

TEST(Table, CsvKeepsEmptyCellsInTheirPlace) {
  Table table{.columns = {{.name = "claim"}, {.name = "verdict"}, {.name = "law"}}};
  table.add_row({"", "", "T in n"});
  table.add_row({"", "", ""});
  EXPECT_EQ(to_csv(table), "claim,verdict,law\r\n,,T in n\r\n,,\r\n");
}

TEST(Table, CsvKeepsFullPrecision) {
  Table table{.columns = {{.name = "x"}}};
  table.add_row({0.1 + 0.2});
  table.add_row({-std::numeric_limits<double>::infinity()});
  EXPECT_EQ(to_csv(table), "x\r\n0.30000000000000004\r\n-inf\r\n");
}

TEST(Table, MarkdownEscapesWhatItWouldRead) {
  EXPECT_EQ(to_markdown(sample_table()),
            "**Verdicts**\n"
            "\n"
            "| claim | slope | width | met | reason |\n"
            "| --- | ---: | ---: | --- | --- |\n"
            "| thm3 | -0.512 | 65536 | yes | as \"promised\" |\n"
            "| lem7, b | 1.5e-07 | 16 | no |  |\n"
            "| a\\|b | nan |  | yes | &lt;x><br>y |\n"
            "\n"
            "Over five seeds.\n");
}

TEST(Table, JsonHasOneObjectARow) {
  const auto json = to_json(sample_table());
  ASSERT_EQ(json.size(), 3u);
  EXPECT_EQ(json[0]["slope"], -0.51234);
  EXPECT_EQ(json[0]["width"], 65536);
  EXPECT_EQ(json[0]["met"], true);
  EXPECT_TRUE(json[1]["reason"].is_null());
  EXPECT_TRUE(json[2]["slope"].is_null());
  EXPECT_EQ(to_json(Table{}).dump(), "[]");
}

TEST(Table, ARowOfAnotherLengthIsRefused) {
  Table table{.title = "Verdicts", .columns = {{.name = "claim"}}};
  overparam::tests::expect_error(ErrorKind::internal, {"Verdicts", "2 cells", "1 columns"}, [&] {
    table.add_row({1.0, 2.0});
  });
}

TEST(Numbers, AreReadable) {
  struct Case {
    double value;
    int digits;
    const char* expected;
  };
  const Case cases[] = {{0, 4, "0"},
                        {-0.0, 4, "0"},
                        {1, 4, "1"},
                        {0.99996, 4, "1"},
                        {1.0 / 3, 4, "0.3333"},
                        {12345.678, 3, "12346"},
                        {999999, 2, "999999"},
                        {1e6, 4, "1e+06"},
                        {0.0001, 4, "0.0001"},
                        {0.00001234, 2, "1.2e-05"},
                        {-2.5e-300, 4, "-2.5e-300"},
                        {std::nan(""), 4, "nan"},
                        {-std::nan(""), 4, "nan"}};
  for (const auto& [value, digits, expected] : cases) {
    EXPECT_EQ(plain_number(readable_number(value, digits)), expected);
  }
  EXPECT_EQ(number_markup(readable_number(-1.2e-5, 2)), "−1.2×10<sup>−5</sup>");
  EXPECT_EQ(number_markup({.exponent = "3"}), "10<sup>3</sup>");
  EXPECT_EQ(number_markup(readable_number(-std::numeric_limits<double>::infinity(), 2)), "−∞");
}

}  // namespace
}  // namespace overparam::report
