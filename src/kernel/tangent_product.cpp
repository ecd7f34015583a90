// SPDX-License-Identifier: Apache-2.0
// K through products: JVP after VJP, and what follows from it.
#include <ATen/ATen.h>

#include <algorithm>

#include "overparam/base/interrupt.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/linalg/products.hpp"
#include "uses.hpp"

namespace overparam::kernel {

using linalg::multiply;
using linalg::Scratch;
using net::Network;

/// One way to multiply by K. `v` and `out` are (n, d), of the network's type.
struct TangentProduct::State {
  explicit State(const Network& net, net::Workspace& space) : network(net), workspace(space) {}
  virtual ~State() = default;
  virtual void apply(const at::Tensor& v, at::Tensor& out) = 0;
  virtual void add_gradient(const at::Tensor& v, double alpha, net::Parameters& into) = 0;

  const Network& network;
  net::Workspace& workspace;
  at::Tensor outputs;  // y, (n, d)
  Scratch cotangent;
  Scratch tangent;
};

namespace {

/// Z Z'^T among the uses of a block. One of a single use takes no more room than Z and its delta;
/// among many uses they are taken again for each product where they are not small.
bool grams_are_kept(const net::Architecture& architecture, int block, std::int64_t n) {
  const auto columns = architecture.blocks[static_cast<std::size_t>(block)].columns;
  return architecture.uses_of(block) == 1 || 4 * n <= columns;
}

/// In sample space, for few samples: the direction J^T v is never formed, its products with
/// features are Grams times deltas, Z (sum_u' s' delta'^T Z')^T = sum_u' s' (Z Z'^T) delta'.
class SampleSpaceProduct final : public TangentProduct::State {
 public:
  SampleSpaceProduct(const Network& net, const at::Tensor& inputs, net::Workspace& space)
      : State(net, space), tape_(net.record(inputs, space)) {
    outputs = tape_.outputs();
    const at::Tensor zero = at::zeros_like(outputs);
    network.backward(
        tape_,
        zero,
        workspace,
        [&](const net::Use& use, const at::Tensor& delta, const net::Gathered& gathered) {
          SavedUse saved{.use = use};
          saved.gathered = gathered.rows(workspace, saved.space);
          saved.delta = workspace.take(delta.sizes());
          uses_.push_back(std::move(saved));
        });
    for (auto& saved : uses_) keep_grams(saved);
  }

  void apply(const at::Tensor& v, at::Tensor& out) override {
    network.backward(tape_,
                     v,
                     workspace,
                     [&](const net::Use& use, const at::Tensor& delta, const net::Gathered&) {
                       uses_[index_of(use)].delta.tensor().copy_(delta);
                     });
    network.push_forward(
        tape_,
        [&](const net::Use& use, const net::Gathered&, at::Tensor& pre_activation_tangent) {
          add_perturbation(use, pre_activation_tangent);
        },
        out,
        workspace);
  }

  void add_gradient(const at::Tensor& v, double alpha, net::Parameters& into) override {
    network.add_gradient(tape_, v, alpha, into, workspace);
  }

 private:
  struct SavedUse {
    net::Use use;
    at::Tensor gathered;  // Z (n, columns), in `space` where it is no view of the features
    Scratch space;
    Scratch delta;
    std::vector<std::size_t> partners;  // uses of the same block, itself among them
    std::vector<Scratch> grams;         // Z Z'^T (n, n) with each partner, where they are small
  };

  void keep_grams(SavedUse& saved) {
    const std::int64_t n = outputs.size(0);
    const bool small = grams_are_kept(network.architecture(), saved.use.block, n);
    for (std::size_t k = 0; k < uses_.size(); ++k) {
      if (uses_[k].use.block != saved.use.block) continue;
      saved.partners.push_back(k);
      if (!small) continue;
      saved.grams.push_back(workspace.take({n, n}));
      multiply(saved.grams.back().tensor(), saved.gathered, uses_[k].gathered.t());
    }
  }

  void add_perturbation(const net::Use& use, at::Tensor& pre_activation_tangent) {
    const auto& saved = uses_[index_of(use)];
    const std::int64_t n = outputs.size(0);
    for (std::size_t k = 0; k < saved.partners.size(); ++k) {
      const auto& partner = uses_[saved.partners[k]];
      Scratch computed;
      if (saved.grams.empty()) {
        computed = workspace.take({n, n});
        multiply(computed.tensor(), saved.gathered, partner.gathered.t());
      }
      const Scratch& gram = saved.grams.empty() ? computed : saved.grams[k];
      // Rounding errors of features average out over the width, those of their Grams do not.
      const linalg::CoarseProducts exact(false);
      multiply(pre_activation_tangent,
               gram.tensor(),
               partner.delta.tensor(),
               use.gain * partner.use.gain,
               1);
    }
  }

