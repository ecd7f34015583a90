// SPDX-License-Identifier: Apache-2.0
// What holds for every reader, and for the search among them.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <numeric>

#include "data/small_files.hpp"
#include "overparam/data/sources.hpp"
#include "support/files.hpp"

namespace overparam::data {
namespace {

using tests::expect_error;
using tests::TemporaryFolder;
using tests::write_bytes;

class Readers : public testing::TestWithParam<Reader> {};

TEST_P(Readers, ReadsTheSmallFileOfItsKindAndNoOther) {
  int read = 0;
  for (const auto& example : tests::small_files()) {
    const TemporaryFolder folder;
    const auto path = tests::write_small_file(folder.path(), example);
    const bool mine = example.reader == GetParam().name;
    EXPECT_EQ(GetParam().recognises(path), mine) << example.name;
    if (!mine) continue;
    ++read;
    const Dataset dataset = GetParam().read(path, {});
    const at::Tensor& inputs = dataset.train.inputs;
    EXPECT_EQ(inputs.dim(), 2);
    EXPECT_EQ(dataset.name, path.string());
    EXPECT_FALSE(dataset.source.empty());
    EXPECT_EQ(
        inputs.size(1),
        std::accumulate(
            dataset.shape.begin(), dataset.shape.end(), std::int64_t{1}, std::multiplies<>()));
    EXPECT_TRUE(at::isfinite(inputs).all().item<bool>());
    ASSERT_TRUE(dataset.train.labels.defined());
    EXPECT_EQ(dataset.train.labels.size(0), inputs.size(0));
    EXPECT_GE(dataset.train.labels.min().item<std::int64_t>(), 0);
    EXPECT_LT(dataset.train.labels.max().item<std::int64_t>(), dataset.num_classes);
  }
  EXPECT_GT(read, 0) << "add a file for this reader to small_files.hpp";
}

TEST_P(Readers, HasANameAndADescription) {
  EXPECT_FALSE(GetParam().name.empty());
  EXPECT_GT(GetParam().description.size(), 20u);
}

TEST_P(Readers, WantsNoEmptyFolderAndNoMissingFile) {
  const TemporaryFolder folder;
  EXPECT_FALSE(GetParam().recognises(folder.path()));
  EXPECT_FALSE(GetParam().recognises(folder / "missing"));
}

INSTANTIATE_TEST_SUITE_P(Catalogue, Readers, testing::ValuesIn(readers()), [](const auto& test) {
  return test.param.name;
});

TEST(ReadDataset, WhatIsMissingIsNamed) {
  const TemporaryFolder folder;
  expect_error(ErrorKind::data, {"missing.csv", "no such file"}, [&] {
    read_dataset(folder / "missing.csv");
  });
}

TEST(ReadDataset, WhatNobodyKnowsIsAnsweredWithWhatWasLookedFor) {
  const TemporaryFolder folder;
  write_bytes(folder / "picture.png", "\x89PNG\r\n\x1a\n and so on");
  for (const auto& path : {folder / "picture.png", folder.path()}) {
    expect_error(ErrorKind::data,
                 {path.string(), "recognised", "looked for", "idx: ", "cifar: ", "csv: ", "npy: "},
                 [&] { read_dataset(path); });
  }
}

TEST(ReadDataset, UnreadableNamesAreDataErrors) {
  const std::string long_name(5000, 'x');
  expect_error(ErrorKind::data, {"cannot read"}, [&] { read_dataset(long_name); });
}

}  // namespace
}  // namespace overparam::data
