// SPDX-License-Identifier: Apache-2.0
// SGD on structured data with the two-layer network of Li, Liang 2018:
//
//     f_c(x) = sum_r a_{cr} relu(w_r^T x)     w_r ~ N(0, I/m),  a_{cr} ~ N(0, 1) fixed
//
// k classes of l components each: x = mean + noise, mean ~ N(0, spread^2 I/dx) one a component,
// noise ~ N(0, noise^2 I/dx). Cross-entropy, batches of `batch`, W <- W - eta (1/b) sum grad.
#pragma once

#include <cstdint>
#include <vector>

#include "overparam/base/memory.hpp"

namespace overparam::study {

struct ClustersSetting {
  std::int64_t samples = 1000;  ///< for training, and as many for the test
  std::int64_t dimension = 1000;
  std::int64_t classes = 10;
  std::int64_t components = 2;
  std::int64_t width = 1000;
  std::int64_t steps = 400;
  std::int64_t batch = 16;
  double step_size = 0.01;
  double spread = 5;
  double noise = 1;
  std::uint64_t seed = 0;
};

struct ClustersResult {
  double train_accuracy = 0;
  double test_accuracy = 0;
  double changed_signs = 0;           ///< share of (i, r) over the training samples
  double relative_distance = 0;       ///< |W - W(0)|_F / |W(0)|_F
  std::vector<double> energy_shares;  ///< of |W - W(0)|_F^2, by singular direction, descending
};

ClustersResult run_clusters(const ClustersSetting& setting);
base::MemoryPlan plan_clusters(const ClustersSetting& setting);

}  // namespace overparam::study
