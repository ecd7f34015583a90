// SPDX-License-Identifier: Apache-2.0
// Tensors on disk in the formats that numpy and every deep-learning library read in one line.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace overparam::base {

/// NumPy's .npy, version 1.0, C order, little endian. Writes float32, float64, int64 and uint8;
/// reads these, float16, the other signed widths, booleans, and both byte and index orders.
/// @throws Error(data) naming the file and the field that is wrong, Error(capacity) for what would
/// not fit the memory
void write_npy(const std::filesystem::path& path, const at::Tensor& tensor);
at::Tensor read_npy(const std::filesystem::path& path);

/// As `read_npy`, from bytes already in memory; `name` is used in messages.
at::Tensor parse_npy(std::string_view bytes, const std::string& name);

/// The arrays of a .npz by name, stored or deflated; deflated ones up to 4 GiB each.
/// @throws as `read_npy`, naming file and array
std::map<std::string, at::Tensor> read_npz(const std::filesystem::path& path);

/// Named tensors in order, and free text about them.
struct TensorFile {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  std::map<std::string, std::string> metadata;

  /// The tensor called `name`, or nullptr.
  [[nodiscard]] const at::Tensor* find(const std::string& name) const;
};

/// The safetensors format: u64 header length, JSON header, raw little-endian data.
/// @throws Error(data) for headers that lie about sizes, overlap or exceed the file
void write_safetensors(const std::filesystem::path& path, const TensorFile& file);
TensorFile read_safetensors(const std::filesystem::path& path);

}  // namespace overparam::base
