// SPDX-License-Identifier: Apache-2.0
// The tangent kernel of the trained blocks,
//
//     K[(i,a),(j,b)] = <d y_a(x_i) / dW, d y_b(x_j) / dW>
//                    = sum_k sum_{uses u,u' of k} s_u s_u' <delta^a_{i,u}, delta^b_{j,u'}>
//                    <Z_{i,u}, Z_{j,u'}>
//
// never through a Jacobian. For the squared loss |grad F|^2 = r^T K r with the residual r, so that
// 2 lambda_min F <= |grad F|^2 <= 2 lambda_max F.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "overparam/base/memory.hpp"
#include "overparam/linalg/lanczos.hpp"
#include "overparam/net/network.hpp"

namespace overparam::kernel {

/// Which part of the (n d, n d) kernel is wanted.
enum class OutputBlock {
  full,      ///< (n d, n' d), row i d + a
  trace,     ///< the mean over outputs of K[(i,a),(j,a)], (n, n')
  diagonal,  ///< K[(i,a),(j,a)] for each output a, (d, n, n')
  single,    ///< the same for one output, (n, n')
};

struct KernelOptions {
  OutputBlock block = OutputBlock::full;
  std::int64_t output = 0;  ///< of `single`
  bool parts = false;       ///< one kernel for each trained block, in front: they sum to K
  at::ScalarType type = at::kDouble;  ///< of the result; sums over blocks are in float64
  /// Of `trace`: the mean over the first so many outputs in place of all, 0: all. In wide networks
  /// outputs differ by 1/sqrt(m), and each costs as much. Where a read-out alone makes the
  /// difference all are taken, at the price of one.
  std::int64_t outputs = 0;
  /// Of each block a unit vector v (columns), or none: features Z (I - v v^T) stand for Z there.
  /// See mean_feature.hpp.
  std::vector<at::Tensor> without = {};
  /// Products in bfloat16 where this machine gains by it: entries are then right to 2^-8 / sqrt(m)
  /// or so of the diagonal, enough for a preconditioner.
  bool coarse = false;
  std::uint64_t memory_limit = 0;  ///< bytes at once; 0: what is available
  /// Called after each tile, with how many there are.
  std::function<void(std::int64_t done, std::int64_t total)> on_tile = {};
};

/// What a kernel will take. Tiles are pairs of runs of samples; within one, deltas and features of
/// its samples are computed again.
struct KernelPlan {
  std::vector<std::int64_t> sizes;   ///< of the result
  std::int64_t samples_at_once = 0;  ///< in a tile's side
  std::int64_t tiles = 0;
  double operations = 0;  ///< floating-point, of passes and Grams
  base::MemoryPlan memory{"tangent kernel"};
};

/// @param n, others samples on both sides; others = 0: the same samples
/// @param in_memory whether the result counts
/// The fewest tiles that fit; where even those of one sample do not, `memory` says so.
KernelPlan plan_kernel(const net::Architecture& architecture,
                       std::int64_t n,
                       std::int64_t others,
                       const KernelOptions& options,
                       std::uint64_t bytes_each,
                       bool in_memory = true);

/// The kernel by its structure, one Hadamard product of two Grams for each use of a trained block,
///
///     K[(i,a),(j,b)] = sum s^2 <delta^a_i, delta^b_j> <Z_i, Z_j>,
///
/// for convolutions through gradients of each sample where that takes fewer operations. Grams are
/// taken in the network's type. Time O(L n^2 d^2 m + L n d m^2), with d in place of d^2 for trace
/// and diagonal; half of the Grams where both sides are the same.
/// @throws Error(capacity) with the plan if it does not fit, Error(usage) for sizes that do not
at::Tensor empirical_kernel(const net::Network& network,
                            const at::Tensor& inputs,
                            const KernelOptions& options = {});

/// Between two data sets.
at::Tensor empirical_kernel(const net::Network& network,
                            const at::Tensor& inputs,
                            const at::Tensor& others,
                            const KernelOptions& options);

/// Which tiles of a result that outlives the process are done.
struct TileLog {
  std::function<bool(std::int64_t tile)> is_done;
  std::function<void(std::int64_t tile)> finish;
};

/// The symmetric kernel into `out` of the plan's sizes, such as a mapped file, without the tiles
/// that are done. False if the user interrupted.
bool fill_kernel(const net::Network& network,
                 const at::Tensor& inputs,
                 const KernelOptions& options,
                 const KernelPlan& plan,
                 const TileLog& log,
                 at::Tensor& out);

/// K as a dense matrix (n d, n d), float64, row i * d + a.
/// @throws Error(capacity) with the plan if that exceeds `memory_limit` bytes (0: what is
/// available)
at::Tensor tangent_kernel(const net::Network& network,
                          const at::Tensor& inputs,
                          std::uint64_t memory_limit = 0);

/// K v without K, by JVP after VJP. With fewer samples than neurons the products stay in sample
/// space, because Z (J^T v)^T = (Z Z^T) delta: about 4 n m^2 + 2 n^2 m flops a layer and a product,
/// memory n m for each layer. With more, the direction J^T v is held once, and samples go by in
/// chunks: about 14 n m^2 flops a layer, memory of the trained weights and one chunk; or, with
/// `keep_features`, 8 n m^2 flops and the features of all samples beside. The network must not
/// change while this is used.
class TangentProduct {
 public:
  TangentProduct(const net::Network& network,
                 const at::Tensor& inputs,
                 net::Workspace& workspace,
                 bool keep_features = false);
  ~TangentProduct();
  TangentProduct(TangentProduct&&) noexcept;

  /// out = K v for v, out (n d) float64, ordered as the rows of K.
  void operator()(const at::Tensor& v, at::Tensor& out) const;

  /// into += alpha J^T v, over the trained blocks, for v (n d) ordered as the rows of K.
  void add_gradient(const at::Tensor& v, double alpha, net::Parameters& into) const;

  [[nodiscard]] std::int64_t size() const;

  /// y at the inputs, (n, d)
  [[nodiscard]] const at::Tensor& outputs() const;

  struct State;  ///< of one of the two ways

 private:
  std::unique_ptr<State> state_;
};

/// Whether TangentProduct stays in sample space for n samples: n^2 rows against 2 n rows columns,
/// over all uses of trained blocks; never with a trained convolution, whose rows are many.
bool samples_are_few(const net::Architecture& architecture, std::int64_t n);

/// What a TangentProduct holds beside the features of its samples, in numbers.
std::int64_t product_numbers(const net::Architecture& architecture, std::int64_t n);

/// Largest (and smallest, if asked) eigenvalue of K by Lanczos on TangentProduct.
linalg::ExtremeEigenvalues extreme_eigenvalues(const net::Network& network,
                                               const at::Tensor& inputs,
                                               net::Workspace& workspace,
                                               const linalg::EigenOptions& options = {});

/// max_i lambda_max(K_ii), the largest curvature one sample can give; K_ii is the (d, d) block of
/// sample i. Works on chunks of samples, so memory does not grow with n; where the user interrupts
/// it is that of the chunks so far.
double largest_sample_eigenvalue(const net::Network& network,
                                 const at::Tensor& inputs,
                                 net::Workspace& workspace);

/// Numbers that it holds at once for n samples: two layers of d cotangents each, and where there
/// are convolutions d gradients.
std::int64_t sample_eigenvalue_numbers(const net::Architecture& architecture, std::int64_t n);

}  // namespace overparam::kernel
