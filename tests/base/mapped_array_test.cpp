// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/mapped_array.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "overparam/base/array_files.hpp"
#include "overparam/base/files.hpp"
#include "support/files.hpp"

namespace overparam::base {
namespace {

TEST(MappedArray, IsANumpyFileOnceCommitted) {
  const tests::TemporaryFolder folder;
  const auto path = folder / "kernel.npy";
  {
    MappedArray array(path, {3, 5}, at::kDouble, "kernel", 3);
    array.tensor().copy_(at::arange(15, at::kDouble).view({3, 5}));
    EXPECT_FALSE(std::filesystem::exists(path));
    array.commit();
  }
  EXPECT_TRUE(at::equal(read_npy(path), at::arange(15, at::kDouble).view({3, 5})));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(MappedArray, GoesOnWhereAnotherStopped) {
  const tests::TemporaryFolder folder;
  const auto path = folder / "kernel.npy";
  {
    MappedArray array(path, {4}, at::kFloat, "seed 1", 2);
    array.tensor().narrow(0, 0, 2).fill_(7);
    array.finish(0);
  }
  tests::expect_error(ErrorKind::usage, {"kernel.npy is unfinished", "seed 1", "seed 2"}, [&] {
    MappedArray other(path, {4}, at::kFloat, "seed 2", 2);
  });
  {
    // Less memory today would mean smaller tiles, but tile 0 was one of side 2.
    MappedArray array(path, {4}, at::kFloat, "seed 1", 1);
    EXPECT_EQ(array.tile_side(), 2);
    EXPECT_TRUE(array.is_done(0));
    EXPECT_FALSE(array.is_done(1));
    EXPECT_EQ(array.tensor()[1].item<float>(), 7);
  }
  MappedArray fresh(path, {4}, at::kFloat, "seed 2", 2, true);
  EXPECT_EQ(fresh.tiles_done(), 0);
}

TEST(MappedArray, ATileWhoseLineWasCutShortIsNotDone) {
  const tests::TemporaryFolder folder;
  const auto path = folder / "kernel.npy";
  { MappedArray(path, {40}, at::kFloat, "seed 1", 2).finish(3); }
  const auto log = folder / "kernel.npy.tiles";
  tests::write_bytes(log, read_file(log) + "1");  // of 12
  {
    MappedArray array(path, {40}, at::kFloat, "seed 1", 2);
    EXPECT_TRUE(array.is_done(3));
    EXPECT_FALSE(array.is_done(1));
    array.finish(5);
  }
  const MappedArray again(path, {40}, at::kFloat, "seed 1", 2);
  EXPECT_TRUE(again.is_done(5));
  EXPECT_EQ(again.tiles_done(), 2);
}

TEST(MappedArray, ADiskThatIsTooSmallIsNamed) {
  const tests::TemporaryFolder folder;
  const auto path = folder / "kernel.npy";
  { MappedArray(path, {4}, at::kFloat, "former", 2).finish(0); }
  // What is thrown away anyway is gone before room is looked for.
  tests::expect_error(ErrorKind::capacity, {"kernel.npy needs", "file system has"}, [&] {
    MappedArray array(path, {1 << 24, 1 << 24}, at::kDouble, "too large", 1, true);
  });
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace overparam::base
