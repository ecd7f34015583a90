// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "data/bytes.hpp"
#include "overparam/data/sources.hpp"
#include "support/files.hpp"

namespace overparam::data {
namespace {

namespace fs = std::filesystem;
using tests::big_endian;
using tests::expect_error;
using tests::gzip;
using tests::idx;
using tests::ramp;
using tests::TemporaryFolder;
using tests::write_bytes;

constexpr const char* kImages = "train-images-idx3-ubyte";
constexpr const char* kLabels = "train-labels-idx1-ubyte";

/// Three images of 2 x 4 pixels 0, ..., 23 with labels 2, 0, 1.
void write_pair(const fs::path& folder, const std::string& part = "train") {
  fs::create_directories(folder);
  write_bytes(folder / (part + "-images-idx3-ubyte"), idx({3, 2, 4}, ramp(24)));
  write_bytes(folder / (part + "-labels-idx1-ubyte"), idx({3}, std::string("\2\0\1", 3)));
}

void expect_pair(const Dataset& dataset) {
  EXPECT_EQ(dataset.shape, (std::vector<std::int64_t>{2, 4}));
  EXPECT_EQ(dataset.num_classes, 3);
  EXPECT_EQ(dataset.default_normalisation, Normalisation::sphere);
  EXPECT_TRUE(at::equal(dataset.train.labels, at::tensor({2, 0, 1}, at::kLong)));
  const at::Tensor expected = (at::arange(24, at::kDouble) / 255).view({3, 8}).to(at::kFloat);
  EXPECT_TRUE(at::equal(dataset.train.inputs, expected));
  EXPECT_FALSE(dataset.train.targets.defined());
}

TEST(Idx, PixelsAndLabelsComeOutAsTheyLie) {
  const TemporaryFolder folder;
  write_pair(folder.path());
  expect_pair(read_dataset(folder / kImages));
  expect_pair(read_dataset(folder.path()));
  EXPECT_FALSE(read_dataset(folder.path()).test.has_value());
}

TEST(Idx, PackedAndPlainFilesMix) {
  const TemporaryFolder folder;
  write_bytes(folder / "train-images-idx3-ubyte.gz", gzip(idx({3, 2, 4}, ramp(24))));
  write_bytes(folder / kLabels, idx({3}, std::string("\2\0\1", 3)));
  expect_pair(read_dataset(folder / "train-images-idx3-ubyte.gz"));
  expect_pair(read_dataset(folder.path()));
}

TEST(Idx, EveryDistributedLayoutIsFound) {
  for (const char* below : {"raw", "MNIST/raw", "FashionMNIST/raw"}) {
    const TemporaryFolder folder;
    write_pair(folder / below);
    expect_pair(read_dataset(folder.path()));
    expect_pair(read_dataset((folder / below)));
  }
  const TemporaryFolder dotted;
  write_bytes(dotted / "train-images.idx3-ubyte", idx({3, 2, 4}, ramp(24)));
  write_bytes(dotted / "train-labels.idx1-ubyte", idx({3}, std::string("\2\0\1", 3)));
  expect_pair(read_dataset(dotted.path()));
  expect_pair(read_dataset(dotted / "train-images.idx3-ubyte"));
}

TEST(Idx, TwoDataSetsBelowOneFolderMustBeTold) {
  const TemporaryFolder folder;
  write_pair(folder / "MNIST/raw");
  write_pair(folder / "FashionMNIST/raw");
  expect_error(ErrorKind::data, {"more than one", "MNIST/raw", "FashionMNIST/raw"}, [&] {
    read_dataset(folder.path());
  });
}

TEST(Idx, TheSecondPairIsTheTestPart) {
  const TemporaryFolder folder;
  write_pair(folder.path());
  write_bytes(folder / "t10k-images-idx3-ubyte", idx({1, 2, 4}, ramp(8)));
  write_bytes(folder / "t10k-labels-idx1-ubyte", idx({1}, "\4"));
  const Dataset dataset = read_dataset(folder.path());
  EXPECT_EQ(dataset.train.size(), 3);
  ASSERT_TRUE(dataset.test.has_value());
  EXPECT_EQ(dataset.test->size(), 1);
  EXPECT_EQ(dataset.test->labels[0].item<int>(), 4);
  EXPECT_EQ(dataset.num_classes, 5);
}

TEST(Idx, ATestPairAloneIsTrainedOn) {
  const TemporaryFolder folder;
  write_pair(folder.path(), "t10k");
  const Dataset dataset = read_dataset(folder.path());
  expect_pair(dataset);
  EXPECT_FALSE(dataset.test.has_value());
}

TEST(Idx, RecognisedByContentUnderAnyName) {
  const TemporaryFolder folder;
  write_bytes(folder / "my-images", idx({3, 2, 4}, ramp(24)));
  write_bytes(folder / "my-labels", idx({3}, std::string("\2\0\1", 3)));
  expect_pair(read_dataset(folder / "my-images"));
}

/// A folder with a good pair of which one file is replaced.
class IdxDamage : public testing::Test {
 protected:
  IdxDamage() { write_pair(folder_.path()); }

