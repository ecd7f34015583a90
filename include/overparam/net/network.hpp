// SPDX-License-Identifier: Apache-2.0
// The passes, written once for every architecture.
//
// With u_l the cotangent of the features of layer l and delta_l = phi'_l(g_l) * u_l,
//
//     u_from(t) += s_t Phi_t^T(delta_l W)          grad W_k = sum over uses of k of s delta^T Z
//     g'_l = sum_t s_t (Z_t W'^T + Phi_t(h'_from) W^T)      h'_l = phi'_l(g_l) * g'_l
//
// where Z = Phi(h_from) are the rows a use multiplies, and W' a direction in weight space. For the
// paper's network the gradient is Fact 2.6.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "overparam/linalg/buffer_pool.hpp"
#include "overparam/net/architecture.hpp"
#include "overparam/net/parameters.hpp"

namespace overparam::net {

/// Reusable memory for passes. One thread at a time.
using Workspace = linalg::BufferPool;

/// What a forward pass leaves for later passes. Its tensors belong to the workspace and return to
/// it when the tape goes out of scope.
class Tape {
 public:
  [[nodiscard]] const at::Tensor& inputs() const { return inputs_; }

  /// h_l, (n, width of layer l); layer kInput is the input.
  [[nodiscard]] const at::Tensor& features(int layer) const;

  /// What decides phi'_l, (n, width of layer l): the slopes where the activation keeps them, the
  /// features elsewhere. Positive where the sign pattern D_l is 1.
  [[nodiscard]] const at::Tensor& branches(int layer) const;

  /// y, (n, d)
  [[nodiscard]] const at::Tensor& outputs() const { return features_.back().tensor(); }

 private:
  friend class Network;

  at::Tensor* slopes_to_fill(std::size_t layer) {
    return slopes_[layer] ? &slopes_[layer].tensor() : nullptr;
  }

  at::Tensor inputs_;
  std::vector<linalg::Scratch> features_;
  std::vector<linalg::Scratch> slopes_;  // empty where the activation keeps none
};

/// One place where a block multiplies features.
struct Use {
  int layer = 0;
  int term = 0;
  int block = 0;
  double gain = 1;
  std::int64_t positions = 1;  ///< rows of Z and delta for each sample
};

/// Z = Phi(h) of one term, (n * positions, columns), made when it is asked for: patches are q times
/// as large as what they are cut from.
class Gathered {
 public:
  Gathered(const Term& term, std::int64_t positions, const at::Tensor& source);

  [[nodiscard]] std::int64_t positions() const { return positions_; }
  [[nodiscard]] std::int64_t columns() const { return columns_; }

  /// How many samples a piece of `for_chunks` has.
  [[nodiscard]] std::int64_t samples_at_once() const;

  /// Z itself; `space` holds it where it is no view of the source.
  [[nodiscard]] at::Tensor rows(Workspace& workspace, linalg::Scratch& space) const;

  /// Z in pieces of whole samples that fit a cache: action(first sample, samples, rows).
  using Action = std::function<void(std::int64_t, std::int64_t, const at::Tensor&)>;
  void for_chunks(Workspace& workspace, const Action& action) const;

 private:
  const Term* term_;
  std::int64_t positions_;
  at::Tensor source_;  // (n, width), what the term reads of it
  std::int64_t columns_;
};

class Network {
 public:
  /// @throws Error(usage) if the parameters do not fit the architecture
  Network(Architecture architecture, Parameters parameters);

  /// At random initialisation.
  Network(const Architecture& architecture, std::uint64_t seed, const at::TensorOptions& options);

  Network(Network&&) = default;
  Network& operator=(Network&&) = default;
  Network(const Network&) = delete;  // weights are large: copy them by clone()
  Network& operator=(const Network&) = delete;

  [[nodiscard]] Network clone() const { return {architecture_, parameters_.clone()}; }

  /// A copy with weights of another number type.
  [[nodiscard]] Network converted(at::ScalarType type) const;

  [[nodiscard]] const Architecture& architecture() const { return architecture_; }
  [[nodiscard]] const Parameters& parameters() const { return parameters_; }
  [[nodiscard]] Parameters& parameters() { return parameters_; }
  [[nodiscard]] at::TensorOptions options() const { return parameters_[0].options(); }

