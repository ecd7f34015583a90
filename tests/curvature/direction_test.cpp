// SPDX-License-Identifier: Apache-2.0
// Directions of negative curvature: four methods on one quadratic, and Lanczos on networks.
#include "overparam/curvature/direction.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "curvature/problems.hpp"
#include "overparam/curvature/network_objective.hpp"
#include "overparam/linalg/eigenpairs.hpp"
#include "overparam/net/catalogue.hpp"
#include "support/files.hpp"
#include "support/tolerance.hpp"

namespace overparam::curvature {
namespace {

using tests::normal;
using tests::Quadratic;
using tests::SmallNetwork;

/// Eigenvalues from 0 to 10 with a cluster of negative ones, -0.52 the least, in a random basis.
at::Tensor negative_cluster(std::int64_t size) {
  at::Tensor values = at::linspace(0, 10, size, at::kDouble);
  values[0] = -0.52;
  values[1] = -0.35;
  values[2] = -0.34;
  const at::Tensor basis = std::get<0>(at::linalg_qr(normal({size, size}, "basis")));
  return at::matmul(basis * values, basis.t());
}

double cosine(const at::Tensor& a, const at::Tensor& b) {
  return (at::dot(a, b) / (a.norm() * b.norm())).abs().item<double>();
}

struct Known {
  at::Tensor hessian = negative_cluster(150);
  Quadratic objective{hessian, normal({150}, "weights"), 5, 0.02};
  at::Tensor values;
  at::Tensor vectors;

