// SPDX-License-Identifier: Apache-2.0
// A small regression problem and networks for it.
#pragma once

#include <ATen/ATen.h>

#include "overparam/net/catalogue.hpp"
#include "overparam/net/network.hpp"
#include "overparam/train/problem.hpp"
#include "support/tensors.hpp"

namespace overparam::tests {

inline train::Problem small_problem(std::int64_t n = 12,
                                    std::int64_t d = 2,
                                    at::ScalarType type = at::kDouble,
                                    const char* loss = "squared") {
  train::Problem problem{.inputs = normal({n, 6}, "problem inputs", type),
                         .targets = normal({n, d}, "problem targets", type),
                         .loss = net::find_loss(loss)};
  problem.inputs /= problem.inputs.norm(2, 1, true);
  if (problem.loss.targets != net::TargetKind::any) {
    problem.labels = at::arange(n, at::kLong).remainder(d);
    problem.targets = at::one_hot(problem.labels, d).to(type);
    problem.num_classes = d;
  }
  return problem;
}

inline net::Network small_network(const train::Problem& problem,
                                  std::int64_t width = 64,
                                  std::int64_t depth = 2,
                                  std::uint64_t seed = 1,
                                  const char* trained = "hidden") {
  auto shape = net::find_network("fc").build({.input_size = problem.inputs.size(1),
                                              .num_outputs = problem.targets.size(1),
                                              .width = width,
                                              .depth = depth});
  net::select_trained(shape, trained);
  return {shape, seed, problem.inputs.options()};
}

}  // namespace overparam::tests
