// SPDX-License-Identifier: Apache-2.0
// The hand-written passes against autograd, for every architecture.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "net/architectures.hpp"
#include "overparam/linalg/products.hpp"
#include "overparam/net/network.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::net {
namespace {

using tests::kInputSize;
using tests::normal;
using tests::relative_difference;

constexpr std::int64_t kSamples = 4;

/// sqrt(c/m) sigma(sqrt(m) g) with c = 1 / E sigma(z)^2
template <typename Function>
at::Tensor scaled(const at::Tensor& g, double second_moment, Function sigma) {
  const auto m = static_cast<double>(g.size(-1));
  return sigma(g * std::sqrt(m)) / std::sqrt(second_moment * m);
}

at::Tensor autograd_activation(const std::string& name, const at::Tensor& g) {
  using at::Tensor;
  if (name == "relu") return at::relu(g);
  if (name == "leaky-relu") return at::where(g > 0, g, 0.01 * g);
  if (name == "abs") return g.abs();
  if (name == "identity") return g;
  if (name == "softplus")
    return scaled(g, 0.9212459088592392, [](const Tensor& x) { return at::log1p(x.exp()); });
  if (name == "erf") return scaled(g, 0.46455905439753997, [](const Tensor& x) { return x.erf(); });
  if (name == "tanh")
    return scaled(g, 0.3942944903978101, [](const Tensor& x) { return x.tanh(); });
  if (name == "square") return scaled(g, 3, [](const Tensor& x) { return x * x; });
  ADD_FAILURE() << "no oracle for " << name;
  return g;
}

std::int64_t width_of(const Architecture& shape, const Layer& layer) {
  return shape.width_of(static_cast<int>(&layer - shape.layers.data()));
}

/// Phi(value) W^T as (n, positions, channels).
at::Tensor through_block(const Term& term,
                         const Block& block,
                         const at::Tensor& weights,
                         const at::Tensor& value,
                         std::int64_t P) {
  const std::int64_t n = value.size(0);
  at::Tensor z = value.view({n, P, -1});
  if (term.gather == Gather::one) z = at::ones({n, P, 1}, value.options());
  if (term.gather == Gather::patches) {
    z = value.view({n, term.cells, -1})
            .index_select(1, term.neighbours.view({-1}))
            .view({n, P, -1});
  }
  const at::Tensor filters = weights.view({block.positions, -1, block.columns});
  return at::einsum("npc,pmc->npm", {z, filters.expand({P, -1, -1})});
}

/// The formula at the head of architecture.hpp in plain differentiable operations.
at::Tensor autograd_forward(const Architecture& shape,
                            const std::vector<at::Tensor>& weights,
                            const at::Tensor& inputs) {
  std::vector<at::Tensor> features;
  for (const auto& layer : shape.layers) {
    const std::int64_t n = inputs.size(0);
    const std::int64_t P = layer.positions;
    at::Tensor g = at::zeros({n, width_of(shape, layer)}, inputs.options());
    for (const auto& term : layer.terms) {
      at::Tensor value =
          term.from == kInput ? inputs : features[static_cast<std::size_t>(term.from)];
      if (!term.read.all()) value = value.narrow(1, term.read.begin, term.read.size);
      if (term.block != kSkip) {
        value = through_block(term,
                              shape.blocks[static_cast<std::size_t>(term.block)],
                              weights[static_cast<std::size_t>(term.block)],
                              value,
                              P)
                    .reshape({n, -1});
      }
      if (!term.write.all()) {
        const std::int64_t end = term.write.begin + term.write.size;
        value = at::constant_pad_nd(value, {term.write.begin, g.size(1) - end});
      }
      g = g + value * term.gain;
    }
    // An activation sees one row a position.
    g = g.view({n * P, -1});
    features.push_back(autograd_activation(layer.activation.name, g).view({n, -1}));
  }
  return features.back();
}

class Passes : public testing::TestWithParam<tests::NamedArchitecture> {
 protected:
  Passes()
      : shape_(GetParam().architecture),
        network_(shape_, 11, at::kDouble),
        inputs_(normal({kSamples, kInputSize}, "inputs")),
        cotangent_(normal({kSamples, shape_.num_outputs()}, "cotangent")) {
    for (std::size_t i = 0; i < shape_.blocks.size(); ++i) {
      leaves_.push_back(
          network_.parameters()[static_cast<int>(i)].detach().clone().requires_grad_(true));
    }
    outputs_ = autograd_forward(shape_, leaves_, inputs_);
  }

