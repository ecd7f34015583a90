// SPDX-License-Identifier: Apache-2.0
// The learners of Allen-Zhu, Li 2019 on the concept that needs two layers one upon the other,
//
//     H(x) = beta F(x) + alpha G(F(x)),   x uniform in {-1, 1}^30,   F, G in R^8
//     F = (x_1 x_2, x_3 x_4, .., x_15 x_16)
//     G(y) = (y_1 y_2 y_3 y_4, four times, y_5 y_6 y_7 y_8, four times)
//
// G alone has |alpha G|^2 = 8 alpha^2: a learner whose risk E |out - H|^2 stays above that has not
// learned the composition.
#pragma once

#include <cstdint>

#include "overparam/base/memory.hpp"

namespace overparam::study {

struct ParityConcept {
  double alpha = 0.3;
  double beta = 1;

  /// 8 alpha^2
  [[nodiscard]] double composite_energy() const { return 8 * alpha * alpha; }
};

/// The number of samples is the paper's; the risk is that on fresh ones.
inline constexpr std::int64_t kParitySamples = 1000;
inline constexpr std::int64_t kParityTestSamples = 2000;

/// Trained networks: out_1 = A relu((W + W_0)(x, 1)) alone, or out_1 + A relu((V + V_0)(out_1, 1)).
enum class ParityNetwork { two_layer, three_layer_residual };

/// SGD with momentum 0.9 and batches of 50 on the mean over samples of 1/2 |out - H|^2 + decay/2
/// |weights|^2; the step size falls to a tenth after half of the epochs.
struct ParityTraining {
  ParityNetwork network = ParityNetwork::three_layer_residual;
  std::int64_t width = 200;
  double step_size = 0.5;
  double weight_decay = 2e-4;
  std::int64_t epochs = 800;
};

struct ParityRisk {
  bool diverged = false;  ///< then there are no risks
  double train = 0;
  double test = 0;
  double ridge = 0;  ///< of the regressions, over the mean eigenvalue of their kernel
};

/// Time: 20 epochs steps on 50 samples, 5 s at width 500.
ParityRisk train_on_parity(const ParityConcept& task,
                           const ParityTraining& training,
                           std::uint64_t seed);

/// The best over ridges of least squares on relu((W_0)(x, 1)), `width` of them: the last layer
/// alone. The ridge is chosen on the test samples, for each seed by itself, which is kinder than
/// the choice among trainings. Time: 2 n^2 m for n = 3000 samples, and the eigenvectors of a matrix
/// of 1000; 1 s.
ParityRisk last_layer_on_parity(const ParityConcept& task, std::int64_t width, std::uint64_t seed);

/// The same for the limit of training the first of two layers as m grows, kernel regression with
/// H_infinity. Time: as above with m = 31.
ParityRisk kernel_on_parity(const ParityConcept& task, std::uint64_t seed);

/// What the run of this width holds at once.
base::MemoryPlan plan_parity(std::int64_t width);

}  // namespace overparam::study