  void expect_message(const std::string& file,
                      const std::string& bytes,
                      std::initializer_list<std::string_view> parts) {
    write_bytes(folder_ / file, bytes);
    expect_error(ErrorKind::data, parts, [&] { read_dataset(folder_ / kImages); });
    write_pair(folder_.path());
  }

  TemporaryFolder folder_;
};

TEST_F(IdxDamage, CutShort) {
  expect_message(kImages, "", {kImages, "empty"});
  expect_message(kImages, idx({3, 2, 4}, "").substr(0, 9), {kImages, "byte 9", "header of 16"});
  expect_message(kImages,
                 idx({3, 2, 4}, ramp(20)),
                 {kImages, "cut short at byte 36", "3 x 2 x 4 = 24", "found 20"});
  expect_message(kLabels, idx({3}, "\1"), {kLabels, "cut short at byte 9", "found 1"});
}

TEST_F(IdxDamage, TooLong) {
  expect_message(kImages, idx({3, 2, 4}, ramp(25)), {kImages, "more data", "byte 40"});
}

TEST_F(IdxDamage, WrongMagicNumber) {
  expect_message(
      kImages, "PNG and so on", {kImages, "starts with bytes 50 4e 47 20", "00 00 08 03"});
  expect_message(kLabels, "PNG and so on", {kLabels, "00 00 08 01"});
  auto floats = idx({3, 2, 4}, ramp(96));
  floats[2] = '\x0d';
  expect_message(kImages, floats, {kImages, "element type 0x0d", "0x08"});
}

TEST_F(IdxDamage, LabelsInPlaceOfImagesAndTheReverse) {
  const std::string labels = idx({3}, "\2\1\1");
  expect_message(kImages, labels, {kImages, "holds labels (magic number 2049)", "images"});
  expect_message(
      kLabels, idx({3, 2, 4}, ramp(24)), {kLabels, "holds images (magic number 2051)", "2049"});
  expect_error(ErrorKind::data, {kLabels, "holds labels", "name the images file"}, [&] {
    read_dataset(folder_ / kLabels);
  });
}

TEST_F(IdxDamage, CountsThatDiffer) {
  expect_message(kLabels, idx({2}, "\1\1"), {kImages, "3 images", kLabels, "2 labels"});
}

TEST_F(IdxDamage, MissingLabels) {
  fs::remove(folder_ / kLabels);
  for (const auto& path : {folder_.path(), folder_ / kImages}) {
    expect_error(
        ErrorKind::data, {kImages, "no labels beside it", kLabels}, [&] { read_dataset(path); });
  }
}

TEST_F(IdxDamage, SizesThatNoFileCanHold) {
  constexpr std::uint32_t kHuge = 0xffffffff;
  expect_message(kImages, idx({kHuge, kHuge, kHuge}, ramp(24)), {kImages, "no file can hold"});
  expect_message(kImages,
                 idx({kHuge, 2, 4}, ramp(24)),
                 {kImages, "promises 4294967295 x 2 x 4 = 34359738360 bytes", "found 24"});
  expect_message(kImages, idx({0, 2, 4}, ""), {kImages, "no images at all"});
}

TEST_F(IdxDamage, MoreThanFitsIsRefusedBeforeItIsTaken) {
  write_bytes(folder_ / kImages, idx({1u << 30, 64, 64}, ""));
  if (!tests::make_hole(folder_ / kImages, 16 + (std::uint64_t{1} << 42))) {
    GTEST_SKIP() << "no file of so many zeros here";
  }
  expect_error(
      ErrorKind::capacity, {kImages, "would not fit"}, [&] { read_dataset(folder_ / kImages); });
}

TEST_F(IdxDamage, ImagesOfAnotherShapeInTheTestPart) {
  write_bytes(folder_ / "t10k-images-idx3-ubyte", idx({1, 4, 4}, ramp(16)));
  write_bytes(folder_ / "t10k-labels-idx1-ubyte", idx({1}, "\4"));
  expect_error(
      ErrorKind::data, {"t10k-images", "4 x 4", "2 x 4"}, [&] { read_dataset(folder_.path()); });
}

TEST(IdxGzip, DamageIsNamed) {
  const TemporaryFolder folder;
  const auto path = folder / "train-images-idx3-ubyte.gz";
  write_bytes(folder / kLabels, idx({300}, std::string(300, '\1')));
  const std::string packed = gzip(idx({300, 2, 4}, ramp(2400)));

  write_bytes(path, packed.substr(0, packed.size() / 2));
  expect_error(ErrorKind::data, {"idx3-ubyte.gz", "cut short after", "unpacked bytes"}, [&] {
    read_dataset(path);
  });
  write_bytes(path, packed.substr(0, packed.size() - 3));
  expect_error(ErrorKind::data, {"idx3-ubyte.gz", "cut short"}, [&] { read_dataset(path); });

  std::string corrupt = packed;
  corrupt[packed.size() - 6] = static_cast<char>(corrupt[packed.size() - 6] ^ 1);
  write_bytes(path, corrupt);
  expect_error(ErrorKind::data, {"idx3-ubyte.gz", "damaged"}, [&] { read_dataset(path); });
}

}  // namespace
}  // namespace overparam::data
