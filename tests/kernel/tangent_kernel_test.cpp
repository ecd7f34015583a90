// SPDX-License-Identifier: Apache-2.0
#include "overparam/kernel/tangent_kernel.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "net/architectures.hpp"
#include "overparam/base/threads.hpp"
#include "overparam/net/catalogue.hpp"
#include "support/allocations.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::kernel {
namespace {

using net::Network;
using tests::kInputSize;
using tests::normal;
using tests::relative_difference;

constexpr std::int64_t kSamples = 6;

/// K from one gradient a row, through the VJP that passes_test holds against autograd.
at::Tensor kernel_from_jacobian(const Network& network, const at::Tensor& inputs) {
  net::Workspace workspace(at::kDouble);
  const net::Tape tape = network.record(inputs, workspace);
  std::vector<at::Tensor> rows;
  for (std::int64_t k = 0; k < tape.outputs().numel(); ++k) {
    at::Tensor unit = at::zeros_like(tape.outputs());
    unit.view({-1})[k] = 1;
    auto gradient = net::Parameters::trained_zeros(network.architecture(), at::kDouble);
    network.add_gradient(tape, unit, 1, gradient, workspace);
    std::vector<at::Tensor> parts;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const auto& block = gradient[static_cast<int>(i)];
      if (block.defined()) parts.push_back(block.reshape({-1}));
    }
    rows.push_back(at::cat(parts));
  }
  const at::Tensor jacobian = at::stack(rows);  // (n d, p)
  return at::matmul(jacobian, jacobian.t());
}

class TangentKernel : public testing::TestWithParam<tests::NamedArchitecture> {
 protected:
  Network network_{GetParam().architecture, 3, at::kDouble};
  net::Workspace workspace_{at::kDouble};

  static at::Tensor inputs(std::int64_t n) { return normal({n, kInputSize}, "inputs"); }
};

TEST_P(TangentKernel, EqualsTheJacobianProduct) {
  const at::Tensor kernel = tangent_kernel(network_, inputs(kSamples));
  EXPECT_LT(relative_difference(kernel, kernel_from_jacobian(network_, inputs(kSamples))),
            tests::kAutograd);
  EXPECT_LT(relative_difference(kernel, kernel.t()), tests::kRounding);
}

TEST_P(TangentKernel, ProductEqualsTheDenseProduct) {
  // Few samples go through kept Grams, some through fresh ones, many through the direction in
  // weight space.
  for (const std::int64_t n : {1, 4, 40}) {
    const at::Tensor kernel = tangent_kernel(network_, inputs(n));
    const TangentProduct product(network_, inputs(n), workspace_);
    const at::Tensor v = normal({product.size()}, "v");
    at::Tensor out = at::empty_like(v);
    product(v, out);
    EXPECT_LT(relative_difference(out, at::mv(kernel, v)), tests::kRounding) << n << " samples";
    at::Tensor again = at::empty_like(v);
    product(v, again);
    EXPECT_TRUE(at::equal(out, again));
  }
}

TEST_P(TangentKernel, ProductWithKeptFeaturesIsTheSame) {
  for (const std::int64_t n : {4, 40}) {
    const TangentProduct fresh(network_, inputs(n), workspace_);
    const TangentProduct kept(network_, inputs(n), workspace_, /*keep_features=*/true);
    const at::Tensor v = normal({fresh.size()}, "v");
    at::Tensor expected = at::empty_like(v);
    at::Tensor found = at::empty_like(v);
    fresh(v, expected);
    kept(v, found);
    EXPECT_LT(relative_difference(found, expected), tests::kRounding) << n << " samples";
    EXPECT_TRUE(at::equal(kept.outputs(), fresh.outputs()));
  }
}

TEST_P(TangentKernel, ProductGivesTheDirectionInTheWeights) {
  for (const std::int64_t n : {4, 40}) {
    const TangentProduct product(network_, inputs(n), workspace_, /*keep_features=*/true);
    const at::Tensor v = normal(product.outputs().sizes(), "v");
    const auto zeros = [&] {
      return net::Parameters::trained_zeros(network_.architecture(), network_.options());
    };
    auto expected = zeros();
    network_.add_gradient(network_.record(inputs(n), workspace_), v, -2, expected, workspace_);
    auto found = zeros();
    product.add_gradient(v.view({-1}), -2, found);
    found.add(expected, -1);
    EXPECT_LT(found.norm() / expected.norm(), tests::kRounding) << n << " samples";
  }
}

TEST_P(TangentKernel, ExtremesAreThoseOfTheDenseMatrix) {
  const at::Tensor kernel = tangent_kernel(network_, inputs(kSamples));
  const at::Tensor spectrum = linalg::symmetric_eigenvalues(kernel);
  const auto ends = extreme_eigenvalues(
      network_, inputs(kSamples), workspace_, {.tolerance = 1e-10, .want_smallest = true});
  const double largest = spectrum[-1].item<double>();
  EXPECT_NEAR(ends.largest / largest, 1, 1e-9);
  EXPECT_NEAR(ends.smallest / largest, spectrum[0].item<double>() / largest, 1e-9);
}

