// SPDX-License-Identifier: Apache-2.0
#include "overparam/kernel/tangent_kernel.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "overparam/base/memory.hpp"
#include "overparam/linalg/products.hpp"
#include "uses.hpp"

namespace overparam::kernel {

using linalg::multiply;
using linalg::Scratch;
using net::Network;

namespace {

std::int64_t largest_width(const net::Architecture& architecture) {
  std::int64_t width = 0;
  for (int layer = 0; layer < architecture.num_layers(); ++layer) {
    width = std::max(width, architecture.width_of(layer));
  }
  return width;
}

void plan_dense_kernel(const Network& network, std::int64_t n, std::uint64_t memory_limit) {
  const auto& shape = network.architecture();
  const std::int64_t d = shape.num_outputs();
  const std::uint64_t size = network.options().dtype().itemsize();
  base::MemoryPlan plan("dense tangent kernel");
  plan.add("kernel", {n * d, n * d}, sizeof(double));
  plan.add("one Gram", {n * d, n * d}, size);
  plan.add("cotangents of two layers", {2, d, n, largest_width(shape)}, size);
  plan.add("features", {shape.num_layers(), n, largest_width(shape)}, size);
  plan.check(memory_limit);
}

}  // namespace

at::Tensor tangent_kernel(const Network& network,
                          const at::Tensor& inputs,
                          std::uint64_t memory_limit) {
  const std::int64_t n = inputs.size(0);
  const std::int64_t d = network.architecture().num_outputs();
  plan_dense_kernel(network, n, memory_limit);

  net::Workspace workspace(network.options());
  const net::Tape tape = network.record(inputs, workspace);
  Scratch deltas = workspace.take({d * n, d * n});
  Scratch features = workspace.take({n, n});
  at::Tensor kernel = at::zeros({d, n, d, n}, network.options().dtype(at::kDouble));
  const auto add_block = [&](std::span<const UseRecord> uses) {
    for (const auto& left : uses) {
      for (const auto& right : uses) {
        const auto rows = [](const UseRecord& record) {
          return record.delta.view({-1, record.delta.size(-1)});
        };
        const double gain = left.use.gain * right.use.gain;
        multiply(deltas.tensor(), rows(left), rows(right).t(), gain);    // (d n, d n)
        multiply(features.tensor(), left.gathered, right.gathered.t());  // (n, n)
        kernel.addcmul_(deltas.tensor().view({d, n, d, n}).to(at::kDouble),
                        features.tensor().view({1, n, 1, n}).to(at::kDouble));
      }
    }
  };
  backward_by_block(network, tape, unit_cotangents(n, d, network.options()), workspace, add_block);
  return kernel.permute({1, 0, 3, 2}).reshape({n * d, n * d});
}

struct TangentProduct::State {
  /// One use as the product needs it: its layer's delta, and the Grams with every use of its block.
  struct SavedUse {
    net::Use use;
    at::Tensor gathered;
    Scratch delta;
    std::vector<std::size_t> partners;  // indices into `uses`, itself among them
    std::vector<Scratch> grams;         // Z_this Z_partner^T (n, n); empty where n is large
  };

  State(const Network& net, const at::Tensor& inputs, net::Workspace& space)
      : network(net), workspace(space), tape(net.record(inputs, space)) {}

  const Network& network;
  net::Workspace& workspace;
  net::Tape tape;
  std::vector<SavedUse> uses;
  Scratch cotangent;
  Scratch tangent;

  [[nodiscard]] std::size_t index_of(const net::Use& use) const {
    return static_cast<std::size_t>(
        std::distance(uses.begin(), std::ranges::find_if(uses, [&](const SavedUse& saved) {
                        return saved.use.layer == use.layer && saved.use.term == use.term;
                      })));
  }

  /// Lists the uses that a backward pass reports, with the Grams they will need.
  void prepare() {
    const std::int64_t n = tape.inputs().size(0);
    network.backward(tape,
                     cotangent.tensor(),
                     workspace,
                     [&](const net::Use& use, const at::Tensor& delta, const at::Tensor& gathered) {
                       SavedUse saved{.use = use, .gathered = gathered};
                       saved.delta = workspace.take(delta.sizes());
                       uses.push_back(std::move(saved));
                     });
    for (auto& saved : uses) {
      const auto& block = network.architecture().blocks[static_cast<std::size_t>(saved.use.block)];
      const bool gram_is_cheaper =
          n * (block.rows + block.columns) < 2 * block.rows * block.columns;
      for (std::size_t k = 0; k < uses.size(); ++k) {
        if (uses[k].use.block != saved.use.block) continue;
        saved.partners.push_back(k);
        if (!gram_is_cheaper) continue;
        saved.grams.push_back(workspace.take({n, n}));
        multiply(saved.grams.back().tensor(), saved.gathered, uses[k].gathered.t());
      }
    }
  }

