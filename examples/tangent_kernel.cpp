// SPDX-License-Identifier: Apache-2.0
// The tangent kernel K of a network at its random initial weights, by three roads: as a dense
// matrix, through products K v that never form it, and as the closed form that an infinitely wide
// network would have. Wider networks come closer to the third, like 1 / sqrt(m).
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "overparam/base/threads.hpp"
#include "overparam/kernel/infinite.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/net/catalogue.hpp"

using namespace overparam;

int main() {
  const base::ThreadGuard threads(0);
  constexpr std::int64_t kDepth = 3;
  constexpr int kSeeds = 4;
  at::manual_seed(3);
  at::Tensor inputs = at::randn({24, 8}, at::kDouble);
  inputs /= inputs.norm(2, 1, true);

  // K -> (m / 2d) Theta for outputs of dimension d = 1, so everything below is shown over m / 2.
  const at::Tensor limit = kernel::infinite_kernel(inputs, kDepth);  // (24, 24)
  const at::Tensor limit_spectrum = linalg::symmetric_eigenvalues(limit);

  fmt::print("{:>6} {:>14} {:>14} {:>14} {:>22}\n",
             "m",
             "lambda_min",
             "lambda_max",
             "by Lanczos",
             "distance to the limit");
  double scaled_low = 1e300;
  double scaled_high = 0;
  bool roads_agree = true;
  for (const std::int64_t m : {64, 256, 1024}) {
    const double scale = 2.0 / static_cast<double>(m);
    const auto shape = net::make_architecture("fc", {.input_size = 8, .width = m, .depth = kDepth});
    double least = 0, largest = 0, by_lanczos = 0, squared_distance = 0;  // sums over seeds
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      const net::Network network(shape, seed, inputs.options());
      const at::Tensor dense = kernel::tangent_kernel(network, inputs) * scale;
      squared_distance += std::pow(((dense - limit).norm() / limit.norm()).item<double>(), 2);
      const at::Tensor spectrum = linalg::symmetric_eigenvalues(dense);
      least += spectrum[0].item<double>();
      largest += spectrum[-1].item<double>();

      net::Workspace workspace(network.options());
      by_lanczos += scale * kernel::extreme_eigenvalues(network, inputs, workspace).largest;
    }
    roads_agree &= std::abs(by_lanczos - largest) < 1e-6 * largest;
    const double distance = std::sqrt(squared_distance / kSeeds);
    fmt::print("{:>6} {:>14.4f} {:>14.4f} {:>14.4f} {:>20.1f} %\n",
               m,
               least / kSeeds,
               largest / kSeeds,
               by_lanczos / kSeeds,
               100 * distance);
    scaled_low = std::min(scaled_low, distance * std::sqrt(static_cast<double>(m)));
    scaled_high = std::max(scaled_high, distance * std::sqrt(static_cast<double>(m)));
  }
  fmt::print("{:>6} {:>14.4f} {:>14.4f}\n",
             "limit",
             limit_spectrum[0].item<double>(),
             limit_spectrum[-1].item<double>());
  fmt::print("\ndistance * sqrt(m) lies between {:.2f} and {:.2f}\n", scaled_low, scaled_high);

  // Sixteen times the width is a quarter of the distance, give or take what four seeds leave open.
  return roads_agree && scaled_high < 2 * scaled_low ? 0 : 1;
}
