// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/hdf5.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#ifdef OVERPARAM_TESTS_HDF5
#include <hdf5.h>
#endif

#include "overparam/base/files.hpp"
#include "support/files.hpp"

namespace overparam::base {
namespace {

namespace fs = std::filesystem;
using tests::expect_error;
using tests::TemporaryFolder;

#ifndef OVERPARAM_TESTS_HDF5

TEST(Hdf5, ABuildWithoutItSaysSo) {
  const TemporaryFolder folder;
  EXPECT_FALSE(has_hdf5());
  expect_error(ErrorKind::usage, {"cannot write", "a.h5", "no HDF5", "libhdf5-dev"}, [&] {
    write_hdf5(folder / "a.h5", {});
  });
  expect_error(ErrorKind::usage, {"cannot read", "a.h5", "no HDF5"}, [&] {
    (void)read_hdf5_dataset(folder / "a.h5", "x");
  });
}

#else

/// A landscape as it will be written: axes, a grid, and a direction in groups.
TensorFile landscape() {
  TensorFile file;
  file.tensors = {{"xcoordinates", at::linspace(-1, 1, 5, at::kDouble)},
                  {"ycoordinates", at::linspace(-2, 2, 3, at::kDouble)},
                  {"train_loss", at::randn({5, 3}, at::kDouble)},
                  {"xdirection/0", at::randn({4, 3, 2, 2})},
                  {"xdirection/1", at::randn({4})},
                  {"steps", at::arange(7, at::kLong)},
                  {"scalar", at::scalar_tensor(2.5, at::kDouble)},
                  {"empty", at::empty({0, 3})}};
  file.metadata = {{"network", "ResNet-32 \xc3\xa0 la paper"}, {"radius", "0.1"}, {"none", ""}};
  return file;
}

class ForReading {
 public:
  explicit ForReading(const fs::path& path)
      : file_(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT)) {}
  ~ForReading() { H5Fclose(file_); }
  ForReading(const ForReading&) = delete;
  ForReading& operator=(const ForReading&) = delete;

  [[nodiscard]] bool is_open() const { return file_ >= 0; }

  /// A float64 dataset by the library's own calls.
  [[nodiscard]] at::Tensor read(const char* name) const {
    const hid_t dataset = H5Dopen2(file_, name, H5P_DEFAULT);
    const hid_t space = H5Dget_space(dataset);
    std::vector<hsize_t> sizes(static_cast<std::size_t>(H5Sget_simple_extent_ndims(space)));
    H5Sget_simple_extent_dims(space, sizes.data(), nullptr);
    at::Tensor result =
        at::empty(std::vector<std::int64_t>(sizes.begin(), sizes.end()), at::kDouble);
    EXPECT_GE(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, result.data_ptr()),
              0);
    H5Sclose(space);
    H5Dclose(dataset);
    return result;
  }

  [[nodiscard]] std::string attribute(const char* name) const {
    const hid_t attribute = H5Aopen(file_, name, H5P_DEFAULT);
    const hid_t type = H5Aget_type(attribute);
    char* text = nullptr;
    EXPECT_GE(H5Aread(attribute, type, static_cast<void*>(&text)), 0);
    const std::string result = text == nullptr ? "" : text;
    H5free_memory(text);
    H5Tclose(type);
    H5Aclose(attribute);
    return result;
  }

  [[nodiscard]] std::size_t members(const char* group) const {
    H5G_info_t info;
    EXPECT_GE(H5Gget_info_by_name(file_, group, &info, H5P_DEFAULT), 0);
    return info.nlinks;
  }

 private:
  hid_t file_;
};

TEST(Hdf5, TheLibraryItselfReadsWhatWasWritten) {
  const TemporaryFolder folder;
  const TensorFile written = landscape();
  write_hdf5(folder / "a.h5", written);
  const ForReading file(folder / "a.h5");
  ASSERT_TRUE(file.is_open());
  for (const auto& [name, tensor] : written.tensors) {
    if (tensor.numel() == 0) continue;
    const at::Tensor read = file.read(name.c_str());
    EXPECT_EQ(read.sizes(), tensor.sizes()) << name;
    EXPECT_TRUE(at::equal(read, tensor.to(at::kDouble))) << name;
  }
  for (const auto& [name, text] : written.metadata) EXPECT_EQ(file.attribute(name.c_str()), text);
  EXPECT_EQ(file.members("xdirection"), 2u);
}