  /// tangent += s Z W'^T with W' = sum over the block's uses of s' delta'^T Z'.
  void add_perturbation(const net::Use& use, at::Tensor& pre_activation_tangent) {
    const auto& saved = uses[index_of(use)];
    for (std::size_t k = 0; k < saved.partners.size(); ++k) {
      const auto& partner = uses[saved.partners[k]];
      const double gain = use.gain * partner.use.gain;
      if (!saved.grams.empty()) {
        multiply(pre_activation_tangent, saved.grams[k].tensor(), partner.delta.tensor(), gain, 1);
      } else {
        Scratch direction =
            workspace.take({partner.delta.tensor().size(1), partner.gathered.size(1)});
        multiply(direction.tensor(), partner.delta.tensor().t(), partner.gathered);
        multiply(pre_activation_tangent, saved.gathered, direction.tensor().t(), gain, 1);
      }
    }
  }
};

TangentProduct::TangentProduct(const Network& network,
                               const at::Tensor& inputs,
                               net::Workspace& workspace)
    : state_(std::make_unique<State>(network, inputs, workspace)) {
  const auto sizes = state_->tape.outputs().sizes();
  state_->cotangent = workspace.take(sizes);
  state_->tangent = workspace.take(sizes);
  state_->cotangent.tensor().zero_();
  state_->prepare();
}

TangentProduct::~TangentProduct() = default;
TangentProduct::TangentProduct(TangentProduct&&) noexcept = default;

std::int64_t TangentProduct::size() const { return state_->tape.outputs().numel(); }

const at::Tensor& TangentProduct::outputs() const { return state_->tape.outputs(); }

void TangentProduct::operator()(const at::Tensor& v, at::Tensor& out) const {
  auto& state = *state_;
  state.cotangent.tensor().view({-1}).copy_(v);
  state.network.backward(state.tape,
                         state.cotangent.tensor(),
                         state.workspace,
                         [&](const net::Use& use, const at::Tensor& delta, const at::Tensor&) {
                           state.uses[state.index_of(use)].delta.tensor().copy_(delta);
                         });
  state.network.push_forward(
      state.tape,
      [&](const net::Use& use, const at::Tensor&, at::Tensor& tangent) {
        state.add_perturbation(use, tangent);
      },
      state.tangent.tensor(),
      state.workspace);
  out.copy_(state.tangent.tensor().view({-1}));
}

linalg::ExtremeEigenvalues extreme_eigenvalues(const Network& network,
                                               const at::Tensor& inputs,
                                               net::Workspace& workspace,
                                               const linalg::EigenOptions& options) {
  const TangentProduct product(network, inputs, workspace);
  return linalg::extreme_eigenvalues(
      [&](const at::Tensor& v, at::Tensor& out) { product(v, out); }, product.size(), options);
}

double largest_sample_eigenvalue(const Network& network,
                                 const at::Tensor& inputs,
                                 net::Workspace& workspace) {
  constexpr std::int64_t kNumbersAtOnce = 16'000'000;
  const std::int64_t d = network.architecture().num_outputs();
  const std::int64_t chunk =
      std::max<std::int64_t>(1, kNumbersAtOnce / (d * largest_width(network.architecture())));
  double largest = 0;
  for (std::int64_t begin = 0; begin < inputs.size(0); begin += chunk) {
    const std::int64_t n = std::min(chunk, inputs.size(0) - begin);
    const net::Tape tape = network.record(inputs.narrow(0, begin, n), workspace);
    at::Tensor blocks = at::zeros({n, d, d}, network.options().dtype(at::kDouble));
    const auto add_block = [&](std::span<const UseRecord> uses) {
      for (const auto& left : uses) {
        for (const auto& right : uses) {
          at::Tensor products = at::empty({n, d, d}, network.options());
          linalg::multiply_batched(
              products, left.delta.transpose(0, 1), right.delta.permute({1, 2, 0}));
          const at::Tensor overlaps = (left.gathered * right.gathered).sum(1).view({n, 1, 1});
          blocks.add_((products * overlaps).to(at::kDouble), left.use.gain * right.use.gain);
        }
      }
    };
    backward_by_block(
        network, tape, unit_cotangents(n, d, network.options()), workspace, add_block);
    largest = std::max(largest, at::linalg_eigvalsh(blocks.cpu()).max().item<double>());
  }
  return largest;
}

}  // namespace overparam::kernel
