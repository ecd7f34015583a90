// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "data/bytes.hpp"
#include "overparam/data/sources.hpp"
#include "support/files.hpp"

namespace overparam::data {
namespace {

namespace fs = std::filesystem;
using tests::expect_error;
using tests::ramp;
using tests::TemporaryFolder;
using tests::write_bytes;

constexpr const char* kNames10 =
    "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";

/// One row: the label bytes, then pixels that start at `shade`.
std::string row(const std::string& labels, int shade) {
  std::string pixels = ramp(3072);
  for (char& pixel : pixels) pixel = static_cast<char>(pixel + shade);
  return labels + pixels;
}

std::string row10(int label, int shade = 0) { return row({static_cast<char>(label)}, shade); }
std::string row100(int coarse, int fine) {
  return row({static_cast<char>(coarse), static_cast<char>(fine)}, 0);
}

at::Tensor expected_pixels(int shade) {
  return ((at::arange(3072, at::kLong) + shade).remainder(256).to(at::kFloat) / 255.0f);
}

TEST(Cifar, AFileOfWholeRowsIsRead) {
  const TemporaryFolder folder;
  write_bytes(folder / "data_batch_1.bin", row10(3, 0) + row10(9, 100));
  const Dataset dataset = read_dataset(folder / "data_batch_1.bin");
  EXPECT_EQ(dataset.shape, (std::vector<std::int64_t>{3, 32, 32}));
  EXPECT_EQ(dataset.num_classes, 10);
  EXPECT_TRUE(dataset.class_names.empty());
  EXPECT_TRUE(at::equal(dataset.train.labels, at::tensor({3, 9}, at::kLong)));
  EXPECT_TRUE(at::equal(dataset.train.inputs[0], expected_pixels(0)));
  EXPECT_TRUE(at::equal(dataset.train.inputs[1], expected_pixels(100)));
}

TEST(Cifar, BatchesComeInTheOrderOfTheirNumbers) {
  const TemporaryFolder folder;
  for (const int batch : {10, 2, 1}) {
    write_bytes(folder / ("data_batch_" + std::to_string(batch) + ".bin"), row10(batch % 10));
  }
  write_bytes(folder / "test_batch.bin", row10(7) + row10(6));
  write_bytes(folder / "batches.meta.txt", kNames10);
  const Dataset dataset = read_dataset(folder.path());
  EXPECT_TRUE(at::equal(dataset.train.labels, at::tensor({1, 2, 0}, at::kLong)));
  ASSERT_TRUE(dataset.test.has_value());
  EXPECT_TRUE(at::equal(dataset.test->labels, at::tensor({7, 6}, at::kLong)));
  ASSERT_EQ(dataset.class_names.size(), 10u);
  EXPECT_EQ(dataset.class_names[3], "cat");
}

TEST(Cifar, TheParentFolderIsEnough) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "cifar-10-batches-bin");
  write_bytes(folder / "cifar-10-batches-bin/test_batch.bin", row10(5));
  const Dataset dataset = read_dataset(folder.path());
  EXPECT_EQ(dataset.train.labels[0].item<int>(), 5);
  EXPECT_FALSE(dataset.test.has_value());
}

TEST(Cifar, FineLabelsOfCifar100) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "cifar-100-binary");
  write_bytes(folder / "cifar-100-binary/train.bin", row100(3, 77) + row100(4, 99));
  write_bytes(folder / "cifar-100-binary/test.bin", row100(1, 50));
  for (const auto& path : {folder.path(), folder / "cifar-100-binary"}) {
    const Dataset dataset = read_dataset(path);
    EXPECT_EQ(dataset.num_classes, 100);
    EXPECT_TRUE(at::equal(dataset.train.labels, at::tensor({77, 99}, at::kLong)));
    EXPECT_TRUE(at::equal(dataset.train.inputs[1], expected_pixels(0)));
    EXPECT_EQ(dataset.test->labels[0].item<int>(), 50);
  }
}

TEST(Cifar, RecognisedByContentUnderAnyName) {
  const TemporaryFolder folder;
  write_bytes(folder / "some-images", row10(3) + row10(9));
  EXPECT_EQ(read_dataset(folder / "some-images").num_classes, 10);
  write_bytes(folder / "fine-images", row100(3, 50));
  EXPECT_EQ(read_dataset(folder / "fine-images").num_classes, 100);
  // Right length, but 255 is no label of either.
  write_bytes(folder / "no-images", std::string(3073, '\xff'));
  expect_error(ErrorKind::data, {"not recognised"}, [&] { read_dataset(folder / "no-images"); });
}

TEST(Cifar, DamageIsNamed) {
  const TemporaryFolder folder;
  const auto path = folder / "data_batch_1.bin";
  const auto expect_message = [&](const std::string& bytes,
                                  std::initializer_list<std::string_view> parts) {
    write_bytes(path, bytes);
    expect_error(ErrorKind::data, parts, [&] { read_dataset(path); });
  };
  expect_message("", {"data_batch_1.bin", "empty"});
  expect_message(row10(1) + "x", {"data_batch_1.bin", "3074 bytes", "3073", "1 rows and 1 bytes"});
  expect_message(row10(1) + row10(10), {"row 1", "byte 3073", "label 10", "0 to 9"});

  write_bytes(folder / "train.bin", row100(1, 100));
  expect_error(ErrorKind::data, {"train.bin", "byte 1", "label 100", "0 to 99"}, [&] {
    read_dataset(folder / "train.bin");
  });
}

TEST(Cifar, MoreThanFitsIsRefusedBeforeItIsTaken) {
  const TemporaryFolder folder;
  const auto path = folder / "data_batch_1.bin";
  if (!tests::make_hole(path, 3073ull << 30)) GTEST_SKIP() << "no file of so many zeros here";
  expect_error(
      ErrorKind::capacity, {"data_batch_1.bin", "would not fit"}, [&] { read_dataset(path); });
}

TEST(Cifar, ThePythonVersionIsNamed) {
  const TemporaryFolder folder;
  write_bytes(folder / "data_batch_1", "\x80\x02}q");
  expect_error(ErrorKind::data, {"Python version", "cifar-10-binary.tar.gz"}, [&] {
    read_dataset(folder.path());
  });
}

}  // namespace
}  // namespace overparam::data