  /// y for inputs (n, dx), written to outputs (n, d). Holds two layers of at most 1,024 samples at
  /// a time.
  /// @throws Error(usage) for inputs of another width or number type than the network's
  void forward(const at::Tensor& inputs, at::Tensor& outputs, Workspace& workspace) const;
  [[nodiscard]] at::Tensor forward(const at::Tensor& inputs, Workspace& workspace) const;

  /// As forward, keeping the features of every layer: memory n times the sum of the widths.
  /// @throws Error(usage) as `forward` does
  [[nodiscard]] Tape record(const at::Tensor& inputs, Workspace& workspace) const;

  /// Brings a tape of this network up to date after a change of its trained blocks. Layers below
  /// all trained blocks keep their features, so a step of the paper's network never multiplies by A
  /// again: 13 % of the work at n = 100, m = 1024, L = 2 with 785 inputs.
  void refresh(Tape& tape, Workspace& workspace) const;

  /// into_k = beta into_k + alpha grad_k for every trained block k, where grad is the gradient of
  /// <cotangent, y> (a VJP). `into` may be this network's own parameters, which makes the update
  /// part of the product; not where a trained block is used more than once.
  /// @param cotangent (n, d)
  void add_gradient(const Tape& tape,
                    const at::Tensor& cotangent,
                    double alpha,
                    Parameters& into,
                    Workspace& workspace,
                    double beta = 1) const;

  /// |grad_k|_F^2 for every block (0 for frozen ones), as sum (delta delta^T) * (Z Z^T) where that
  /// is cheaper than the gradient itself.
  [[nodiscard]] std::vector<double> squared_gradient_norms(const Tape& tape,
                                                           const at::Tensor& cotangent,
                                                           Workspace& workspace) const;

  /// y' (n, d) along a direction in weight space (a JVP). Cost of two forward passes where every
  /// block is trained.
  [[nodiscard]] at::Tensor jvp(const Tape& tape,
                               const Parameters& direction,
                               Workspace& workspace) const;

  /// Called for each use of a trained block with delta and Z. With cotangents (c, n, d), c of them
  /// at once, delta is (c, n * positions, channels); with (n, d) it is (n * positions, channels).
  using OnUse = std::function<void(const Use&, const at::Tensor& delta, const Gathered& gathered)>;

  /// The backward pass itself. A use is reported after its cotangent went further down, so the
  /// callback may change that block's weights.
  void backward(const Tape& tape,
                const at::Tensor& cotangent,
                Workspace& workspace,
                const OnUse& on_use) const;

  /// Adds s Z W'^T of one use to its layer's pre-activation tangent (n * positions, channels).
  using AddPerturbation =
      std::function<void(const Use&, const Gathered& gathered, at::Tensor& tangent)>;

  /// The tangent pass, with the direction known only through its products: y' into (n, d).
  void push_forward(const Tape& tape,
                    const AddPerturbation& add_perturbation,
                    at::Tensor& outputs_tangent,
                    Workspace& workspace) const;

 private:
  void forward_chunk(const at::Tensor& inputs, at::Tensor& outputs, Workspace& workspace) const;
  void compute_layer(int layer,
                     const std::function<const at::Tensor&(int)>& features_of,
                     at::Tensor& out,
                     Workspace& workspace,
                     at::Tensor* slopes = nullptr) const;
  void pull_back(const Term& term,
                 std::int64_t positions,
                 const at::Tensor& delta,
                 at::Tensor& below,
                 bool first,
                 Workspace& workspace) const;
  [[nodiscard]] const Block& block_of(const Term& term) const;
  void check_inputs(const at::Tensor& inputs) const;

  Architecture architecture_;
  Parameters parameters_;
  std::vector<bool> needs_cotangent_;  ///< per layer: it or a layer below it has a trained block
  std::vector<int> last_reader_;       ///< per layer: the last layer with a term from it
};

/// The d unit cotangents of every sample, (d, n, d): a backward pass with them gives all outputs'
/// gradients at once.
at::Tensor unit_cotangents(const Tape& tape);

}  // namespace overparam::net
