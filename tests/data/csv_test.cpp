// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "data/bytes.hpp"
#include "overparam/data/sources.hpp"
#include "support/files.hpp"

namespace overparam::data {
namespace {

using tests::expect_error;
using tests::gzip;
using tests::TemporaryFolder;
using tests::write_bytes;

class Csv : public testing::Test {
 protected:
  Dataset read(std::string_view text, const std::string& label_column = "") {
    write_bytes(path_, text);
    return read_dataset(path_, {.label_column = label_column});
  }

  void expect_message(std::string_view text,
                      std::initializer_list<std::string_view> parts,
                      const std::string& label_column = "",
                      ErrorKind kind = ErrorKind::data) {
    expect_error(kind, parts, [&] { read(text, label_column); });
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "table.csv";
};

at::Tensor matrix(std::vector<double> values, std::int64_t columns) {
  return at::tensor(values, at::kDouble).view({-1, columns});
}

at::Tensor labels(std::vector<std::int64_t> values) { return at::tensor(values, at::kLong); }

TEST_F(Csv, IntegersInTheLastColumnAreClasses) {
  const Dataset dataset = read("1.5,2,0\n-3e-2,4,1\n5,6,1\n");
  EXPECT_TRUE(at::equal(dataset.train.inputs, matrix({1.5, 2, -3e-2, 4, 5, 6}, 2)));
  EXPECT_TRUE(at::equal(dataset.train.labels, labels({0, 1, 1})));
  EXPECT_FALSE(dataset.train.targets.defined());
  EXPECT_EQ(dataset.num_classes, 2);
  EXPECT_TRUE(dataset.class_names.empty());
  EXPECT_EQ(dataset.shape, std::vector<std::int64_t>{2});
  EXPECT_EQ(dataset.default_normalisation, Normalisation::footnote3);
}

TEST_F(Csv, OtherIntegersAreNumberedInOrder) {
  const Dataset dataset = read("1,1\n2,-1\n3,1.0\n");
  EXPECT_TRUE(at::equal(dataset.train.labels, labels({1, 0, 1})));
  EXPECT_EQ(dataset.class_names, (std::vector<std::string>{"-1", "1"}));
}

TEST_F(Csv, TextThatIsNotUtf8IsNamedByItsLine) {
  expect_message(
      "gr\xf6\xdf"
      "e,b,label\n1,2,x\n",
      {"table.csv", "line 1", "not UTF-8"});
  expect_message("a,b,label\n1,2,x\n1,3,gr\xfcn\n", {"table.csv", "line 3", "not UTF-8"});
  EXPECT_EQ(read("a,b,label\n1,2,x\n1,3,gr\xc3\xbcn\n").class_names[0], "gr\xc3\xbcn");
}

TEST_F(Csv, WordsAreClassesInAlphabeticalOrder) {
  const Dataset dataset = read("5.1,3.5,setosa\n6.2,2.8,virginica\n5.0,3.4,setosa\n");
  EXPECT_EQ(dataset.train.size(), 3);
  EXPECT_TRUE(at::equal(dataset.train.labels, labels({0, 1, 0})));
  EXPECT_EQ(dataset.class_names, (std::vector<std::string>{"setosa", "virginica"}));
}

TEST_F(Csv, OtherNumbersAreTargets) {
  const Dataset dataset = read("1,2,0.5\n3,4,1\n");
  EXPECT_TRUE(at::equal(dataset.train.targets, matrix({0.5, 1}, 1)));
  EXPECT_FALSE(dataset.train.labels.defined());
  EXPECT_EQ(dataset.num_classes, 0);
}

TEST_F(Csv, ManyDifferentIntegersAreTargets) {
  const auto table = [](int rows) {
    std::string text;
    for (int i = 0; i < rows; ++i) text += "1," + std::to_string(i) + "\n";
    return text;
  };
  EXPECT_EQ(read(table(1000)).num_classes, 1000);
  EXPECT_TRUE(read(table(1001)).train.targets.defined());
}

TEST_F(Csv, TheLabelColumnIsFoundByName) {
  const Dataset dataset = read("label,a,b\n1,10,20\n0,30,40\n");
  EXPECT_TRUE(at::equal(dataset.train.labels, labels({1, 0})));
  EXPECT_TRUE(at::equal(dataset.train.inputs, matrix({10, 20, 30, 40}, 2)));
  EXPECT_TRUE(at::equal(read("a,b,c\n1,10,20\n0,30,40\n", "a").train.labels, labels({1, 0})));
}

TEST_F(Csv, TheLabelColumnIsFoundByIndex) {
  for (const char* index : {"1", "-2"}) {
    EXPECT_TRUE(at::equal(read("1,0,20\n0,1,40\n", index).train.labels, labels({0, 1}))) << index;
  }
}

TEST_F(Csv, HeadersAreTold) {
  // No number at all; numbers as names; nothing but numbers; a word in the label column only.
  EXPECT_EQ(read("a,b\n1,0\n").train.size(), 1);
  EXPECT_EQ(read("0,1,label\n1,2,0\n").train.size(), 1);
  EXPECT_EQ(read("label,0,1\ncat,2,0\n").train.size(), 1);
  EXPECT_EQ(read("0,1,kind\n1,2,0\n3,4,1\n").train.size(), 2);
  EXPECT_EQ(read("1,2,0\n1,2,0\n").train.size(), 2);
  EXPECT_EQ(read("1,2,y\n1,2,n\n").train.size(), 2);
}

TEST_F(Csv, SeparatorsAndLineEndsAreFound) {
  const at::Tensor expected = matrix({1, 2, 3, 4}, 2);
  for (const char* text : {"1,2,0\n3,4,1\n",
                           "1;2;0\n3;4;1",
                           "1\t2\t0\r\n3\t4\t1\r\n",
                           "\xef\xbb\xbf"
                           "1, 2, 0\n\n 3 ,4,1\n\n"}) {
    const Dataset dataset = read(text);
    EXPECT_TRUE(at::equal(dataset.train.inputs, expected)) << text;
    EXPECT_TRUE(at::equal(dataset.train.labels, labels({0, 1}))) << text;
  }
}

TEST_F(Csv, QuotedFieldsFollowRfc4180) {
  const Dataset dataset =
      read("\"x, first\",\"y\"\"2\"\"\",class\r\n\"1\",2,\"a \"\"b\"\",\nc\"\r\n3,\"4\",d\r\n");
  EXPECT_TRUE(at::equal(dataset.train.inputs, matrix({1, 2, 3, 4}, 2)));
  EXPECT_EQ(dataset.class_names, (std::vector<std::string>{"a \"b\",\nc", "d"}));
}

TEST_F(Csv, PackedFilesAreRead) {
  path_ = folder_ / "table.csv.gz";
  EXPECT_EQ(read(gzip("1,2,0\n3,4,1\n")).train.size(), 2);
}

TEST_F(Csv, RecognisedByContentUnderAnyName) {
  path_ = folder_ / "measurements";
  EXPECT_EQ(read("1;2;0\n3;4;1\n").train.size(), 2);
}

TEST_F(Csv, ManyRowsAreKeptInOrder) {
  // More numbers than one block of the reader holds.
  constexpr std::int64_t kRows = 300'000;
  std::string text;
  for (std::int64_t i = 0; i < kRows; ++i) text += std::to_string(i) + ",0.5,1.5\n";
  const Dataset dataset = read(text);
  ASSERT_EQ(dataset.train.size(), kRows);
  EXPECT_TRUE(at::equal(dataset.train.inputs.select(1, 0), at::arange(kRows, at::kDouble)));
}

TEST_F(Csv, RaggedRowsAreNamed) {
  expect_message("1,2,0\n3,4,1\n5,6\n", {"table.csv", "line 3", "2 fields, expected 3"});
  expect_message("1,2,0\n\n3,4,1,9\n", {"line 3", "4 fields"});
  // The line where the record began, not where its quoted field ended.
  expect_message("1,\"a\nb\"\n3,4,1,9\n", {"line 3", "4 fields"});
}

TEST_F(Csv, FieldsThatAreNoNumbersAreNamed) {
  expect_message("a,b,label\n1,2,0\n1,oops,0\n", {"line 3", "column 1 (\"b\")", "\"oops\""});
  expect_message("1,2,0\n1,,0\n", {"line 2", "column 1", "\"\" is not a number"});
  // A mistake in the first row must not turn it into a header.
  expect_message("1,oops,0\n1,2,0\n", {"line 1", "column 1", "\"oops\""});
}

TEST_F(Csv, ValuesThatAreNotFiniteAreNamed) {
  expect_message("a,b,label\n1,nan,0\n", {"line 2", "column 1 (\"b\")", "nan", "not finite"});
  expect_message("1,2,0\n-inf,2,0\n", {"line 2", "column 0", "-inf"});
  expect_message("1,2,0.5\n1,2,inf\n", {"line 2", "column 2", "inf"});
}

TEST_F(Csv, MissingLabelsAreNamed) {
  expect_message("1,2,0\n1,2,\n", {"line 2", "column 2", "label is missing"});
}

TEST_F(Csv, FilesWithoutRowsAreNamed) {
  expect_message("", {"table.csv", "empty"});
  expect_message("\n\n", {"table.csv", "empty"});
  expect_message("a,b,label\n", {"a header, but no rows"});
  expect_message("1\n2\n", {"line 1", "one column"});
}

TEST_F(Csv, QuotesThatDoNotMatchAreNamed) {
  expect_message("1,2,0\n1,\"2,0\n", {"line 2", "never closed"});
  expect_message("1,2,0\n1,\"2\"3,0\n", {"line 2", "closing quote"});
}

TEST_F(Csv, FieldsOfAbsurdLengthAreRefused) {
  std::string text = "1,2\n";
  text.append(100'000, '7');
  expect_message(text, {"line 2", "65536 characters"});
}

TEST_F(Csv, ALabelColumnThatIsNotThereIsTheUsersMistake) {
  expect_message(
      "aa,bb,cc\n1,2,0\n", {"\"bx\"", "aa, bb, cc", "did you mean \"bb\""}, "bx", ErrorKind::usage);
  expect_message("1,2,0\n", {"3", "between -3 and 2"}, "3", ErrorKind::usage);
}

}  // namespace
}  // namespace overparam::data