TEST_P(TangentKernel, SampleBlocksAreTheDiagonalBlocks) {
  const std::int64_t d = network_.architecture().num_outputs();
  const at::Tensor kernel = tangent_kernel(network_, inputs(kSamples));
  double largest = 0;
  for (std::int64_t i = 0; i < kSamples; ++i) {
    const at::Tensor block = kernel.narrow(0, i * d, d).narrow(1, i * d, d);
    largest = std::max(largest, linalg::symmetric_eigenvalues(block)[-1].item<double>());
  }
  EXPECT_NEAR(
      largest_sample_eigenvalue(network_, inputs(kSamples), workspace_) / largest, 1, 1e-10);
}

TEST_P(TangentKernel, GivesTheGradientNorm) {
  // |grad F|^2 = r^T K r for any cotangent r.
  const at::Tensor kernel = tangent_kernel(network_, inputs(kSamples));
  const net::Tape tape = network_.record(inputs(kSamples), workspace_);
  const at::Tensor r = normal(tape.outputs().sizes(), "residual");
  double sum = 0;
  for (const double norm : network_.squared_gradient_norms(tape, r, workspace_)) sum += norm;
  const at::Tensor flat = r.view({-1});
  const double expected = at::dot(flat, at::mv(kernel, flat)).item<double>();
  EXPECT_NEAR(sum / expected, 1, 1e-10);
}

TEST_P(TangentKernel, BlocksOfOutputsAreThoseOfTheWhole) {
  const std::int64_t d = network_.architecture().num_outputs();
  for (const std::int64_t n : {kSamples, std::int64_t{150}}) {
    const at::Tensor x = inputs(n);
    const at::Tensor whole = empirical_kernel(network_, x).view({n, d, n, d});
    const at::Tensor diagonal = whole.diagonal(0, 1, 3).permute({2, 0, 1});  // (d, n, n)
    EXPECT_LT(relative_difference(empirical_kernel(network_, x, {.block = OutputBlock::diagonal}),
                                  diagonal),
              tests::kRounding);
    EXPECT_LT(relative_difference(empirical_kernel(network_, x, {.block = OutputBlock::trace}),
                                  diagonal.mean(0)),
              tests::kRounding);
    const KernelOptions last{.block = OutputBlock::single, .output = d - 1};
    EXPECT_LT(relative_difference(empirical_kernel(network_, x, last), diagonal[d - 1]),
              tests::kRounding);
  }
}

TEST_P(TangentKernel, PartsOfBlocksAddUp) {
  const at::Tensor x = inputs(kSamples);
  const at::Tensor whole = empirical_kernel(network_, x);
  const at::Tensor parts = empirical_kernel(network_, x, {.parts = true});
  EXPECT_LT(relative_difference(parts.sum(0), whole), tests::kRounding);
  // Each is the kernel of a network that trains this block alone.
  std::int64_t part = 0;
  for (const auto& block : network_.architecture().blocks) {
    if (!block.trained) continue;
    auto architecture = network_.architecture();
    net::select_trained(architecture, block.name);
    const Network alone(architecture, network_.parameters());
    EXPECT_LT(relative_difference(empirical_kernel(alone, x), parts[part++]), tests::kRounding)
        << block.name;
  }
}

TEST_P(TangentKernel, TilesMakeTheWhole) {
  // Whatever the budget, ragged tiles give the same numbers; two data sets are one cut in two.
  constexpr std::int64_t kMany = 37;
  const at::Tensor x = inputs(kMany);
  const std::int64_t d = network_.architecture().num_outputs();
  for (const auto block : {OutputBlock::full, OutputBlock::trace, OutputBlock::diagonal}) {
    const at::Tensor whole = empirical_kernel(network_, x, {.block = block});
    KernelOptions options{.block = block};
    auto plan = plan_kernel(network_.architecture(), kMany, 0, options, sizeof(double));
    EXPECT_EQ(plan.tiles, 1);
    plan.samples_at_once = 10;
    at::Tensor tiled = at::full_like(whole, std::nan(""));
    std::vector<std::int64_t> finished;
    const TileLog log{.is_done = [](std::int64_t) { return false; },
                      .finish = [&](std::int64_t tile) { finished.push_back(tile); }};
    EXPECT_TRUE(fill_kernel(network_, x, options, plan, log, tiled));
    EXPECT_EQ(finished.size(), 10);
    EXPECT_LT(relative_difference(tiled, whole), tests::kRounding);

    const at::Tensor between =
        empirical_kernel(network_, x.narrow(0, 0, 20), x.narrow(0, 20, 17), options);
    const std::int64_t each = block == OutputBlock::full ? d : 1;
    EXPECT_LT(relative_difference(between,
                                  whole.narrow(-2, 0, 20 * each).narrow(-1, 20 * each, 17 * each)),
              tests::kRounding);
  }
}