  Known() { std::tie(values, vectors) = at::linalg_eigh(hessian); }
  [[nodiscard]] HessianProduct product() const { return {objective, objective.weights(), {}}; }
};

TEST(Directions, LanczosFindsTheLeastPairOfAKnownSpectrum) {
  const Known known;
  const auto product = known.product();
  const auto found = most_negative_direction(product, {.max_products = 150, .tolerance = 1e-9});
  EXPECT_NEAR(found.curvature, known.values[0].item<double>(), 1e-6);
  EXPECT_NEAR(cosine(found.vector, known.vectors.select(1, 0)), 1, 1e-6);
  EXPECT_LT(found.residual, 1e-6);
  EXPECT_TRUE(found.converged);
  EXPECT_NEAR(found.largest, 10, 0.01);
}

/// A network of the paper with few samples: its kinks make differences of gradients far from
/// linear.
std::unique_ptr<Objective> kinked_objective() {
  at::Tensor inputs = normal({10, 20}, "kinked inputs");
  inputs /= inputs.norm(2, 1, true);
  const auto shape =
      net::make_architecture("fc", {.input_size = 20, .num_outputs = 1, .width = 128, .depth = 2});
  const net::Network network(shape, 0, inputs.options());
  return network_objective(network,
                           {.inputs = inputs, .targets = normal({10, 1}, "kinked targets")},
                           net::find_loss("squared"));
}

TEST(Directions, LanczosGoesOnWhereItsClaimIsNotConfirmed) {
  const auto objective = kinked_objective();
  const HessianProduct product(*objective, objective->weights(), {});
  constexpr int kProducts = 60;
  const auto once = linalg::eigenpairs(
      [&](const at::Tensor& v, at::Tensor& out) { product(v, out); },
      objective->size(),
      {.smallest = 1, .largest = 1, .max_products = kProducts, .tolerance = 1e-2});
  const auto& claimed = once.smallest.front();
  const auto found = most_negative_direction(product, {.max_products = kProducts});
  EXPECT_LT(claimed.claimed_residual, 1e-2);
  EXPECT_GT(claimed.residual, 0.1) << "the claim is not so";
  EXPECT_LT(found.residual, claimed.residual);
  EXPECT_LT(found.curvature, 1.1 * claimed.rayleigh_quotient);
  EXPECT_LE(found.products, kProducts + 1);
}

class EveryMethod : public testing::TestWithParam<DirectionMethod> {};

TEST_P(EveryMethod, FindsTheMostNegativeCurvature) {
  const Known known;
  const auto product = known.product();
  const auto found = most_negative_direction(
      product,
      {.method = GetParam(), .max_products = GetParam() == DirectionMethod::lanczos ? 60 : 400});
  EXPECT_LT(found.curvature, -0.45) << found.method;
  // Neon2 stops as soon as its walk is long enough: it promises curvature, not the eigenvector.
  const bool walks = found.method.starts_with("Neon2");
  EXPECT_GT(cosine(found.vector, known.vectors.select(1, 0)), walks ? 0.7 : 0.9) << found.method;
  EXPECT_NEAR(found.vector.norm().item<double>(), 1, 1e-9);
  EXPECT_EQ(found.converged, found.residual <= 1e-2);
}

INSTANTIATE_TEST_SUITE_P(Methods,
                         EveryMethod,
                         testing::Values(DirectionMethod::lanczos,
                                         DirectionMethod::oja,
                                         DirectionMethod::neon_online,
                                         DirectionMethod::neon_det),
                         [](const auto& method) {
                           std::string name = to_string(method.param);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(Directions, WithoutNegativeCurvatureTheLeastIsReported) {
  const Quadratic objective(at::diag(at::linspace(1, 5, 40, at::kDouble)), normal({40}, "weights"));
  const HessianProduct product(objective, objective.weights(), {});
  const auto found = most_negative_direction(product, {.max_products = 40, .tolerance = 1e-8});
  EXPECT_NEAR(found.curvature, 1, 1e-6);
}

TEST(Directions, OfASmoothNetworkAreThoseOfItsHessian) {
  const SmallNetwork network(/*smooth=*/true);
  const HessianProduct product(network, network.weights(), {.step = 1e-4});
  const auto found = most_negative_direction(product, {.max_products = 120, .tolerance = 1e-3});
  at::Tensor hessian = network.dense_hessian();
  const auto values = at::linalg_eigvalsh(0.5 * (hessian + hessian.t()));
  EXPECT_NEAR(found.curvature / values[0].item<double>(), 1, 0.01);
  EXPECT_LT(found.residual, 1e-2);
  const auto top = top_directions(product, 2, {.max_products = 120, .tolerance = 1e-3});
  ASSERT_EQ(top.size(), 2);
  EXPECT_NEAR(top[0].curvature / values[-1].item<double>(), 1, 1e-3);
  EXPECT_NEAR(top[1].curvature / values[-2].item<double>(), 1, 1e-3);
}

/// The operator of a ReLU network is not linear: what the recurrence claims is not what holds.
TEST(Directions, ResidualIsComputedAnew) {
  const SmallNetwork network(/*smooth=*/false);
  const HessianProduct product(network, network.weights(), {.step = 1e-3});
  const auto found = most_negative_direction(product, {.max_products = 100, .tolerance = 1e-3});
  at::Tensor image = at::empty_like(found.vector);
  product(found.vector, image);
  const double curvature = at::dot(found.vector, image).item<double>();
  EXPECT_NEAR(found.curvature / curvature, 1, 1e-9);
  EXPECT_NEAR(found.residual /
                  ((image - curvature * found.vector).norm().item<double>() / std::abs(curvature)),
              1,
              1e-6);
  EXPECT_GT(found.residual, 3 * found.claimed_residual);
}

TEST(Directions, BatchesTellTheStandardError) {
  const Known known;
  const auto product = known.product();
  const at::Tensor v = known.vectors.select(1, 0).contiguous();
  const auto estimate = batch_curvature(product, v);
  EXPECT_NEAR(estimate.value, -0.52, 1e-6);
  // Batches differ by 0.02 v^T (N + N^T) v, of deviation 0.04.
  EXPECT_GT(estimate.standard_error, 0.02 / std::sqrt(5.0));
  EXPECT_LT(estimate.standard_error, 0.08 / std::sqrt(5.0));
}

TEST(Directions, GradientHasItsNormAndSign) {
  const Known known;
  const auto gradient = gradient_direction(known.objective, known.objective.weights());
  const at::Tensor expected = at::mv(known.hessian, known.objective.weights());
  EXPECT_NEAR(gradient.norm / expected.norm().item<double>(), 1, 1e-12);
  EXPECT_LT(tests::relative_difference(gradient.vector * gradient.norm, expected),
            tests::kRounding);
  at::Tensor v = -expected;
  orient(v, gradient.vector);
  EXPECT_TRUE(at::equal(v, expected));
}

TEST(Directions, FilterNormalisedOnesHaveTheFiltersNorms) {
  const SmallNetwork network(false);
  const at::Tensor direction = filter_normalised_direction(network, network.weights(), 3);
  for (const auto& tensor : network.tensors()) {
    const auto part = [&](const at::Tensor& flat) {
      return flat.narrow(0, tensor.begin, tensor.numel());
    };
    if (tensor.sizes.size() == 1) {
      EXPECT_EQ(part(direction).norm().item<double>(), 0);
      continue;
    }
    const auto norms = [&](const at::Tensor& flat) {
      return part(flat).view(tensor.sizes).norm(2, 1);
    };
    EXPECT_LT(tests::relative_difference(norms(direction), norms(network.weights())),
              tests::kRounding);
  }
}

TEST(Directions, PrincipalOnesHoldTheTrajectory) {
  const at::Tensor a = normal({50}, "a");
  const at::Tensor b = normal({50}, "b");
  std::vector<at::Tensor> trajectory;
  for (int t = 0; t < 6; ++t) trajectory.push_back(t * a + std::cos(t) * b);
  const auto found = principal_directions(trajectory, 2);
  EXPECT_NEAR(found.shares[0] + found.shares[1], 1, 1e-9);
  EXPECT_NEAR(at::dot(found.vectors[0], found.vectors[1]).item<double>(), 0, 1e-9);
  for (const at::Tensor& v : {a, b}) {
    at::Tensor rest = v.clone();
    for (const auto& axis : found.vectors) rest -= at::dot(axis, v) * axis;
    EXPECT_LT((rest.norm() / v.norm()).item<double>(), 1e-9);
  }
  tests::expect_error(
      ErrorKind::data, {"fewer than 3"}, [&] { principal_directions(trajectory, 3); });
  tests::expect_error(ErrorKind::usage, {"3 points", "found 2"}, [&] {
    principal_directions({a, b}, 2);
  });
}

TEST(Directions, StochasticMethodsNeedBatches) {
  const Quadratic objective(negative_cluster(20), normal({20}, "weights"));
  const HessianProduct product(objective, objective.weights(), {});
  tests::expect_error(ErrorKind::usage, {"oja", "single"}, [&] {
    most_negative_direction(product, {.method = DirectionMethod::oja});
  });
}

}  // namespace
}  // namespace overparam::curvature
