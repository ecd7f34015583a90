// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "overparam/net/architecture.hpp"

namespace overparam::net {

/// One tensor a block, in the order of the architecture, as a vector in one Euclidean space. Blocks
/// may be left undefined (frozen blocks of a direction); they count as zero.
class Parameters {
 public:
  Parameters() = default;
  explicit Parameters(std::vector<at::Tensor> blocks) : blocks_(std::move(blocks)) {}

  /// Random initialisation (Definition 2.3 for the paper's network).
  static Parameters initial(const Architecture& architecture,
                            std::uint64_t seed,
                            const at::TensorOptions& options);

  /// Zeros for the trained blocks, undefined for the others.
  static Parameters trained_zeros(const Architecture& architecture,
                                  const at::TensorOptions& options);

  [[nodiscard]] std::size_t size() const { return blocks_.size(); }
  [[nodiscard]] at::Tensor& operator[](int block) {
    return blocks_[static_cast<std::size_t>(block)];
  }
  [[nodiscard]] const at::Tensor& operator[](int block) const {
    return blocks_[static_cast<std::size_t>(block)];
  }

  /// this += alpha * other, over the blocks that both hold.
  void add(const Parameters& other, double alpha = 1);
  void scale(double factor);
  [[nodiscard]] double dot(const Parameters& other) const;
  [[nodiscard]] double norm() const;  ///< |W|_F = (sum_k |W_k|_F^2)^(1/2)
  [[nodiscard]] Parameters clone() const;

 private:
  std::vector<at::Tensor> blocks_;
};

}  // namespace overparam::net