TEST(Hdf5, TypesAndShapesComeBack) {
  const TemporaryFolder folder;
  const TensorFile written = landscape();
  write_hdf5(folder / "a.h5", written);
  for (const auto& [name, tensor] : written.tensors) {
    const at::Tensor read = read_hdf5_dataset(folder / "a.h5", name);
    EXPECT_EQ(read.scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(at::equal(read, tensor)) << name;
  }
}

TEST(Hdf5, ViewsAreWrittenAsTheyLook) {
  const TemporaryFolder folder;
  const at::Tensor view = at::arange(6, at::kFloat).view({2, 3}).t();
  write_hdf5(folder / "a.h5", {.tensors = {{"view", view}}});
  EXPECT_TRUE(at::equal(read_hdf5_dataset(folder / "a.h5", "view"), view));
}

TEST(Hdf5, TheSameContentGivesTheSameBytes) {
  const TemporaryFolder folder;
  const TensorFile file = landscape();
  write_hdf5(folder / "a.h5", file);
  write_hdf5(folder / "b.h5", file);
  EXPECT_EQ(read_file(folder / "a.h5"), read_file(folder / "b.h5"));
}

TEST(Hdf5, AFolderThatCannotBeWrittenIsOneErrorAndLeavesNothing) {
  testing::internal::CaptureStderr();
  expect_error(ErrorKind::usage, {"cannot write", "/nowhere/a.h5", "No such file"}, [] {
    write_hdf5("/nowhere/a.h5", landscape());
  });
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Hdf5, WhatCannotBeWrittenLeavesTheOldFile) {
  const TemporaryFolder folder;
  write_file(folder / "a.h5", "old");
  const auto refused = [&](const TensorFile& file, std::string_view reason) {
    testing::internal::CaptureStderr();
    expect_error(ErrorKind::usage, {"a.h5", reason}, [&] { write_hdf5(folder / "a.h5", file); });
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    EXPECT_EQ(read_file(folder / "a.h5"), "old");
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
  };
  const at::Tensor one = at::ones({2});
  refused({.tensors = {{"a", one}, {"a/b", one}}}, "dataset a/b");
  refused({.tensors = {{"a", one}, {"a", one}}}, "two datasets are called a");
  for (const char* name : {"", "/", "/a", "a/", "a//b", "./a"}) {
    refused({.tensors = {{name, one}}}, "group/name");
  }
  refused({.tensors = {{"bytes", at::ones({2}, at::kByte)}}}, "float32, float64 or int64");
}

TEST(Hdf5, WhatCannotBeReadIsNamed) {
  const TemporaryFolder folder;
  tests::write_bytes(folder / "text.h5", "no HDF5 at all");
  write_hdf5(folder / "a.h5", landscape());
  testing::internal::CaptureStderr();
  expect_error(ErrorKind::data, {"cannot read", "nowhere.h5"}, [&] {
    (void)read_hdf5_dataset(folder / "nowhere.h5", "x");
  });
  expect_error(ErrorKind::data, {"cannot read", "text.h5"}, [&] {
    (void)read_hdf5_dataset(folder / "text.h5", "x");
  });
  expect_error(ErrorKind::data, {"cannot read", "a.h5", "ydirection"}, [&] {
    (void)read_hdf5_dataset(folder / "a.h5", "ydirection");
  });
  expect_error(ErrorKind::data, {"cannot read", "a.h5", "xdirection"}, [&] {
    (void)read_hdf5_dataset(folder / "a.h5", "xdirection");
  });
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Hdf5, OtherNumbersAreConverted) {
  const TemporaryFolder folder;
  const fs::path path = folder / "other.h5";
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t size = 3;
  const hid_t space = H5Screate_simple(1, &size, nullptr);
  const double values[] = {1, -2, 3};
  const auto write = [&](const char* name, hid_t type) {
    const hid_t dataset =
        H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Dclose(dataset);
  };
  write("big", H5T_IEEE_F64BE);
  write("short", H5T_STD_I16BE);
  const hid_t text = H5Tcopy(H5T_C_S1);
  H5Dclose(H5Dcreate2(file, "text", text, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  const hsize_t absurd = hsize_t{1} << 62U;
  const hid_t endless = H5Screate_simple(1, &absurd, nullptr);
  const hid_t chunks = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(chunks, 1, &size);
  H5Dclose(H5Dcreate2(file, "endless", H5T_IEEE_F32LE, endless, H5P_DEFAULT, chunks, H5P_DEFAULT));
  H5Pclose(chunks);
  H5Sclose(endless);
  H5Tclose(text);
  H5Sclose(space);
  H5Fclose(file);
  EXPECT_TRUE(at::equal(read_hdf5_dataset(path, "big"), at::tensor({1, -2, 3}, at::kDouble)));
  EXPECT_TRUE(at::equal(read_hdf5_dataset(path, "short"), at::tensor({1, -2, 3}, at::kLong)));
  expect_error(ErrorKind::data, {"other.h5", "text", "floats or integers"}, [&] {
    (void)read_hdf5_dataset(path, "text");
  });
  expect_error(ErrorKind::capacity, {"would not fit", "other.h5", "endless"}, [&] {
    (void)read_hdf5_dataset(path, "endless");
  });
}

#endif

}  // namespace
}  // namespace overparam::base
