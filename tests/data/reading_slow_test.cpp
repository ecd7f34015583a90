// SPDX-License-Identifier: Apache-2.0
// The memory that reading takes, at the size of MNIST.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "data/small_files.hpp"
#include "overparam/base/memory.hpp"
#include "overparam/data/sources.hpp"
#include "support/files.hpp"

namespace overparam::data {
namespace {

namespace fs = std::filesystem;
using tests::TemporaryFolder;
using tests::write_bytes;

constexpr std::int64_t kRows = 60'000;
constexpr std::int64_t kColumns = 784;

/// Writes `first`, then every row as `row(i)` gives it.
template <typename Row>
void write_rows(const fs::path& path, const std::string& first, const Row& row) {
  std::ofstream stream(path, std::ios::binary);
  stream << first;
  for (std::int64_t i = 0; i < kRows; ++i) stream << row(i);
}

fs::path write_idx(const TemporaryFolder& folder) {
  write_rows(folder / "train-images-idx3-ubyte", tests::idx({kRows, 28, 28}, ""), [](std::int64_t) {
    return tests::ramp(kColumns);
  });
  write_bytes(folder / "train-labels-idx1-ubyte", tests::idx({kRows}, std::string(kRows, '\1')));
  return folder / "train-images-idx3-ubyte";
}

fs::path write_npy(const TemporaryFolder& folder) {
  write_rows(folder / "X.npy", tests::npy("<f4", "60000, 784", ""), [](std::int64_t) {
    return std::string(4 * kColumns, '\0');
  });
  write_bytes(folder / "y.npy", tests::npy("|u1", "60000,", std::string(kRows, '\1')));
  return folder / "X.npy";
}

fs::path write_csv(const TemporaryFolder& folder) {
  std::string row;
  for (std::int64_t k = 0; k < kColumns; ++k) row += std::to_string(k % 256) + ",";
  write_rows(folder / "table.csv", "", [&](std::int64_t i) {
    return row + std::to_string(i % 10) + "\n";
  });
  return folder / "table.csv";
}

TEST(ReadingSlow, TakesAboutTwiceTheFloat32TensorAtMost) {
  // The peak never falls, so one bound holds for all formats whatever their order.
  const std::uint64_t before = base::peak_resident_memory();
  for (const auto& write : {write_idx, write_npy, write_csv}) {
    const TemporaryFolder folder;
    const fs::path path = write(folder);
    const Dataset dataset = read_dataset(path);
    EXPECT_EQ(dataset.train.inputs.sizes(), (std::vector<std::int64_t>{kRows, kColumns}));
    const double peak = static_cast<double>(base::peak_resident_memory() - before);
    EXPECT_LT(peak, 2.4 * 4 * kRows * kColumns) << path;
  }
}

}  // namespace
}  // namespace overparam::data