  /// d <cotangent, y> / d block by autograd, for all blocks.
  std::vector<at::Tensor> autograd_gradients(const at::Tensor& cotangent, bool keep_graph = false) {
    return torch::autograd::grad({outputs_}, leaves_, {cotangent}, keep_graph, false, true);
  }

  [[nodiscard]] bool trained(std::size_t block) const { return shape_.blocks[block].trained; }

  Architecture shape_;
  Network network_;
  at::Tensor inputs_;
  at::Tensor cotangent_;
  Workspace workspace_{at::kDouble};
  std::vector<at::Tensor> leaves_;
  at::Tensor outputs_;
};

TEST_P(Passes, ARefreshedTapeIsANewOne) {
  Workspace workspace(at::kDouble);
  Tape tape = network_.record(inputs_, workspace);
  for (std::size_t i = 0; i < shape_.blocks.size(); ++i) {
    if (shape_.blocks[i].trained) network_.parameters()[static_cast<int>(i)].mul_(-1.5);
  }
  network_.refresh(tape, workspace);
  const Tape fresh = network_.record(inputs_, workspace);
  for (int layer = 0; layer < shape_.num_layers(); ++layer) {
    EXPECT_TRUE(tape.features(layer).equal(fresh.features(layer))) << "layer " << layer;
  }
  EXPECT_FALSE(tape.outputs().equal(outputs_));
}

TEST_P(Passes, OutputsEqualThePlainFormula) {
  EXPECT_LT(relative_difference(network_.forward(inputs_, workspace_), outputs_.detach()),
            tests::kRounding);
  const Tape tape = network_.record(inputs_, workspace_);
  EXPECT_LT(relative_difference(tape.outputs(), outputs_.detach()), tests::kRounding);
}

TEST_P(Passes, GradientEqualsAutograd) {
  const auto expected = autograd_gradients(cotangent_);
  auto gradient = Parameters::trained_zeros(shape_, at::kDouble);
  const Tape tape = network_.record(inputs_, workspace_);
  network_.add_gradient(tape, cotangent_, 2, gradient, workspace_);
  network_.add_gradient(tape, cotangent_, -1, gradient, workspace_);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!trained(i)) continue;
    EXPECT_LT(relative_difference(gradient[static_cast<int>(i)], expected[i]), tests::kAutograd)
        << shape_.blocks[i].name;
  }
}

TEST_P(Passes, BetaScalesWhatWasThere) {
  auto gradient = Parameters::trained_zeros(shape_, at::kDouble);
  auto twice = Parameters::trained_zeros(shape_, at::kDouble);
  const Tape tape = network_.record(inputs_, workspace_);
  network_.add_gradient(tape, cotangent_, 1, gradient, workspace_);
  network_.add_gradient(tape, cotangent_, 1, twice, workspace_);
  network_.add_gradient(tape, cotangent_, 1, twice, workspace_, 0.5);
  gradient.scale(1.5);
  gradient.add(twice, -1);
  EXPECT_LT(gradient.norm() / twice.norm(), tests::kRounding);
}

TEST_P(Passes, GradientNormsNeedNoGradient) {
  const auto expected = autograd_gradients(cotangent_);
  const auto norms =
      network_.squared_gradient_norms(network_.record(inputs_, workspace_), cotangent_, workspace_);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double exact = trained(i) ? expected[i].pow(2).sum().item<double>() : 0;
    EXPECT_NEAR(norms[i], exact, tests::kAutograd * (exact + 1e-300)) << shape_.blocks[i].name;
  }
}

