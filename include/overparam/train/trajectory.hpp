// SPDX-License-Identifier: Apache-2.0
// What the theorems speak of, measured along a run.
#pragma once

#include <cstdint>
#include <vector>

#include "overparam/net/sign_pattern.hpp"
#include "overparam/train/trainer.hpp"

namespace overparam::train {

/// One point of a run. Gradient and signs refer to the whole training set for GD; for SGD signs
/// refer to its first 1,024 samples, and the gradient is left out (NaN) where there are more.
struct TrajectoryPoint {
  std::int64_t step = 0;
  double seconds = 0;
  double objective = 0;
  double accuracy = 0;                    ///< NaN without labels
  double squared_gradient = 0;            ///< |grad F|_F^2
  std::vector<double> spectral_distance;  ///< |W_k - W_k^(0)|_2 for each trained block
  double frobenius_distance = 0;          ///< |W - W^(0)|_F over the trained blocks
  std::vector<double>
      sign_changes;  ///< share of signs that differ from the start, a hidden layer each

  /// omega = max_k |W_k - W_k^(0)|_2
  [[nodiscard]] double radius() const;
};

/// Watches a run: the objective at every measured step, the costly quantities at steps that
/// grow by a fifth. W^(0) is drawn again block by block, never kept.
class Trajectory {
 public:
  /// @param network at its initial weights   @param seed they were drawn with
  Trajectory(const net::Network& network,
             const Problem& problem,
             Method method,
             std::uint64_t seed,
             net::Workspace& workspace);

  /// To be called at every measured step.
  void observe(const Moment& moment);

  /// Measures the last step too, where the spacing left it out.
  void finish(const Moment& moment);

  [[nodiscard]] const std::vector<TrajectoryPoint>& points() const { return points_; }

  /// (step, objective) at every measured step.
  [[nodiscard]] const std::vector<std::int64_t>& steps() const { return steps_; }
  [[nodiscard]] const std::vector<double>& objectives() const { return objectives_; }

 private:
  TrajectoryPoint measure(const Moment& moment) const;
  void measure_weights(const Moment& moment, TrajectoryPoint& point) const;
  void measure_samples(const Moment& moment, TrajectoryPoint& point) const;

  const Problem& problem_;
  std::uint64_t seed_;
  std::int64_t num_probes_;
  std::int64_t next_step_ = 0;
  net::SignPattern initial_signs_;
  std::vector<TrajectoryPoint> points_;
  std::vector<std::int64_t> steps_;
  std::vector<double> objectives_;
};

}  // namespace overparam::train
