// SPDX-License-Identifier: Apache-2.0
// Scratch tensors that are handed out, given back, and handed out again without allocation.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace overparam::linalg {

class BufferPool;

/// A tensor on loan from a pool, given back when this goes out of scope. Its content is whatever
/// the last user left.
class Scratch {
 public:
  Scratch() = default;
  ~Scratch() { give_back(); }
  Scratch(Scratch&& other) noexcept { *this = std::move(other); }
  Scratch& operator=(Scratch&& other) noexcept;

  [[nodiscard]] at::Tensor& tensor() { return tensor_; }
  [[nodiscard]] const at::Tensor& tensor() const { return tensor_; }
  [[nodiscard]] explicit operator bool() const { return pool_ != nullptr; }

  void give_back();

 private:
  friend class BufferPool;
  BufferPool* pool_ = nullptr;
  at::Tensor storage_;  // (capacity)
  at::Tensor tensor_;   // a view of its beginning
};

/// Keeps every buffer it ever allocated. A request takes the smallest free one that is large
/// enough, so a loop that asks for the same sizes again allocates nothing after its first round.
/// Not for several threads at once.
class BufferPool {
 public:
  explicit BufferPool(at::TensorOptions options) : options_(options) {}
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// A contiguous tensor of these sizes, of the pool's type and device.
  Scratch take(at::IntArrayRef sizes);

  [[nodiscard]] const at::TensorOptions& options() const { return options_; }

  /// Bytes held, on loan or free.
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  friend class Scratch;
  at::TensorOptions options_;
  std::vector<at::Tensor> free_;
  std::uint64_t bytes_ = 0;
};

}  // namespace overparam::linalg