INSTANTIATE_TEST_SUITE_P(All,
                         TangentKernel,
                         testing::ValuesIn(tests::small_architectures()),
                         [](const auto& tested) { return tested.param.name; });

// Many samples are cut into large pieces, and those on the diagonal once more.
TEST(TangentKernelPieces, BothHalvesOfManySamplesAreThoseOfTwoDataSets) {
  constexpr std::int64_t kMany = 1800;
  const auto shape =
      net::make_architecture("fc", {.input_size = 3, .num_outputs = 2, .width = 8, .depth = 1});
  const Network network(shape, 3, at::kDouble);
  const at::Tensor x = normal({kMany, 3}, "inputs");
  for (const auto block : {OutputBlock::full, OutputBlock::trace}) {
    const KernelOptions options{.block = block};
    EXPECT_LT(relative_difference(empirical_kernel(network, x, options),
                                  empirical_kernel(network, x, x, options)),
              tests::kRounding);
  }
}

// The layer below the read-out needs one Gram for all outputs together; the others one for each.
TEST(TangentProducts, FewSamplesAllocateNoStorage) {
  const Network network(
      net::make_architecture("fc", {.input_size = 10, .num_outputs = 3, .width = 64, .depth = 3}),
      0,
      at::kFloat);
  const at::Tensor inputs = normal({20, 10}, "inputs", at::kFloat);
  ASSERT_TRUE(samples_are_few(network.architecture(), inputs.size(0)));
  net::Workspace workspace(at::kFloat);
  const TangentProduct product(network, inputs, workspace);
  const at::Tensor v = normal({product.size()}, "v");
  at::Tensor out = at::empty_like(v);
  product(v, out);
  const tests::AllocationCounter counter;
  product(v, out);
  EXPECT_EQ(counter.count(), 0);
}

TEST(TangentKernelPlan, TheTraceCountsTheTopLayerOnce) {
  constexpr std::int64_t kMany = 100;
  constexpr double kPairs = kMany * (kMany + 1) / 2.0;
  constexpr double kWidth = 32;
  auto shape =
      net::make_architecture("fc", {.input_size = 4, .num_outputs = 10, .width = 32, .depth = 2});
  const auto operations = [&](const std::string& trained, OutputBlock block) {
    net::select_trained(shape, trained);
    return plan_kernel(shape, kMany, 0, {.block = block}, sizeof(double)).operations;
  };
  const double saved =
      operations("W.2", OutputBlock::diagonal) - operations("W.2", OutputBlock::trace);
  EXPECT_DOUBLE_EQ(saved, kPairs * 2 * 9 * (kWidth + 1));
  EXPECT_DOUBLE_EQ(operations("W.1", OutputBlock::diagonal), operations("W.1", OutputBlock::trace));
}

TEST(TangentKernelPlan, AKernelThatDoesNotFitIsRefusedFirst) {
  const auto shape =
      net::make_architecture("fc", {.input_size = 3, .num_outputs = 10, .width = 16, .depth = 1});
  const Network network(shape, 0, at::kFloat);
  tests::expect_error(ErrorKind::capacity, {"tangent kernel", "kernel 7.4 GiB"}, [&] {
    tangent_kernel(network, at::zeros({3162, 3}), 1ull << 30);
  });
}

TEST(TangentKernelPlan, SmallerBudgetsMeanMoreTiles) {
  const auto shape = net::make_architecture(
      "fc", {.input_size = 784, .num_outputs = 10, .width = 2048, .depth = 3});
  const auto tiles = [&](std::uint64_t gibibytes) {
    const KernelOptions options{.block = OutputBlock::trace, .memory_limit = gibibytes << 30};
    const auto plan = plan_kernel(shape, 10'000, 0, options, sizeof(float));
    EXPECT_TRUE(plan.memory.fits(options.memory_limit)) << plan.memory.describe();
    return plan.tiles;
  };
  EXPECT_EQ(tiles(20), 1);
  EXPECT_GT(tiles(2), tiles(4));
}

TEST(TangentKernelPlan, CountsTheThreadsOfItsCaller) {
  const auto shape = net::make_architecture("fc", {.input_size = 3, .width = 16, .depth = 1});
  const auto bytes = [&](int threads) {
    const base::ThreadGuard guard(threads);
    return plan_kernel(shape, 10, 0, {}, sizeof(double)).memory.total();
  };
  EXPECT_EQ(bytes(3) - bytes(1), 2 * (bytes(2) - bytes(1)));
  EXPECT_GT(bytes(2), bytes(1));
}

}  // namespace
}  // namespace overparam::kernel