TEST_P(Passes, JvpEqualsAutograd) {
  auto direction = Parameters::trained_zeros(shape_, at::kDouble);
  for (std::size_t i = 0; i < shape_.blocks.size(); ++i) {
    if (trained(i)) {
      direction[static_cast<int>(i)].copy_(
          normal(direction[static_cast<int>(i)].sizes(), shape_.blocks[i].name));
    }
  }
  // Row by row: <e, y'> = <grad of <e, y>, direction>.
  at::Tensor expected = at::zeros_like(cotangent_);
  for (std::int64_t k = 0; k < expected.numel(); ++k) {
    at::Tensor unit = at::zeros_like(cotangent_);
    unit.view({-1})[k] = 1;
    const auto gradients = autograd_gradients(unit, true);
    double sum = 0;
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      if (trained(i)) sum += (gradients[i] * direction[static_cast<int>(i)]).sum().item<double>();
    }
    expected.view({-1})[k] = sum;
  }
  const Tape tape = network_.record(inputs_, workspace_);
  EXPECT_LT(relative_difference(network_.jvp(tape, direction, workspace_), expected),
            tests::kAutograd);
}

TEST_P(Passes, ManyCotangentsAtOnceEqualOneByOne) {
  const Tape tape = network_.record(inputs_, workspace_);
  const at::Tensor stack = normal({3, kSamples, shape_.num_outputs()}, "stack");
  std::vector<std::vector<at::Tensor>> single;  // [cotangent][use]
  for (std::int64_t c = 0; c < 3; ++c) {
    auto& deltas = single.emplace_back();
    network_.backward(tape, stack[c], workspace_, [&](const Use&, const at::Tensor& delta, auto&) {
      deltas.push_back(delta.clone());
    });
  }
  std::size_t use = 0;
  network_.backward(tape, stack, workspace_, [&](const Use&, const at::Tensor& delta, auto&) {
    for (std::int64_t c = 0; c < 3; ++c) {
      EXPECT_LT(relative_difference(delta[c], single[static_cast<std::size_t>(c)].at(use)),
                tests::kRounding);
    }
    ++use;
  });
  EXPECT_EQ(use, single[0].size());
}

TEST_P(Passes, AFusedStepEqualsAGradientStep) {
  for (std::size_t i = 0; i < shape_.blocks.size(); ++i) {
    if (trained(i) && shape_.uses_of(static_cast<int>(i)) > 1) {
      const Tape tape = network_.record(inputs_, workspace_);
      tests::expect_error(ErrorKind::internal, {"shared"}, [&] {
        network_.add_gradient(tape, cotangent_, -0.1, network_.parameters(), workspace_);
      });
      return;
    }
  }
  auto gradient = Parameters::trained_zeros(shape_, at::kDouble);
  {
    const Tape tape = network_.record(inputs_, workspace_);
    network_.add_gradient(tape, cotangent_, 1, gradient, workspace_);
  }
  Network stepped = network_.clone();
  stepped.parameters().scale(0.9);
  const auto decayed = stepped.clone();
  for (std::size_t i = 0; i < shape_.blocks.size(); ++i) {
    const int block = static_cast<int>(i);
    stepped.parameters()[block].copy_(trained(i)
                                          ? decayed.parameters()[block] - 0.1 * gradient[block]
                                          : network_.parameters()[block]);
  }
  const Tape tape = network_.record(inputs_, workspace_);
  network_.add_gradient(tape, cotangent_, -0.1, network_.parameters(), workspace_, 0.9);
  for (std::size_t i = 0; i < shape_.blocks.size(); ++i) {
    const int block = static_cast<int>(i);
    EXPECT_LT(relative_difference(network_.parameters()[block], stepped.parameters()[block]),
              tests::kRounding);
  }
}

INSTANTIATE_TEST_SUITE_P(All,
                         Passes,
                         testing::ValuesIn(tests::small_architectures()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace overparam::net
