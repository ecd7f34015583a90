// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/buffer_pool.hpp"

#include <ATen/ATen.h>

#include <utility>

namespace overparam::linalg {

Scratch& Scratch::operator=(Scratch&& other) noexcept {
  if (this != &other) {
    give_back();
    pool_ = std::exchange(other.pool_, nullptr);
    storage_ = std::move(other.storage_);
    tensor_ = std::move(other.tensor_);
  }
  return *this;
}

void Scratch::give_back() {
  if (pool_ == nullptr) return;
  tensor_.reset();
  pool_->free_.push_back(std::move(storage_));
  pool_ = nullptr;
}

Scratch BufferPool::take(at::IntArrayRef sizes) {
  const std::int64_t needed = std::max<std::int64_t>(1, c10::multiply_integers(sizes));
  auto best = free_.end();
  for (auto it = free_.begin(); it != free_.end(); ++it) {
    if (it->numel() >= needed && (best == free_.end() || it->numel() < best->numel())) best = it;
  }

  Scratch scratch;
  scratch.pool_ = this;
  if (best != free_.end()) {
    scratch.storage_ = std::move(*best);
    free_.erase(best);
  } else {
    scratch.storage_ = at::empty({needed}, options_);
    bytes_ += scratch.storage_.nbytes();
  }
  scratch.tensor_ = scratch.storage_.narrow(0, 0, c10::multiply_integers(sizes)).view(sizes);
  return scratch;
}

}  // namespace overparam::linalg
