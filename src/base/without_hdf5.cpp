// SPDX-License-Identifier: Apache-2.0
// Stands in for hdf5.cpp where the library was not found.
#include "overparam/base/hdf5.hpp"

#include <ATen/core/Tensor.h>

#include "overparam/base/require.hpp"

namespace overparam::base {

namespace {

[[noreturn]] void refuse(const char* verb, const std::filesystem::path& path) {
  fail(ErrorKind::usage,
       "cannot {} {}: this build has no HDF5. Build again with libhdf5-dev installed",
       verb,
       path.string());
}

}  // namespace

bool has_hdf5() { return false; }

void write_hdf5(const std::filesystem::path& path, const TensorFile&) { refuse("write", path); }

at::Tensor read_hdf5_dataset(const std::filesystem::path& path, const std::string&) {
  refuse("read", path);
}

}  // namespace overparam::base