  [[nodiscard]] std::size_t index_of(const net::Use& use) const {
    const auto found = std::ranges::find_if(uses_, [&](const SavedUse& saved) {
      return saved.use.layer == use.layer && saved.use.term == use.term;
    });
    return static_cast<std::size_t>(std::distance(uses_.begin(), found));
  }

  net::Tape tape_;
  std::vector<SavedUse> uses_;
};

/// In weight space, for many samples: the direction is summed over chunks of samples and pushed
/// forward chunk by chunk.
class WeightSpaceProduct final : public TangentProduct::State {
 public:
  WeightSpaceProduct(const Network& net,
                     const at::Tensor& inputs,
                     net::Workspace& space,
                     bool keep_features)
      : State(net, space),
        inputs_(inputs),
        direction_(net::Parameters::trained_zeros(net.architecture(), net.options())) {
    outputs = at::empty({inputs.size(0), net.architecture().num_outputs()}, net.options());
    if (!keep_features) {
      network.forward(inputs, outputs, workspace);
      return;
    }
    for_chunks([&](std::int64_t begin, const at::Tensor& samples) {
      kept_.push_back(network.record(samples, workspace));
      outputs.narrow(0, begin, samples.size(0)).copy_(kept_.back().outputs());
    });
  }

  void apply(const at::Tensor& v, at::Tensor& out) override {
    sum_gradients(v, 1, direction_, 0);
    for_tapes([&](std::int64_t begin, const net::Tape& tape) {
      out.narrow(0, begin, tape.outputs().size(0)).copy_(network.jvp(tape, direction_, workspace));
    });
  }

  void add_gradient(const at::Tensor& v, double alpha, net::Parameters& into) override {
    sum_gradients(v, alpha, into, 1);
  }

 private:
  void sum_gradients(const at::Tensor& v, double alpha, net::Parameters& into, double beta) {
    for_tapes([&](std::int64_t begin, const net::Tape& tape) {
      const at::Tensor part = v.narrow(0, begin, tape.outputs().size(0));
      network.add_gradient(tape, part, alpha, into, workspace, begin == 0 ? beta : 1);
    });
  }

  void for_tapes(const std::function<void(std::int64_t, const net::Tape&)>& action) const {
    for_chunks([&](std::int64_t begin, const at::Tensor& samples) {
      if (kept_.empty()) return action(begin, network.record(samples, workspace));
      action(begin, kept_[static_cast<std::size_t>(begin / kChunk)]);
    });
  }

  void for_chunks(const std::function<void(std::int64_t, const at::Tensor&)>& action) const {
    for (std::int64_t begin = 0; begin < inputs_.size(0); begin += kChunk) {
      action(begin, inputs_.narrow(0, begin, std::min(kChunk, inputs_.size(0) - begin)));
    }
  }

  static constexpr std::int64_t kChunk = 1024;

