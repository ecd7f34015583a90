// SPDX-License-Identifier: Apache-2.0
// The density of eigenvalues of a symmetric operator that is known through its products, with
// standard errors.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "overparam/base/memory.hpp"
#include "overparam/linalg/fit.hpp"
#include "overparam/linalg/lanczos.hpp"

namespace overparam::linalg {

struct DensityOptions {
  int probes = 10;                     ///< random vectors, each with a Lanczos process of its own
  int steps = 30;                      ///< products, and so nodes, a probe
  std::uint64_t seed = 0;              ///< the same seed gives the same probes
  std::function<bool()> keep_going;    ///< asked before each product; none: always
  at::ScalarType basis = at::kDouble;  ///< of the Lanczos vectors
  bool reorthogonalise = true;         ///< false: memory 4 N in place of (steps + 3) N
};

/// For each probe a measure sum_i w_i delta(node_i), whose average is an estimate of the density of
/// eigenvalues (1 / N) sum_j delta(lambda_j). All that the functions below need, so that it can be
/// saved and evaluated later.
struct SpectralDensity {
  at::Tensor nodes;       ///< (p, k) ascending; where a probe has fewer, its last node again
  at::Tensor weights;     ///< (p, k) each row sums to 1; zero where a probe has fewer nodes
  std::int64_t size = 0;  ///< N
  int products = 0;       ///< probes * steps, fewer where a Krylov space was exhausted
  bool complete = false;  ///< false if `keep_going` ended it: then only finished probes are here
};

/// Stochastic Lanczos quadrature (Ubaru, Chen, Saad 2017, algorithm 1; for Hessians Ghorbani,
/// Krishnan, Xiao 2019, algorithm 2): Gauss quadrature of v^T f(M) v for v uniform on the unit
/// sphere, whose mean is (1 / N) tr f(M). Each probe is exact for polynomials f of degree 2 k - 1,
/// and for every f if M has k distinct eigenvalues or fewer.
/// Cost: probes * steps products, and 3 k N numbers read in product k of a probe where the basis is
/// kept. Memory as `plan_spectral_density` says.
/// @throws Error(usage) for less than one probe, step or row
/// @throws Error(numeric) where the operator gives a number that is not finite
SpectralDensity spectral_density(const SymmetricOperator& op,
                                 std::int64_t size,
                                 const DensityOptions& options = {});

/// (1 / N) tr f(M), the mean of f over the eigenvalues: N times it is the trace for f(x) = x. The
/// standard error is over probes: it knows nothing of the quadrature's own error for f that are far
/// from polynomials, as steps are.
Estimate spectral_mean(const SpectralDensity& density, const std::function<double(double)>& f);

/// The share of eigenvalues below `value`; N times it is their number.
Estimate share_below(const SpectralDensity& density, double value);

/// A function on points, with its standard error over probes at each.
struct DensityCurve {
  at::Tensor values;           ///< (t) float64
  at::Tensor standard_errors;  ///< (t) infinite for a single probe
};

/// sum_i w_i N(t; node_i, width^2) at each point t, averaged over probes; it integrates to 1.
/// @param points (t)   @param width standard deviation of the Gaussian, in units of eigenvalues
/// @throws Error(usage) for a width that is not positive. Cost: t p k exponentials.
DensityCurve broadened_density(const SpectralDensity& density,
                               const at::Tensor& points,
                               double width);

/// `share_below` at each of the points (t).
DensityCurve cumulative_density(const SpectralDensity& density, const at::Tensor& points);

/// What `spectral_density` takes for N = `size`, beside what the operator does.
base::MemoryPlan plan_spectral_density(std::int64_t size, const DensityOptions& options = {});

}  // namespace overparam::linalg
