// SPDX-License-Identifier: Apache-2.0
#include "overparam/kernel/infinite.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <numbers>

#include "overparam/base/require.hpp"
#include "overparam/linalg/products.hpp"

namespace overparam::kernel {

namespace {

using std::numbers::pi;

/// 1 - cos of an angle, followed through the layers: gap = 1 - S.
struct Layer {
  double gap;

  [[nodiscard]] double cosine() const { return 1 - gap; }
  [[nodiscard]] double angle() const { return 2 * std::asin(std::sqrt(std::min(gap, 2.0) / 2)); }

  /// k0(S), the share of neurons that are active for both inputs, times 2.
  [[nodiscard]] double k0() const { return 1 - angle() / pi; }

  /// S -> k1(S): gap' = gap - (sin t - t cos t) / pi, with the series where the difference cancels.
  [[nodiscard]] Layer next() const {
    const double t = angle();
    const double t2 = t * t;
    const double difference =
        t < 0.5
            ? t * t2 *
                  (1.0 / 3 - t2 * (1.0 / 30 - t2 * (1.0 / 840 - t2 * (1.0 / 45360 - t2 / 3991680))))
            : std::sin(t) - t * std::cos(t);
    return {gap - difference / pi};
  }
};

double theta_from_gap(double gap, std::int64_t depth, DenseTrained trained) {
  Layer layer{gap};  // S_{-1}
  double theta = trained == DenseTrained::hidden_and_first ? layer.cosine() * layer.k0() : 0;
  for (std::int64_t l = 1; l <= depth; ++l) {
    layer = layer.next();  // S_{l-1}
    theta = layer.k0() * (theta + layer.cosine());
  }
  return theta;
}

}  // namespace

at::Tensor infinite_kernel(const at::Tensor& inputs, std::int64_t depth, DenseTrained trained) {
  const at::Tensor rows = inputs.to(at::kCPU, at::kDouble).contiguous();
  const std::int64_t n = rows.size(0);
  const std::int64_t columns = rows.size(1);
  const at::Tensor norms = rows.norm(2, 1);
  base::require(norms.min().item<double>() > 0,
                ErrorKind::data,
                "infinite kernel: sample {} is zero, its angle to the others is not defined",
                norms.argmin().item<std::int64_t>());
  const at::Tensor units = rows / norms.view({n, 1});
  at::Tensor kernel = at::empty({n, n}, at::kDouble);
  linalg::multiply(kernel, units, units.t());

  // Cosines this close to 1 keep too few digits of 1 - S; differences keep them all.
  constexpr double kNear = 1e-4;
  const double* unit = units.data_ptr<double>();
  const double* norm = norms.data_ptr<double>();
  double* entry = kernel.data_ptr<double>();
  at::parallel_for(0, n, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        double gap = i == j ? 0 : 1 - entry[i * n + j];
        if (i != j && gap < kNear) {
          double squared = 0;
          for (std::int64_t k = 0; k < columns; ++k) {
            const double difference = unit[i * columns + k] - unit[j * columns + k];
            squared += difference * difference;
          }
          gap = squared / 2;
        }
        entry[i * n + j] = norm[i] * norm[j] * theta_from_gap(gap, depth, trained);
      }
    }
  });
  return kernel;
}

at::Tensor two_layer_kernel(const at::Tensor& inputs) {
  return infinite_kernel(inputs, 0, DenseTrained::hidden_and_first).div_(2);
}

double infinite_kernel_at(double distance, std::int64_t depth, DenseTrained trained) {
  return theta_from_gap(distance * distance / 2, depth, trained);
}

std::vector<double> feature_distances(double distance, std::int64_t depth) {
  std::vector<double> distances;
  Layer layer{distance * distance / 2};
  for (std::int64_t l = 0; l <= depth; ++l) {
    layer = layer.next();
    distances.push_back(std::sqrt(2 * layer.gap));
  }
  return distances;
}

}  // namespace overparam::kernel