  at::Tensor inputs_;
  net::Parameters direction_;
  std::vector<net::Tape> kept_;  // of each chunk, or none
};

}  // namespace

bool samples_are_few(const net::Architecture& architecture, std::int64_t n) {
  std::int64_t through_grams = 0;
  std::int64_t through_weights = 0;
  for (std::size_t i = 0; i < architecture.blocks.size(); ++i) {
    const auto& block = architecture.blocks[i];
    if (!block.trained) continue;
    if (is_convolution(architecture, static_cast<int>(i))) return false;
    const std::int64_t uses = architecture.uses_of(static_cast<int>(i));
    through_grams += uses * uses * n * n * block.rows;
    through_weights += uses * 2 * n * block.rows * block.columns;
  }
  return through_grams < through_weights;
}

std::int64_t product_numbers(const net::Architecture& architecture, std::int64_t n) {
  if (!samples_are_few(architecture, n)) return architecture.num_trained_parameters();
  std::int64_t numbers = 0;
  for (std::size_t i = 0; i < architecture.blocks.size(); ++i) {
    const auto& block = architecture.blocks[i];
    if (!block.trained) continue;
    const std::int64_t uses = architecture.uses_of(static_cast<int>(i));
    const bool kept = grams_are_kept(architecture, static_cast<int>(i), n);
    numbers += uses * n * (block.rows + block.columns) + (kept ? uses * uses : 1) * n * n;
  }
  return numbers;
}

TangentProduct::TangentProduct(const Network& network,
                               const at::Tensor& inputs,
                               net::Workspace& workspace,
                               bool keep_features) {
  if (samples_are_few(network.architecture(), inputs.size(0))) {
    state_ = std::make_unique<SampleSpaceProduct>(network, inputs, workspace);
  } else {
    state_ = std::make_unique<WeightSpaceProduct>(network, inputs, workspace, keep_features);
  }
  state_->cotangent = workspace.take(state_->outputs.sizes());
  state_->tangent = workspace.take(state_->outputs.sizes());
}

TangentProduct::~TangentProduct() = default;
TangentProduct::TangentProduct(TangentProduct&&) noexcept = default;

std::int64_t TangentProduct::size() const { return state_->outputs.numel(); }

const at::Tensor& TangentProduct::outputs() const { return state_->outputs; }

void TangentProduct::operator()(const at::Tensor& v, at::Tensor& out) const {
  state_->cotangent.tensor().view({-1}).copy_(v);
  state_->apply(state_->cotangent.tensor(), state_->tangent.tensor());
  out.copy_(state_->tangent.tensor().view({-1}));
}

void TangentProduct::add_gradient(const at::Tensor& v, double alpha, net::Parameters& into) const {
  state_->cotangent.tensor().view({-1}).copy_(v);
  state_->add_gradient(state_->cotangent.tensor(), alpha, into);
}

linalg::ExtremeEigenvalues extreme_eigenvalues(const Network& network,
                                               const at::Tensor& inputs,
                                               net::Workspace& workspace,
                                               const linalg::EigenOptions& options) {
  const TangentProduct product(network, inputs, workspace);
  return linalg::extreme_eigenvalues(
      [&](const at::Tensor& v, at::Tensor& out) { product(v, out); }, product.size(), options);
}

std::int64_t sample_eigenvalue_numbers(const net::Architecture& architecture, std::int64_t n) {
  return std::min(n, samples_at_once(architecture)) * architecture.num_outputs() *
         (2 * architecture.largest_width() + largest_filter(architecture));
}

double largest_sample_eigenvalue(const Network& network,
                                 const at::Tensor& inputs,
                                 net::Workspace& workspace) {
  const std::int64_t d = network.architecture().num_outputs();
  const std::int64_t chunk = samples_at_once(network.architecture());
  double largest = 0;
  for (std::int64_t begin = 0; begin < inputs.size(0) && !base::interrupted(); begin += chunk) {
    const std::int64_t n = std::min(chunk, inputs.size(0) - begin);
    const net::Tape tape = network.record(inputs.narrow(0, begin, n), workspace);
    at::Tensor blocks = at::zeros({n, d, d}, network.options().dtype(at::kDouble));
    const auto add_grams = [&](std::span<const UseRecord> uses) {
      for (const auto& left : uses) {
        for (const auto& right : uses) {
          at::Tensor products = at::empty({n, d, d}, network.options());
          linalg::multiply_batched(
              products, left.delta.transpose(0, 1), right.delta.permute({1, 2, 0}));
          Scratch left_space;
          Scratch right_space;
          const at::Tensor overlaps = (left.gathered.rows(workspace, left_space) *
                                       right.gathered.rows(workspace, right_space))
                                          .sum(1)
                                          .view({n, 1, 1});
          blocks.add_((products * overlaps).to(at::kDouble), left.use.gain * right.use.gain);
        }
      }
    };
    const auto add_block = [&](std::span<const UseRecord> uses) {
      const int index = uses.front().use.block;
      if (!is_convolution(network.architecture(), index)) return add_grams(uses);
      const auto& block = network.architecture().blocks[static_cast<std::size_t>(index)];
      Scratch gradients = workspace.take({d, n, block.rows * block.columns});
      sample_gradients(block, uses, workspace, gradients.tensor());
      at::Tensor products = at::empty({n, d, d}, network.options());
      linalg::multiply_batched(
          products, gradients.tensor().transpose(0, 1), gradients.tensor().permute({1, 2, 0}));
      blocks.add_(products.to(at::kDouble));
    };
    backward_by_block(network, tape, net::unit_cotangents(tape), workspace, add_block);
    largest = std::max(largest, at::linalg_eigvalsh(blocks.cpu()).max().item<double>());
  }
  return largest;
}

}  // namespace overparam::kernel
