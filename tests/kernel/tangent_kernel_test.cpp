// SPDX-License-Identifier: Apache-2.0
#include "overparam/kernel/tangent_kernel.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "net/architectures.hpp"
#include "overparam/net/catalogue.hpp"
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

INSTANTIATE_TEST_SUITE_P(All,
                         TangentKernel,
                         testing::ValuesIn(tests::small_architectures()),
                         [](const auto& tested) { return tested.param.name; });

TEST(TangentKernelPlan, AKernelThatDoesNotFitIsRefusedFirst) {
  const auto shape =
      net::make_architecture("fc", {.input_size = 3, .num_outputs = 10, .width = 16, .depth = 1});
  const Network network(shape, 0, at::kFloat);
  tests::expect_error(ErrorKind::capacity, {"dense tangent kernel", "kernel 7.4 GiB"}, [&] {
    tangent_kernel(network, at::zeros({3162, 3}), 1ull << 30);
  });
}

}  // namespace
}  // namespace overparam::kernel
