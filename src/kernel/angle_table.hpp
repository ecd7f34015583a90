// SPDX-License-Identifier: Apache-2.0
// A function of the angle between two inputs of norm 1, as a Chebyshev series on [0, pi]. In the
// angle, not in its cosine: kernels have square-root singularities in the cosine at both ends.
#pragma once

#include <cstdint>
#include <vector>

namespace overparam::kernel {

class AngleTable {
 public:
  /// The angles where values are wanted: `intervals` + 1 of them, both ends included, so that the
  /// diagonal of a kernel is exact.
  static std::vector<double> nodes(int intervals);

  /// @param values at nodes(values.size() - 1)
  explicit AngleTable(const std::vector<double>& values);

  /// Coefficients c_k of sum_k c_k T_k(1 - 2 t / pi)
  [[nodiscard]] const std::vector<double>& series() const { return series_; }

  /// The sum of a series at an angle.
  static double sum(const std::vector<double>& series, double angle);

 private:
  std::vector<double> series_;
};

}  // namespace overparam::kernel
