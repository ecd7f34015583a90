// SPDX-License-Identifier: Apache-2.0
#include "overparam/claims/run_facts.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "overparam/base/memory.hpp"
#include "overparam/claims/claim.hpp"
#include "overparam/data/geometry.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/linalg/lanczos.hpp"
#include "overparam/linalg/spectral_norm.hpp"

namespace overparam::claims {

namespace {

/// max_i |Back_{i,l}|_2 over the samples, for each use of a trained block from the top down. With
/// unit cotangents delta_l is D_l Back_{l+1}^T, so Back_l = delta^T W.
std::vector<double> backward_norms(const net::Network& network,
                                   const net::Tape& tape,
                                   net::Workspace& workspace) {
  std::vector<double> norms;
  network.backward(
      tape,
      net::unit_cotangents(tape),
      workspace,
      [&](const net::Use& use, const at::Tensor& delta, const auto&) {
        const bool is_hidden = use.layer > 0 && use.layer + 1 < network.architecture().num_layers();
        if (!is_hidden) return;
        const at::Tensor back = at::matmul(delta, network.parameters()[use.block]);  // (d, n, m)
        const at::Tensor grams = at::matmul(back.permute({1, 0, 2}), back.permute({1, 2, 0}));
        norms.push_back(std::sqrt(at::linalg_eigvalsh(grams).max().item<double>()));
      });
  std::ranges::reverse(norms);
  return norms;
}

/// |D_L W_L ... D_1 W_1|_2 for the first sample.
double product_norm(const net::Network& network, const net::Tape& tape) {
  const int depth = network.architecture().num_layers() - 2;
  const auto type = network.parameters()[0].scalar_type();
  std::vector<at::Tensor> active{at::Tensor()};
  for (int layer = 1; layer <= depth; ++layer)
    active.push_back((tape.features(layer)[0] > 0).to(type));
  const auto up = [&](const at::Tensor& v) {
    at::Tensor h = v.to(network.options());
    for (int layer = 1; layer <= depth; ++layer) {
      h = at::mv(network.parameters()[layer], h) * active[static_cast<std::size_t>(layer)];
    }
    return h;
  };
  const auto down = [&](const at::Tensor& v) {
    at::Tensor h = v;
    for (int layer = depth; layer >= 1; --layer) {
      h = at::mv(network.parameters()[layer].t(), h * active[static_cast<std::size_t>(layer)]);
    }
    return h;
  };
  return linalg::spectral_norm(up, down, network.parameters()[1].size(1));
}

/// Whether every hidden layer is phi(W h) with the layer below, phi = ReLU.
bool is_chain_of_relus(const net::Architecture& architecture) {
  bool is_chain = architecture.name == "fc" && architecture.num_layers() > 2;
  for (int layer = 0; layer + 1 < architecture.num_layers(); ++layer) {
    is_chain &= architecture.layers[static_cast<std::size_t>(layer)].activation.name == "relu";
  }
  return is_chain;
}

}  // namespace

InitialFacts measure_initial(const net::Network& network,
                             const train::Problem& problem,
                             net::Workspace& workspace,
                             const InitialOptions& options) {
  InitialFacts facts;
  facts.num_samples = std::min(options.most_samples, problem.size());
  const net::Tape tape = network.record(problem.inputs.narrow(0, 0, facts.num_samples), workspace);
  for (const int layer : network.architecture().sign_layers()) {
    const at::Tensor features = tape.features(layer).to(at::kCPU, at::kDouble);
    const at::Tensor norms = features.norm(2, 1);
    facts.smallest_norm.push_back(norms.min().item<double>());
    facts.largest_norm.push_back(norms.max().item<double>());
    facts.smallest_separation.push_back(data::separation(features).distance);
  }
  const bool is_fc = network.architecture().name == "fc";
  if (is_fc) facts.largest_backward = backward_norms(network, tape, workspace);
  if (is_chain_of_relus(network.architecture()))
    facts.largest_product = product_norm(network, tape);

  const kernel::KernelOptions limits{.memory_limit = options.memory_limit};
  auto plan =
      kernel::plan_kernel(network.architecture(), problem.size(), 0, limits, sizeof(double)).memory;
  plan.add("network, and a copy in float64",
           {network.architecture().num_parameters()},
           sizeof(double) + network.options().dtype().itemsize());
  if (problem.targets.numel() <= options.largest_kernel && plan.fits(options.memory_limit)) {
    // float32 Grams lose the least eigenvalues of an ill-conditioned kernel altogether.
    const at::Tensor kernel = kernel::tangent_kernel(
        network.converted(at::kDouble), problem.inputs.to(at::kDouble), plan.total());
    const at::Tensor eigenvalues = linalg::symmetric_eigenvalues(kernel).contiguous();
    const double* begin = eigenvalues.data_ptr<double>();
    facts.spectrum.assign(begin, begin + eigenvalues.numel());
    facts.lambda_min = facts.spectrum.front();
  }
  return facts;
}

std::vector<CertificateLine> certify(const RunFacts& facts) {
  std::vector<CertificateLine> lines;
  if (!facts.is_papers_network()) return lines;
  for (const auto& claim : claims()) {
    if (!claim.certify) continue;
    for (auto& line : claim.certify(facts)) {
      line.claim = claim.id;
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

}  // namespace overparam::claims
