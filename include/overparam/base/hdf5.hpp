// SPDX-License-Identifier: Apache-2.0
// HDF5 files, for the programs that read nothing else. Optional: a build may lack the library.
#pragma once

#include <filesystem>
#include <string>

#include "overparam/base/array_files.hpp"

namespace overparam::base {

/// Whether this build reads and writes HDF5.
bool has_hdf5();

/// Writes each tensor (float32, float64 or int64, of any shape) as a dataset, little endian and
/// contiguous; a '/' in its name opens a group. The metadata become string attributes of the root.
/// The same content gives the same bytes. The file is made in memory and renamed into place, so
/// that nobody sees half of it and no lock is taken. Cost: memory of twice the tensors.
/// @throws Error(usage) for another type, for names that are empty, taken or lead through a
/// dataset, where the folder cannot be written, and in a build without HDF5
/// @throws Error(capacity) if the device is full, or memory
void write_hdf5(const std::filesystem::path& path, const TensorFile& file);

/// One dataset of numbers: floats of four bytes or fewer as float32, others as float64, integers as
/// int64.
/// @throws Error(data) naming the file where it is no HDF5, the dataset where that is not there or
/// holds no such numbers; Error(usage) in a build without HDF5
at::Tensor read_hdf5_dataset(const std::filesystem::path& path, const std::string& name);

}  // namespace overparam::base
