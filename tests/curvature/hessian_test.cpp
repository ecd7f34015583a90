// SPDX-License-Identifier: Apache-2.0
// Hessian products against a dense Hessian, and against the losses themselves where there is none.
#include "overparam/curvature/hessian.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "curvature/problems.hpp"
#include "support/files.hpp"
#include "support/tolerance.hpp"

namespace overparam::curvature {
namespace {

using tests::normal;
using tests::Quadratic;
using tests::relative_difference;
using tests::SmallNetwork;

at::Tensor unit(const at::Tensor& v) { return v / v.norm(); }

at::Tensor product(const Objective& objective, const ProductOptions& options, const at::Tensor& v) {
  const HessianProduct hessian(objective, objective.weights(), options);
  at::Tensor out = at::empty_like(v);
  hessian(v, out);
  return out;
}

TEST(HessianProduct, OfAQuadraticIsItsMatrix) {
  const at::Tensor root = normal({30, 30}, "root");
  const at::Tensor hessian = root + root.t();
  const Quadratic objective(hessian, normal({30}, "weights"));
  const at::Tensor v = 7 * normal({30}, "v");
  for (const auto kind : {ProductKind::difference, ProductKind::smoothed}) {
    EXPECT_LT(relative_difference(product(objective, {.kind = kind}, v), at::mv(hessian, v)), 1e-9)
        << to_string(kind);
  }
  EXPECT_EQ(product(objective, {}, at::zeros({30}, at::kDouble)).norm().item<double>(), 0);
}

TEST(HessianProduct, OfASmoothNetworkIsThatOfDifferentiatingTwice) {
  const SmallNetwork network(/*smooth=*/true);
  const at::Tensor v = normal({network.size()}, "v");
  const at::Tensor twice = product(network, {.kind = ProductKind::autograd}, v);
  EXPECT_LT(relative_difference(twice, at::mv(network.dense_hessian(), v)), tests::kAutograd);
  EXPECT_LT(relative_difference(product(network, {.step = 1e-4}, v), twice), 1e-3);
}

/// With noise the objective is smooth, and its curvature is known from losses alone. The mean of
/// differences of gradients is it; the mean of what differentiating twice gives is not, the less so
/// the less noise there is: kinks carry a share of the curvature.
TEST(HessianProduct, OfAReluNetworkHasTheKinksCurvature) {
  const SmallNetwork network(/*smooth=*/false);
  const at::Tensor& centre = network.weights();
  at::Tensor hessian = network.dense_hessian();
  const auto [values, vectors] = at::linalg_eigh(0.5 * (hessian + hessian.t()));
  const at::Tensor v = vectors.select(1, values.size(0) - 1).contiguous();
  constexpr int kDraws = 500;
  double worst_twice = 0;
  for (const double sigma : {0.003, 0.01, 0.03, 0.1}) {
    const double step = sigma / 2;
    double by_gradients = 0;
    double by_losses = 0;
    double by_twice = 0;
    at::Tensor near = at::empty_like(v);
    at::Tensor far = at::empty_like(v);
    for (int draw = 0; draw < kDraws; ++draw) {
      const at::Tensor xi = sigma * normal({v.size(0)}, "xi " + std::to_string(draw));
      const at::Tensor point = centre + xi;
      network.gradient(point - step * v, near);
      network.gradient(point + step * v, far);
      by_gradients += at::dot(v, far - near).item<double>() / (2 * step);
      by_losses += curvature_by_losses(network, point, v, step);
      network.second_derivative(point, v, near);
      by_twice += at::dot(v, near).item<double>();
    }
    EXPECT_NEAR(by_gradients / by_losses, 1, 0.01) << sigma;
    worst_twice = std::max(worst_twice, std::abs(by_twice / by_losses - 1));
  }
  EXPECT_GT(worst_twice, 0.03);  // the control
}

TEST(HessianProduct, SmoothedIsTheMeanOverItsDraws) {
  const SmallNetwork network(/*smooth=*/false);
  const at::Tensor v = unit(normal({network.size()}, "v"));
  const ProductOptions options{.kind = ProductKind::smoothed, .step = 2e-3, .sigma = 0.02, .draws = 3, .seed = 5};
  const double length = options.step * network.weights().norm().item<double>();
  at::Tensor sum = at::zeros_like(v);
  at::Tensor gradient = at::empty_like(v);
  for (std::uint64_t draw = 0; draw < 3; ++draw) {
    at::Tensor centre = network.weights().clone();
    add_filter_noise(network.tensors(), 0.02, 5, draw, centre);
    network.gradient(centre + length * v, gradient);
    sum += gradient / (6 * length);
    network.gradient(centre - length * v, gradient);
    sum -= gradient / (6 * length);
  }
  EXPECT_LT(relative_difference(product(network, options, v), sum), tests::kRounding);
}

TEST(HessianProduct, BatchesAddUpToTheWhole) {
  const SmallNetwork network(/*smooth=*/false);
  const HessianProduct hessian(network, network.weights(), {});
  const at::Tensor v = normal({network.size()}, "v");
  at::Tensor whole = at::empty_like(v);
  hessian(v, whole);
  at::Tensor sum = at::zeros_like(v);
  at::Tensor part = at::empty_like(v);
  for (std::int64_t batch = 0; batch < network.num_batches(); ++batch) {
    hessian.of_batch(batch, v, part);
    sum += part / network.num_batches();
  }
  EXPECT_LT(relative_difference(sum, whole), 1e-9);
}

TEST(FilterNoise, HasTheShareOfEachFiltersNorm) {
  const std::vector<net::WeightTensor> tensors{{.name = "w", .sizes = {200, 5, 3, 3}, .begin = 0},
                                               {.name = "b", .sizes = {1000}, .begin = 9000}};
  const at::Tensor before = normal({10'000}, "weights") * at::linspace(1, 3, 10'000, at::kDouble);
  at::Tensor after = before.clone();
  add_filter_noise(tensors, 0.1, 1, 0, after);
  const at::Tensor moved = (after - before).narrow(0, 0, 9000).view({200, 45}).norm(2, 1);
  const at::Tensor shares = moved / before.narrow(0, 0, 9000).view({200, 45}).norm(2, 1);
  EXPECT_NEAR(shares.square().mean().item<double>(), 0.01, 0.01 * 5 * std::sqrt(2.0 / 9000));
  const double bias = ((after - before).narrow(0, 9000, 1000).norm() / before.narrow(0, 9000, 1000).norm()).item<double>();
  EXPECT_NEAR(bias, 0.1, 0.1 * 5 / std::sqrt(2000.0));
}

TEST(HessianProduct, WrongOptionsAreNamed) {
  const Quadratic objective(at::eye(3, at::kDouble), at::ones({3}, at::kDouble));
  const auto refused = [&](std::initializer_list<std::string_view> parts, const ProductOptions& options) {
    tests::expect_error(ErrorKind::usage, parts, [&] {
      HessianProduct(objective, objective.weights(), options);
    });
  };
  refused({"step", "-1"}, {.step = -1});
  refused({"sigma", "0"}, {.kind = ProductKind::smoothed, .sigma = 0});
  refused({"draws", "0"}, {.kind = ProductKind::smoothed, .draws = 0});
  refused({"no second derivatives"}, {.kind = ProductKind::autograd});
  tests::expect_error(ErrorKind::data, {"norm 0"}, [&] {
    HessianProduct(objective, at::zeros({3}, at::kDouble), {});
  });
}

}  // namespace
}  // namespace overparam::curvature
