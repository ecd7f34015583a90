// SPDX-License-Identifier: Apache-2.0
// What the theorems speak of, measured along a run.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "overparam/net/sign_pattern.hpp"
#include "overparam/train/trainer.hpp"

namespace overparam::train {

/// One recorded step of a run. The costly quantities are measured at some of them only.
struct TrajectoryPoint {
  std::int64_t step = 0;
  double seconds = 0;
  double objective = 0;
  double accuracy = 0;  ///< NaN without labels

  /// Whether the rest was measured.
  bool is_full = false;
  /// |grad F|_F^2; NaN for SGD on more than 1,024 samples.
  double squared_gradient = 0;
  std::vector<double> spectral_distance;  ///< |W_k - W_k^(0)|_2 for each trained block
  double frobenius_distance = 0;          ///< |W - W^(0)|_F over the trained blocks
  /// Share of signs that differ from the start, a hidden layer each; for SGD over the first 1,024
  /// samples.
  std::vector<double> sign_changes;

  std::optional<NewtonStep> newton;  ///< the step of Gauss-Newton that led here

  /// omega = max_k |W_k - W_k^(0)|_2
  [[nodiscard]] double radius() const;
};

/// Watches a run. Records the first hundred steps and then steps that grow by 2 %; measures the
/// costly quantities at steps that grow by a fifth (Gauss-Newton: at each of the first 30). W^(0)
/// is drawn again block by block, never kept.
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

  /// Makes sure that the last step is recorded in full.
  void finish(const Moment& moment);

  /// Goes on from the points of an interrupted run.
  void restore(std::vector<TrajectoryPoint> points);

  [[nodiscard]] const std::vector<TrajectoryPoint>& points() const { return points_; }

 private:
  [[nodiscard]] std::int64_t full_after(std::int64_t step) const;
  [[nodiscard]] TrajectoryPoint measure(const Moment& moment, bool full) const;
  void measure_weights(const Moment& moment, TrajectoryPoint& point) const;
  void measure_samples(const Moment& moment, TrajectoryPoint& point) const;

  const Problem& problem_;
  std::uint64_t seed_;
  std::int64_t num_probes_;
  std::int64_t full_until_;  // steps before this are all measured in full
  std::int64_t next_recorded_ = 0;
  std::int64_t next_full_ = 0;
  net::SignPattern initial_signs_;
  std::vector<TrajectoryPoint> points_;
};

}  // namespace overparam::train
