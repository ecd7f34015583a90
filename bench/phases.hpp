// SPDX-License-Identifier: Apache-2.0
// Single phases of training and of kernels, each with the operations and the bytes it cannot do
// without: what a machine of known product rate and bandwidth would need for it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

namespace overparam::bench {

/// n samples, width m, L hidden layers. Phases of a matrix take its rows from n.
struct PhaseShape {
  std::int64_t num_samples = 0;
  std::int64_t width = 0;
  std::int64_t depth = 0;
};

/// Least work of one run.
struct Work {
  double operations = 0;             ///< floating-point, of products
  double bytes = 0;                  ///< to or from memory, each array once where it is read once
  at::ScalarType type = at::kFloat;  ///< of the products
};

class Phase {
 public:
  virtual ~Phase() = default;
  [[nodiscard]] virtual Work work() const = 0;

  /// Mean seconds of `times` runs, after one that is not counted where they are several.
  virtual double seconds(std::int64_t times);

 private:
  virtual void prepare() {}  ///< before each run; not counted
  virtual void run() {}
};

/// By name:
///
///     forward, backward, step        of fc by gradient descent, 785 inputs, d = 10, float32
///     step-resnet, step-cnn          a whole step of these
///     step-sgd                       of fc with batches of 64
///     activation                     relu and its derivative on (n, m)
///     tangent-product                K v without K, float32
///     tangent-kernel, trace-kernel   dense, all outputs and their mean
///     limit-kernel                   of 785 inputs at infinite width, float64
///     cholesky, cholesky-solve       (n, n) float64; with 10 right-hand sides
///     lanczos, conjugate-gradients   20 products with a dense (n, n) float64 matrix
///     separation                     the closest pair of n rows of 784 numbers
///     weights                        drawing (m, m) numbers
/// @throws Error(usage) for another name
std::unique_ptr<Phase> make_phase(const std::string& name, const PhaseShape& shape);

/// Floating-point operations a second of out (p, r) = a (p, q) b (q, r).
double product_rate(std::int64_t p, std::int64_t q, std::int64_t r, at::ScalarType type);

/// Bytes a second of a = b + s c on arrays far larger than the caches: four of them, because what
/// is written is read first.
double memory_bandwidth();

}  // namespace overparam::bench
