// SPDX-License-Identifier: Apache-2.0
#include "block_lanczos.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "overparam/base/random.hpp"
#include "thin_products.hpp"

namespace overparam::linalg {

namespace {

class BlockKrylov {
 public:
  BlockKrylov(const SymmetricOperator& op, std::int64_t size, const BlockLanczosOptions& options)
      : op_(op),
        capacity_(std::min(options.max_basis, size)),
        basis_(at::empty({capacity_, size}, at::kDouble)),
        images_(at::empty({capacity_, size}, at::kDouble)),
        projected_(at::empty({capacity_, capacity_}, at::kDouble)),
        next_(at::empty({std::min(options.block, capacity_), size}, at::kDouble)) {
    base::fill_normal(next_, 1, base::Stream(options.seed, "block lanczos start"));
  }

  [[nodiscard]] std::int64_t used() const { return used_; }
  [[nodiscard]] bool full() const { return used_ == capacity_; }

  /// Adds the next block to the basis and its image.
  void extend() {
    const std::int64_t width = std::min(next_.size(0), capacity_ - used_);
    at::Tensor block = next_.narrow(0, 0, width).clone();  // (b, N)
    orthonormalise(block);
    basis_.narrow(0, used_, width).copy_(block);
    at::Tensor image = images_.narrow(0, used_, width).t();  // (N, b)
    op_(block.t(), image);
    used_ += width;
    const at::Tensor known = basis_.narrow(0, 0, used_);
    at::Tensor columns = projected_.narrow(0, 0, used_).narrow(1, used_ - width, width);
    multiply_thin(columns, known, image);
    next_ = image.t().clone();
  }

  [[nodiscard]] RitzPairs ritz_pairs(std::int64_t count, double tolerance) const {
    const std::int64_t size = basis_.size(1);
    const auto [values, vectors] =
        at::linalg_eigh(projected_.narrow(0, 0, used_).narrow(1, 0, used_), "U");
    count = std::min(count, used_);
    const at::Tensor wanted = vectors.narrow(1, used_ - count, count).flip(1).contiguous();
    RitzPairs pairs{.values = values.narrow(0, used_ - count, count).flip(0),
                    .vectors = at::empty({size, count}, at::kDouble)};
    multiply(pairs.vectors, basis_.narrow(0, 0, used_).t(), wanted);
    at::Tensor residual = pairs.vectors * -pairs.values;
    multiply(residual, images_.narrow(0, 0, used_).t(), wanted, 1, 1);
    const double scale = values.abs().max().item<double>();
    pairs.converged = residual.norm(2, 0).max().item<double>() <= tolerance * scale;
    return pairs;
  }

 private:
  /// Against the basis and within the block. The second pass also places what a block that has lost
  /// rank was filled up with.
  void orthonormalise(at::Tensor& block) const {
    const at::Tensor known = basis_.narrow(0, 0, used_);
    at::Tensor columns = block.t();  // (N, b)
    at::Tensor overlaps = at::empty({used_, block.size(0)}, at::kDouble);
    for (int pass = 0; pass < 2; ++pass) {
      multiply_thin(overlaps, known, block.t());
      multiply_thin(columns, known.t(), overlaps, -1, 1);
      columns.copy_(std::get<0>(at::linalg_qr(columns)));
    }
  }

  const SymmetricOperator& op_;
  std::int64_t capacity_;
  std::int64_t used_ = 0;
  at::Tensor basis_;      // (capacity, N), a vector a row
  at::Tensor images_;     // (capacity, N), M times those
  at::Tensor projected_;  // (capacity, capacity), the upper triangle
  at::Tensor next_;       // (b, N)
};

}  // namespace

RitzPairs largest_ritz_pairs(const SymmetricOperator& op,
                             std::int64_t size,
                             const BlockLanczosOptions& options) {
  BlockKrylov space(op, size, options);
  for (;;) {
    // A check costs the cube of the basis: let that grow in between.
    const std::int64_t wanted = space.used() + std::max(3 * options.block, space.used() / 8);
    while (space.used() < wanted && !space.full()) space.extend();
    RitzPairs pairs = space.ritz_pairs(options.count, options.tolerance);
    if (pairs.converged || space.full()) return pairs;
  }
}

}  // namespace overparam::linalg
