// SPDX-License-Identifier: Apache-2.0
// One small valid file for each format, for the tests that sweep all readers.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "data/bytes.hpp"
#include "support/files.hpp"

namespace overparam::tests {

struct SmallFile {
  std::string name;
  std::string reader;
  std::string bytes;
  /// Files that must stand beside it.
  std::vector<std::pair<std::string, std::string>> beside;
};

/// A .npy file of version 1.0 with its header padded as numpy does.
inline std::string npy(const std::string& type, const std::string& shape, std::string_view data) {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  return std::string("\x93NUMPY\x01\0", 8) +
         little_endian(static_cast<std::uint16_t>(header.size())) + header + std::string(data);
}

inline std::vector<SmallFile> small_files() {
  const std::string images = idx({6, 4, 4}, ramp(96));
  const std::string labels = idx({6}, std::string("\0\1\2\0\1\2", 6));
  // float64 bits 0x3ff... lie in [1, 2).
  std::string numbers;
  for (int i = 0; i < 12; ++i) {
    numbers += little_endian(0x3ff0000000000000ULL + (static_cast<std::uint64_t>(i) << 47));
  }
  const std::string inputs = npy("<f8", "4, 3", numbers);
  const std::string classes = npy("|u1", "4,", std::string("\0\1\1\0", 4));
  std::string rows;
  for (const char label : {'\3', '\7'}) {
    rows += label;
    rows += ramp(3072);
  }
  return {
      {"train-images-idx3-ubyte", "idx", images, {{"train-labels-idx1-ubyte", labels}}},
      {"t10k-images-idx3-ubyte.gz", "idx", gzip(images), {{"t10k-labels-idx1-ubyte", labels}}},
      {"data_batch_1.bin", "cifar", rows, {}},
      {"X.npy", "npy", inputs, {{"y.npy", classes}}},
      {"arrays.npz", "npy", zip({{"X.npy", inputs}, {"y.npy", classes}}), {}},
      {"table.csv", "csv", "a,b,label\n1.5,2,cat\n\"3\",-4e2,dog\n5,6,cat\n", {}},
      {"table.csv.gz", "csv", gzip("1.5;2;0\n3;-4e2;1\n5;6;1\n"), {}},
  };
}

/// Writes the file and what belongs beside it; returns its path.
inline std::filesystem::path write_small_file(const std::filesystem::path& folder,
                                              const SmallFile& file) {
  write_bytes(folder / file.name, file.bytes);
  for (const auto& [name, bytes] : file.beside) write_bytes(folder / name, bytes);
  return folder / file.name;
}

}  // namespace overparam::tests
