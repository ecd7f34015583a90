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
#include <memory>

#include "overparam/base/memory.hpp"
#include "overparam/linalg/lanczos.hpp"
#include "overparam/net/network.hpp"

namespace overparam::kernel {

/// What `tangent_kernel` will take for n samples in numbers of `bytes_each`.
base::MemoryPlan plan_tangent_kernel(const net::Architecture& architecture,
                                     std::int64_t n,
                                     std::uint64_t bytes_each);

/// K as a dense matrix (n d, n d), float64, row i * d + a. Grams are taken in the network's type
/// and summed in float64. Time O(L (n d)^2 m + L n d m^2), memory n d m (network's type) + 3 (n
/// d)^2.
/// @throws Error(capacity) with the plan if that exceeds `memory_limit` bytes (0: what is
/// available)
at::Tensor tangent_kernel(const net::Network& network,
                          const at::Tensor& inputs,
                          std::uint64_t memory_limit = 0);

/// K v without K, by JVP after VJP. With fewer samples than neurons the products stay in sample
/// space, because Z (J^T v)^T = (Z Z^T) delta: about 4 n m^2 + 2 n^2 m flops a layer and a product,
/// memory n m for each layer. With more, the direction J^T v is held once, and samples go by in
/// chunks: about 14 n m^2 flops a layer, memory of the trained weights and one chunk. The network
/// must not change while this is used.
class TangentProduct {
 public:
  TangentProduct(const net::Network& network, const at::Tensor& inputs, net::Workspace& workspace);
  ~TangentProduct();
  TangentProduct(TangentProduct&&) noexcept;

  /// out = K v for v, out (n d) float64, ordered as the rows of K.
  void operator()(const at::Tensor& v, at::Tensor& out) const;

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

/// Largest (and smallest, if asked) eigenvalue of K by Lanczos on TangentProduct.
linalg::ExtremeEigenvalues extreme_eigenvalues(const net::Network& network,
                                               const at::Tensor& inputs,
                                               net::Workspace& workspace,
                                               const linalg::EigenOptions& options = {});

/// max_i lambda_max(K_ii), the largest curvature one sample can give; K_ii is the (d, d) block of
/// sample i. Works on chunks of samples, so memory does not grow with n.
double largest_sample_eigenvalue(const net::Network& network,
                                 const at::Tensor& inputs,
                                 net::Workspace& workspace);

/// Numbers that it holds at once for n samples: two layers of d cotangents each, and where there are
/// convolutions d gradients.
std::int64_t sample_eigenvalue_numbers(const net::Architecture& architecture, std::int64_t n);

}  // namespace overparam::kernel
