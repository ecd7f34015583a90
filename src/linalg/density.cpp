// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/density.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "overparam/base/random.hpp"
#include "overparam/base/require.hpp"

namespace overparam::linalg {

namespace {

void draw(at::Tensor& probe, const DensityOptions& options, int index) {
  base::fill_normal(
      probe, 1, base::Stream(options.seed, "density probe", static_cast<std::uint64_t>(index)));
}

/// All steps of one probe. False if it was told to stop.
bool run(Lanczos& process, const DensityOptions& options) {
  bool running = true;
  while (running) {
    if (options.keep_going && !options.keep_going()) return false;
    running = process.extend(1);
  }
  return true;
}

/// One row a probe, as long as the longest.
void tabulate(const std::vector<RitzValues>& probes, SpectralDensity& density) {
  std::size_t longest = 0;
  for (const auto& probe : probes) longest = std::max(longest, probe.values.size());
  const auto shape = {static_cast<std::int64_t>(probes.size()), static_cast<std::int64_t>(longest)};
  density.nodes = at::empty(shape, at::kDouble);
  density.weights = at::zeros(shape, at::kDouble);
  auto nodes = density.nodes.accessor<double, 2>();
  auto weights = density.weights.accessor<double, 2>();
  for (std::size_t p = 0; p < probes.size(); ++p) {
    const auto row = static_cast<std::int64_t>(p);
    for (std::size_t i = 0; i < longest; ++i) {
      const auto column = static_cast<std::int64_t>(i);
      const bool is_there = i < probes[p].values.size();
      nodes[row][column] = is_there ? probes[p].values[i] : probes[p].values.back();
      if (is_there) weights[row][column] = probes[p].weights[i];
    }
  }
}

void check(const SpectralDensity& density) {
  base::require(density.nodes.defined() && density.nodes.dim() == 2 &&
                    density.nodes.sizes() == density.weights.sizes() && density.nodes.numel() > 0,
                ErrorKind::usage,
                "spectral density: expected nodes and weights of one probe or more, each (p, k)");
}

/// What each probe says of the mean of f(node): (p).
template <typename Function>
Estimate mean_over_probes(const at::Tensor& nodes, const at::Tensor& weights, const Function& f) {
  const auto node = nodes.accessor<double, 2>();
  const auto weight = weights.accessor<double, 2>();
  std::vector<double> means(static_cast<std::size_t>(nodes.size(0)), 0.0);
  for (std::size_t p = 0; p < means.size(); ++p) {
    const auto row = static_cast<std::int64_t>(p);
    for (std::int64_t i = 0; i < nodes.size(1); ++i) {
      // Padding must not count, whatever f is there.
      if (weight[row][i] > 0) means[p] += weight[row][i] * f(node[row][i]);
    }
  }
  return estimate_mean(means);
}

template <typename Function>
Estimate mean_over_probes(const SpectralDensity& density, const Function& f) {
  check(density);
  return mean_over_probes(
      density.nodes.to(at::kCPU, at::kDouble), density.weights.to(at::kCPU, at::kDouble), f);
}

/// f(point, node) averaged at each point.
template <typename Function>
DensityCurve curve(const SpectralDensity& density, const at::Tensor& points, const Function& f) {
  check(density);
  const at::Tensor at_points = points.to(at::kCPU, at::kDouble).reshape({-1}).contiguous();
  const at::Tensor nodes = density.nodes.to(at::kCPU, at::kDouble);
  const at::Tensor weights = density.weights.to(at::kCPU, at::kDouble);
  DensityCurve result{.values = at::empty_like(at_points),
                      .standard_errors = at::empty_like(at_points)};
  const double* const point = at_points.data_ptr<double>();
  for (std::int64_t t = 0; t < at_points.numel(); ++t) {
    const Estimate estimate =
        mean_over_probes(nodes, weights, [&](double node) { return f(point[t], node); });
    result.values.data_ptr<double>()[t] = estimate.value;
    result.standard_errors.data_ptr<double>()[t] = estimate.standard_error;
  }
  return result;
}

}  // namespace

SpectralDensity spectral_density(const SymmetricOperator& op,
                                 std::int64_t size,
                                 const DensityOptions& options) {
  base::require(size > 0 && options.probes > 0 && options.steps > 0,
                ErrorKind::usage,
                "spectral density: expected one probe, step and row or more, found {} probes, {} "
                "steps and {} rows",
                options.probes,
                options.steps,
                size);
  at::Tensor probe = at::empty({size}, at::kDouble);
  draw(probe, options, 0);
  Lanczos process([&op](const at::Tensor& v, at::Tensor& out) { op(v, out); },
                  probe,
                  options.steps,
                  {.basis = options.basis, .reorthogonalise = options.reorthogonalise});
  SpectralDensity result{.size = size, .complete = true};
  std::vector<RitzValues> probes;
  for (int p = 0; p < options.probes && result.complete; ++p) {
    if (p > 0) {
      draw(probe, options, p);
      process.reset(probe);
    }
    result.complete = run(process, options);
    result.products += process.products();
    if (result.complete) probes.push_back(ritz_values(process));
  }
  tabulate(probes, result);
  return result;
}

Estimate spectral_mean(const SpectralDensity& density, const std::function<double(double)>& f) {
  return mean_over_probes(density, f);
}

Estimate share_below(const SpectralDensity& density, double value) {
  return mean_over_probes(density, [&](double node) { return node < value ? 1.0 : 0.0; });
}

DensityCurve broadened_density(const SpectralDensity& density,
                               const at::Tensor& points,
                               double width) {
  base::require(width > 0 && std::isfinite(width),
                ErrorKind::usage,
                "broadened density: expected a positive width, found {}",
                width);
  const double peak = 1 / (width * std::sqrt(2 * std::numbers::pi));
  return curve(density, points, [&](double point, double node) {
    const double distance = (point - node) / width;
    return peak * std::exp(-distance * distance / 2);
  });
}

DensityCurve cumulative_density(const SpectralDensity& density, const at::Tensor& points) {
  return curve(density, points, [](double point, double node) { return node < point ? 1.0 : 0.0; });
}

base::MemoryPlan plan_spectral_density(std::int64_t size, const DensityOptions& options) {
  base::MemoryPlan plan("spectral density");
  if (options.reorthogonalise) {
    plan.add("Lanczos vectors",
             {std::min<std::int64_t>(options.steps, size), size},
             c10::elementSize(options.basis));
    plan.add("working vectors", {3, size}, sizeof(double));
  } else {
    plan.add("working vectors", {4, size}, sizeof(double));
  }
  return plan;
}

}  // namespace overparam::linalg
